import type { Disk } from "../../runtime/disk.js";
import { DiskFailed } from "../../runtime/error-code.js";
import { type ControlMap, decodeControl, encodeControl } from "../../storage/control-file.js";
import type { DiskCompletion, DiskOperation } from "../../vocabulary/disk.js";
import { type ControlContent, type GroupRecord, refuseSuccession, type StoreRecord } from "../core/content.js";
import type { ControlStore, SwapOutcome } from "./control-store.js";

const FILE = "control";
const COPY = "control.copy";
const BLOCK_SIZE_BYTES = 4_096;
const CONTENT_VERSION = 1;
const SIZE_BYTES_MAX = 64 * 1024 * 1024;
const HEAD = "head";
const GROUP_PREFIX = "group/";

/** What is stored beside the groups, each of which has an entry (and a checksum) of its own. */
interface Head extends Omit<ControlContent, "groups"> {
  readonly revision: number;
}

/**
 * The control store of one machine: one file in the RM's folder and a copy of it, under the RM's lock (PROTOCOL section 7). The first write of
 * a life, which takes the term, makes both files anew. Every later one overwrites the file where it is and is durable with one sync, since
 * neither sizes nor names change; then the copy is brought up to the same. So one of the two is whole at any moment, and when nothing is
 * under way both hold the content: damage to one loses nothing. The promises of servers are kept in the same way.
 * `onCopyFailed`: what was acknowledged stands, and the process is to end, as at any error of the store; the next start makes both anew.
 * Rejects when neither can be used, naming what is damaged; damage is never taken for an empty store.
 */
