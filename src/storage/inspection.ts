import { decodeText } from "../codec/text.js";
import { encodeValue } from "../codec/value.js";
import { unreachable } from "../vocabulary/assert.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import type { Epoch } from "../vocabulary/epoch.js";
import { clusterId, type GroupName, groupName, type Incarnation, incarnation, replicaId } from "../vocabulary/ids.js";
import { decodeControl } from "./control-file.js";
import { decodeIdentity, IDENTITY_PATH, IDENTITY_SIZE_BYTES_MAX } from "./identity-file.js";
import { describeLog, type EntryRange, type LogOwner, type SegmentDescription, type SegmentFile, segmentIdIn } from "./inspection-log.js";
import { decodePromise, PROMISE_PATH, PROMISE_SLOT_SIZE_BYTES, type PromiseRecord } from "./promise-file.js";
import { createReplicaStore, stepStore } from "./replica-store.js";
import { checkSegmentHead, freeSegmentIdOf, segmentIdOf } from "./segment.js";
import { feedSnapshotScan, type SnapshotHead, type SnapshotScan, snapshotOfName, startSnapshotScan } from "./snapshot-file.js";
import { transferOfName } from "./snapshot-reading.js";
import { TEMPORARY_SNAPSHOT } from "./snapshot-writing.js";
import type { PartialTransfer, StoreIdentity, StoreResult } from "./store-command.js";

/**
 * A description of a replica's files for a person. Nothing is changed and nothing is taken on trust: everything passes through the
 * readers that recovery uses, and what they refuse is told with their words.
 */

/** The only thing that inspection asks of a disk. A folder that is in use may change between two looks: then a file may be missing. */
export type LookOperation = Extract<DiskOperation, { readonly kind: "list" | "read" }>;
export type Look = (operation: LookOperation) => DiskCompletion;

/** `value` of a file that is as it should be, or what is wrong with it. */
export type FileDescription<T> =
  | { readonly path: string; readonly ok: true; readonly value: T }
  | { readonly path: string; readonly ok: false; readonly problem: string };

export interface PromiseDescription {
  /** The newest whole slot: what counts. */
  readonly record: PromiseRecord;
  /** Each slot's record, or what is wrong with it. Between two writes both hold the same. */
  readonly slots: readonly FileDescription<PromiseRecord>[];
}

export interface SnapshotDescription {
  readonly path: string;
  readonly sizeBytes: number;
  readonly head: SnapshotHead | null;
  readonly stateSlices: number;
  readonly stateBytes: number;
  readonly sessions: number;
  readonly keys: number;
  readonly checksum: number;
  /** The whole file was read, and its checksum and its counts are right. */
  readonly verified: boolean;
  readonly problem: { readonly offsetBytes: number; readonly what: string } | null;
}

export type ControlEntry = { readonly key: string; readonly sizeBytes: number; readonly value: unknown };

/** What a start of the replica would make of the folder. */
export type Verdict =
  | { readonly kind: "blank" }
  | {
      readonly kind: "whole";
      readonly promise: Epoch;
      readonly snapshotIndex: number | null;
      readonly entryCount: number;
      readonly lastIndex: number;
      readonly partial: PartialTransfer | null;
    }
  | { readonly kind: "damaged" | "unsupported"; readonly where: string; readonly what: string }
  | { readonly kind: "unreadable"; readonly code: string; readonly message: string };

export interface FolderDescription {
  readonly identity: FileDescription<StoreIdentity>;
  readonly promise: FileDescription<PromiseDescription>;
  readonly snapshots: readonly SnapshotDescription[];
  readonly segments: readonly SegmentDescription[];
  /** Snapshots on their way from a peer, and how far they have come. */
  readonly transfers: readonly { readonly path: string; readonly partial: PartialTransfer }[];
  /** Unfinished files, which the next start removes. */
  readonly leftovers: readonly string[];
  /** Names that are none of the store's. */
  readonly others: readonly string[];
  readonly verdict: Verdict;
}