export async function openEmbeddedStore(disk: Disk, onCopyFailed: (error: unknown) => void = () => {}): Promise<ControlStore> {
  let record = await load(disk);
  let writing = false;
  /** Bytes that the files have room for: 0 until this process has made them. */
  let roomBytes = 0;
  /** Settled when the copy of the last write is durable. */
  let copying: Promise<void> = Promise.resolve();

  async function swap(expectedRevision: number, content: ControlContent): Promise<SwapOutcome> {
    if (writing) return { kind: "refused", reason: "another write is under way" };
    if (expectedRevision !== record.revision) {
      return { kind: "refused", reason: `the revision is ${record.revision}, not ${expectedRevision}` };
    }
    const refusal = refuseSuccession(record.content, content);
    if (refusal !== null) return { kind: "refused", reason: refusal };
    writing = true;
    // On failure `writing` stays: what the file holds is not known any more, and the process ends.
    const next = { revision: record.revision + 1, content };
    await write(encodeControl(toMap(next.revision, content)));
    record = next;
    writing = false;
    return { kind: "swapped", revision: record.revision };
  }

  async function write(bytes: Uint8Array): Promise<void> {
    // The copy is whole before the file is touched; if it cannot be, nothing is written.
    await copying;
    if (bytes.length > roomBytes) {
      const room = Math.ceil((2 * bytes.length) / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
      await replace(disk, FILE, bytes, room);
      copying = replace(disk, COPY, bytes, room);
      roomBytes = room;
    } else {
      await overwrite(disk, FILE, bytes);
      copying = overwrite(disk, COPY, bytes);
    }
    // Thrown as well where it is waited for.
    copying.catch(onCopyFailed);
  }

  return { read: async () => record, swap };
}

/** Puts this content in place of whatever is there, for a system that does not run: it counts from the moment that the first file has its name. */
export async function writeControlStore(disk: Disk, content: ControlContent): Promise<void> {
  const revisions = [await revisionIn(disk, FILE), await revisionIn(disk, COPY)];
  const bytes = encodeControl(toMap(Math.max(...revisions) + 1, content));
  for (const path of [FILE, COPY]) await replace(disk, path, bytes, bytes.length);
}

/** 0: there is none that could count. */
async function revisionIn(disk: Disk, path: string): Promise<number> {
  try {
    return (await loadFile(disk, path)).record?.revision ?? 0;
  } catch {
    return 0;
  }
}

async function load(disk: Disk): Promise<StoreRecord> {
  const [file, copy] = [await loadFile(disk, FILE), await loadFile(disk, COPY)];
  if (file.record !== null && file.record.revision >= (copy.record?.revision ?? 0)) return file.record;
  if (copy.record !== null) return copy.record;
  if (file.reason === null && copy.reason === null) return { revision: 0, content: null };
  throw file.error ?? copy.error ?? damaged(file.reason ?? copy.reason ?? "");
}

interface LoadedFile {
  readonly record: StoreRecord | null;
  /** Null without a record: there is no such file. */
  readonly reason: string | null;
  /** A place of it cannot be read any more: damage, as far as the other file goes. */
  readonly error?: DiskFailed;
}

async function loadFile(disk: Disk, path: string): Promise<LoadedFile> {
  let read: DiskCompletion;
  try {
    read = await submit(disk, { kind: "read", ticket: 0, path, offsetBytes: 0, sizeBytes: SIZE_BYTES_MAX }, "ENOENT");
  } catch (error) {
    if (error instanceof DiskFailed && error.code === "EIO") return { record: null, reason: error.message, error };
    throw error;
  }
  if (read.kind !== "read-done") return { record: null, reason: null };
  const decoded = decodeControl(read.bytes);
  // The other file may be older, whatever it says.
  if (!decoded.ok && decoded.isUnsupported) throw new StoreUnsupported(decoded.reason);
  return decoded.ok ? { record: fromMap(decoded.map), reason: null } : { record: null, reason: decoded.reason };
}

/** It is not touched: not by a recovery either. */
export class StoreUnsupported extends Error {
  override readonly name = "StoreUnsupported";
  constructor(reason: string) {
    super(
      `The control store cannot be used by this release: ${reason}. Nothing was changed. Start the release that wrote it, or a newer one.`,
    );
  }
}

function damaged(reason: string): Error {
  return new Error(
    `The control store cannot be used: ${reason}. Nothing was changed. Put a copy of the file back, or rebuild it from what the replicas know with \`troupe recover\`.`,
  );
}

function toMap(revision: number, content: ControlContent): ControlMap {
  const { groups, ...rest } = content;
  const head: Head = { ...rest, revision };
  return new Map<string, unknown>([
    [HEAD, head],
    ...groups.map((group): [string, unknown] => [`${GROUP_PREFIX}${group.spec.group}`, group]),
  ]);
}

/** The file is our own and every value has its checksum: its form is looked at only as far as a wrong version could differ. */
function fromMap(map: ControlMap): StoreRecord {
  const head = map.get(HEAD);
  const version = typeof head === "object" && head !== null && "formatVersion" in head ? head.formatVersion : CONTENT_VERSION;
  if (version !== CONTENT_VERSION)
    throw new StoreUnsupported(`its content has version ${String(version)}; this release reads version ${CONTENT_VERSION}`);
  if (!isHead(head)) throw damaged("its first entry does not have the form of this version");
  const { revision, ...rest } = head;
  const groups: GroupRecord[] = [];
  for (const [key, value] of map) {
    if (key === HEAD) continue;
    if (!key.startsWith(GROUP_PREFIX)) throw new StoreUnsupported(`it holds ${JSON.stringify(key)}, which this release does not know`);
    if (!isGroup(value)) throw damaged(`the entry of ${key} does not have the form of this version`);
    groups.push(value);
  }
  return { revision, content: { ...rest, groups } };
}

function isHead(value: unknown): value is Head {
  if (typeof value !== "object" || value === null) return false;
  const { formatVersion, revision, term, clusterId, owner } = value as Partial<Record<keyof Head, unknown>>;
  return (
    formatVersion === CONTENT_VERSION &&
    typeof revision === "number" &&
    typeof term === "number" &&
    typeof clusterId === "string" &&
    typeof owner === "string"
  );
}

function isGroup(value: unknown): value is GroupRecord {
  if (typeof value !== "object" || value === null) return false;
  const { spec, activeView, founders, leaderEnds, replicas, nextReplicaNumber } = value as Partial<Record<keyof GroupRecord, unknown>>;
  return (
    typeof spec === "object" &&
    typeof activeView === "object" &&
    Array.isArray(founders) &&
    Array.isArray(leaderEnds) &&
    Array.isArray(replicas) &&
    typeof nextReplicaNumber === "number"
  );
}

/** A temporary file, synced, renamed, the folder synced: a crash at any point leaves the old content or the new one. */
async function replace(disk: Disk, path: string, bytes: Uint8Array, roomBytes: number): Promise<void> {
  const temporary = `${path}.tmp`;
  await submit(disk, { kind: "remove", ticket: 0, path: temporary }, "ENOENT");
  await submit(disk, { kind: "create", ticket: 0, path: temporary, sizeBytes: roomBytes });
  await overwrite(disk, temporary, bytes);
  await submit(disk, { kind: "rename", ticket: 0, path: temporary, toPath: path });
  await submit(disk, { kind: "sync-folder", ticket: 0, path: "." });
}

/** What is left of longer content behind it is ignored: the record says its own size. */
async function overwrite(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  await submit(disk, { kind: "write", ticket: 0, path, offsetBytes: 0, chunks: [bytes] });
  await submit(disk, { kind: "sync", ticket: 0, path });
}

function submit(disk: Disk, operation: DiskOperation, tolerated?: string): Promise<DiskCompletion> {
  return new Promise((resolve, reject) => {
    disk.submit(operation, (completion) => {
      if (completion.kind !== "failed" || completion.code === tolerated) resolve(completion);
      else reject(new DiskFailed(`The control store cannot ${operation.kind} ${operation.path}: ${completion.message}`, completion.code));
    });
  });
}