export type StorageFileKind = "identity" | "promise" | "segment" | "snapshot" | "control";

const PIECE_SIZE_BYTES = 1024 * 1024;
const FILE_SIZE_BYTES_MAX = 1 << 30;
const CONTROL_PATH = "control";
const MAGICS: readonly (readonly [magic: string, kind: StorageFileKind])[] = [
  ["TRPIDENT", "identity"],
  ["TRPPROMI", "promise"],
  ["TRPSNAP1", "snapshot"],
  ["TRPCTRL1", "control"],
  ["TRPS", "segment"],
];

/** By its name; a file that was renamed, by its first eight bytes. Null: it is none of ours. */
export function fileKindOf(name: string, firstBytes: Uint8Array): StorageFileKind | null {
  if (name === IDENTITY_PATH) return "identity";
  if (name === PROMISE_PATH) return "promise";
  if (name === CONTROL_PATH) return "control";
  if (segmentIdOf(name) !== null) return "segment";
  if (snapshotOfName(name) !== null || TEMPORARY_SNAPSHOT.test(name) || transferOfName(name) !== null) return "snapshot";
  const start = decodeText(firstBytes.subarray(0, 8)) ?? "";
  return MAGICS.find(([magic]) => start.startsWith(magic))?.[1] ?? null;
}

/** Describes a replica's data folder. `range`: which entries are told one by one. */
export function describeFolder(look: Look, range: EntryRange | null): FolderDescription {
  const listed = look({ kind: "list", ticket: 0, path: "." });
  const names = listed.kind === "listed" ? [...listed.names].sort() : [];
  const identity = describeIdentityFile(look, IDENTITY_PATH);
  const promise = describePromiseFile(look, PROMISE_PATH);
  const snapshots = names
    .filter((name) => snapshotOfName(name) !== null)
    .map((name) => describeSnapshotFile(look, name, identity.ok ? identity.value.group : null));
  const owner = ownerOf(
    look,
    names.filter((name) => segmentIdOf(name) !== null),
    identity,
    promise,
    snapshots,
  );
  return {
    identity,
    promise,
    snapshots,
    segments: describeLog(segmentsOf(look, names), owner, range),
    transfers: names.flatMap((name) => transferOf(look, name)),
    leftovers: names.filter(isLeftover),
    others: names.filter((name) => isOther(name)),
    verdict: judgeFolder(look, identity),
  };
}

function isLeftover(name: string): boolean {
  return TEMPORARY_SNAPSHOT.test(name) || name.endsWith(".tmp");
}

function isOther(name: string): boolean {
  return !isLeftover(name) && freeSegmentIdOf(name) === null && fileKindOf(name, new Uint8Array(0)) === null;
}

function transferOf(look: Look, path: string): { path: string; partial: PartialTransfer }[] {
  const of = transferOfName(path);
  return of === null ? [] : [{ path, partial: { ...of, offsetBytes: sizeOf(look, path) } }];
}

/** One file alone. What it belongs to is learnt from the files beside it, if there are any. */
export function describeFile(look: Look, path: string, kind: StorageFileKind, range: EntryRange | null) {
  switch (kind) {
    case "identity":
      return { kind, description: describeIdentityFile(look, path) } as const;
    case "promise":
      return { kind, description: describePromiseFile(look, path) } as const;
    case "control":
      return { kind, description: describeControlFile(look, path) } as const;
    case "snapshot":
      return { kind, description: describeSnapshotFile(look, path, null) } as const;
    case "segment": {
      const owner = ownerOf(look, [path], describeIdentityFile(look, IDENTITY_PATH), describePromiseFile(look, PROMISE_PATH), []);
      return { kind, description: describeLog(segmentsOf(look, [path]), owner, range) } as const;
    }
    default:
      return unreachable(kind);
  }
}

export function describeIdentityFile(look: Look, path: string): FileDescription<StoreIdentity> {
  const file = readFile(look, path, IDENTITY_SIZE_BYTES_MAX);
  if (!file.ok) return file;
  const decoded = decodeIdentity(file.value);
  return decoded.ok ? { path, ok: true, value: decoded.identity } : { path, ok: false, problem: decoded.reason };
}

export function describePromiseFile(look: Look, path: string): FileDescription<PromiseDescription> {
  const file = readFile(look, path, 2 * PROMISE_SLOT_SIZE_BYTES);
  if (!file.ok) return file;
  const decoded = decodePromise(file.value);
  if (!decoded.ok) return { path, ok: false, problem: decoded.reason };
  const slots = [0, 1].map((slot): FileDescription<PromiseRecord> => {
    const alone = decodePromise(file.value.subarray(slot * PROMISE_SLOT_SIZE_BYTES, (slot + 1) * PROMISE_SLOT_SIZE_BYTES));
    const where = `${path}, slot ${slot + 1}`;
    return alone.ok ? { path: where, ok: true, value: alone.record } : { path: where, ok: false, problem: "it is not whole" };
  });
  return { path, ok: true, value: { record: decoded.record, slots } };
}

/** Reads the whole file, a piece at a time. `group`: the one that it has to be of, if that is known. */
export function describeSnapshotFile(look: Look, path: string, group: GroupName | null): SnapshotDescription {
  const sizeBytes = sizeOf(look, path);
  const named = group ?? groupOf(look, path, sizeBytes);
  const scan = startSnapshotScan(named, sizeBytes);
  for (let at = 0; scan.problem === null && !scan.whole; ) {
    const bytes = readPiece(look, path, at);
    at += bytes.length;
    feedSnapshotScan(scan, bytes, () => {});
  }
  return descriptionOf(scan, path);
}

/** The head names it: nothing else of the file is looked at. */
function groupOf(look: Look, path: string, sizeBytes: number): GroupName {
  const scan = startSnapshotScan(groupName(""), sizeBytes);
  feedSnapshotScan(scan, readHead(look, path), () => {});
  return scan.head?.group ?? groupName("");
}

function descriptionOf(scan: SnapshotScan, path: string): SnapshotDescription {
  const { head, stateSlices, stateBytes, checksum } = scan;
  return {
    path,
    sizeBytes: scan.fileSizeBytes,
    head,
    stateSlices,
    stateBytes,
    sessions: scan.sessions.length,
    keys: scan.keys.length,
    checksum,
    verified: scan.whole,
    problem: scan.problem === null ? null : { offsetBytes: scan.offsetBytes, what: scan.problem },
  };
}

export function describeControlFile(look: Look, path: string): FileDescription<readonly ControlEntry[]> {
  const file = readFile(look, path, FILE_SIZE_BYTES_MAX);
  if (!file.ok) return file;
  const decoded = decodeControl(file.value);
  if (!decoded.ok) return { path, ok: false, problem: decoded.reason };
  const entries = [...decoded.map].map(([key, value]): ControlEntry => ({ key, sizeBytes: encodeValue(value).length, value }));
  return { path, ok: true, value: entries };
}

/** Recovery itself, on a disk that takes what it writes for done: the answer is the one that a start would get. */
export function judgeFolder(look: Look, identity: FileDescription<StoreIdentity>): Verdict {
  return verdictOf(rehearseRecovery(look, identity), identity.ok);
}

/** What a start would be told; nothing is written. */
export function rehearseRecovery(look: Look, identity: FileDescription<StoreIdentity>): readonly StoreResult[] {
  const config = identity.ok
    ? { ...identity.value, freshIncarnation: identity.value.incarnation }
    : {
        clusterId: clusterId(""),
        group: groupName(""),
        replica: replicaId(""),
        durability: "disk" as const,
        freshIncarnation: incarnation("0"),
      };
  const store = createReplicaStore(config);
  const operations: DiskOperation[] = [];
  const results: StoreResult[] = [];
  stepStore(store, { kind: "recover" }, operations, results);
  for (let next = operations.shift(); next !== undefined; next = operations.shift()) {
    const completion = next.kind === "list" || next.kind === "read" ? look(next) : { kind: "done" as const, ticket: next.ticket };
    stepStore(store, completion, operations, results);
  }
  return results;
}

function verdictOf(results: readonly StoreResult[], known: boolean): Verdict {
  for (const result of results) {
    if (result.kind === "damaged" || result.kind === "unsupported") return result;
    if (result.kind === "failed") return { kind: "unreadable", code: result.code, message: result.message };
    if (result.kind !== "recovered") continue;
    const { promise, snapshot, entries, partial } = result;
    const snapshotIndex = snapshot?.meta.index ?? null;
    const lastIndex = entries.at(-1)?.index ?? snapshotIndex ?? 0;
    return known ? { kind: "whole", promise, snapshotIndex, entryCount: entries.length, lastIndex, partial } : { kind: "blank" };
  }
  return { kind: "unreadable", code: "EIO", message: "recovery came to no end" };
}

/** From the identity; where that is damaged, an incarnation of the last active view with which the checksum of a segment's head is right. */
function ownerOf(
  look: Look,
  segmentNames: readonly string[],
  identity: FileDescription<StoreIdentity>,
  promise: FileDescription<PromiseDescription>,
  snapshots: readonly SnapshotDescription[],
): LogOwner | null {
  if (identity.ok) return { incarnation: identity.value.incarnation, group: identity.value.group };
  const view = promise.ok ? promise.value.record.activeView : null;
  const group = view?.group ?? snapshots.find(({ head }) => head !== null)?.head?.group;
  if (view === null || group === undefined) return null;
  const fits = (candidate: Incarnation): boolean =>
    segmentNames.some((name) => {
      const bytes = readHead(look, name);
      const segmentId = segmentIdOf(name) ?? segmentIdIn(bytes);
      return segmentId !== null && checkSegmentHead(bytes, candidate, segmentId) === null;
    });
  const member = view.members.find((candidate) => fits(candidate.incarnation));
  return member === undefined ? null : { incarnation: member.incarnation, group };
}

function* segmentsOf(look: Look, names: readonly string[]): Generator<SegmentFile> {
  for (const path of names) {
    const named = segmentIdOf(path);
    if (named === null && names.length > 1) continue;
    const file = readFile(look, path, FILE_SIZE_BYTES_MAX);
    // Gone meanwhile: a folder in use drops segments that it needs no more.
    if (!file.ok) continue;
    yield { path, segmentId: named ?? segmentIdIn(file.value) ?? 0, bytes: file.value };
  }
}

function readHead(look: Look, path: string): Uint8Array {
  const read = look({ kind: "read", ticket: 0, path, offsetBytes: 0, sizeBytes: 4096 });
  return read.kind === "read-done" ? read.bytes : new Uint8Array(0);
}

function readPiece(look: Look, path: string, offsetBytes: number): Uint8Array {
  const read = look({ kind: "read", ticket: 0, path, offsetBytes, sizeBytes: PIECE_SIZE_BYTES });
  return read.kind === "read-done" ? read.bytes : new Uint8Array(0);
}

function sizeOf(look: Look, path: string): number {
  const read = look({ kind: "read", ticket: 0, path, offsetBytes: 0, sizeBytes: 0 });
  return read.kind === "read-done" ? read.fileSizeBytes : 0;
}

function readFile(look: Look, path: string, sizeBytesMax: number): FileDescription<Uint8Array> {
  const read = look({ kind: "read", ticket: 0, path, offsetBytes: 0, sizeBytes: sizeBytesMax });
  if (read.kind === "read-done") return { path, ok: true, value: read.bytes };
  const code = read.kind === "failed" ? read.code : "EIO";
  return { path, ok: false, problem: code === "ENOENT" ? "it is not there" : `it cannot be read (${code})` };
}
