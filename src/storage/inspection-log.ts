import { readCount, readU32, startReader } from "../codec/byte-reader.js";
import { encodeEntry } from "../codec/entry.js";
import { type DecodedValue, tryDecodeValue } from "../codec/value.js";
import { unreachable } from "../vocabulary/assert.js";
import type { Entry, EntryBody } from "../vocabulary/entry.js";
import { type Epoch, sameEpoch } from "../vocabulary/epoch.js";
import type { GroupName, Incarnation } from "../vocabulary/ids.js";
import type { RequestIdentity } from "../vocabulary/session.js";
import type { View } from "../vocabulary/view.js";
import type { Problem } from "./outcome.js";
import {
  BATCH_TRAILER_SIZE_BYTES,
  type Batch,
  type BatchCut,
  checkSegment,
  MARK_SIZE_BYTES,
  parseSegment,
  SEGMENT_HEAD_SIZE_BYTES,
  traceAt,
} from "./segment.js";
import { type ReplayedLog, replayBatch } from "./write-ahead-log.js";

/** Which entries to tell of, both ends included. */
export interface EntryRange {
  readonly fromIndex: number;
  readonly toIndex: number;
}

/** Bytes of a service: how many, and what they hold as far as they can be read. Null: none were given. */
export interface PayloadDescription {
  readonly name: "input" | "reply" | "redo";
  readonly sizeBytes: number;
  readonly content: DecodedValue | null;
}

export interface EntryDescription {
  readonly index: number;
  readonly epoch: Epoch;
  readonly ageMs: number;
  readonly kind: EntryBody["kind"];
  readonly sizeBytes: number;
  /** What the entry says, without its payloads. */
  readonly words: string;
  readonly payloads: readonly PayloadDescription[];
  /** A later batch of the log has cut it off. */
  readonly cutOff: boolean;
}

export interface BatchDescription {
  readonly number: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly cut: BatchCut;
  readonly entryCount: number;
  readonly firstIndex: number | null;
  readonly lastIndex: number | null;
  readonly epochs: readonly Epoch[];
  /** The last index that was durable before this batch was written. */
  readonly syncedIndex: number;
  /** Those that were asked for. */
  readonly entries: readonly EntryDescription[];
}

export interface SegmentDescription {
  readonly path: string;
  readonly segmentId: number;
  readonly sizeBytes: number;
  readonly batches: readonly BatchDescription[];
  /** Where the next batch goes. */
  readonly endBytes: number;
  readonly sealed: boolean;
  /** Prepared to be the next one: the segment before it still has room, so this one holds nothing. */
  readonly spare: boolean;
  /** What stands behind `endBytes`. An unfinished batch is cut off at the next start. */
  readonly rest: "nothing" | "zeros" | "unfinished batch" | "bytes of an earlier use" | "not read";
  /** The mark behind the last batch is there: that batch was synced. */
  readonly marked: boolean;
  readonly problem: ({ readonly offsetBytes: number } & Problem) | null;
}

export interface SegmentFile {
  readonly path: string;
  readonly segmentId: number;
  readonly bytes: Uint8Array;
}

/** Whose log it is: checksums begin with the incarnation, and entries name their group. Null when nothing in the folder tells. */
export interface LogOwner {
  readonly incarnation: Incarnation;
  readonly group: GroupName;
}

interface ReadSegment {
  readonly segment: SegmentDescription;
  readonly batches: readonly Batch[];
  /** Of each batch: the last index that was durable before it. */
  readonly synced: readonly number[];
}

/** The segments of a log, in order, and which of their entries still count. Segments are taken one at a time: only entries are kept. */
export function describeLog(files: Iterable<SegmentFile>, owner: LogOwner | null, range: EntryRange | null): SegmentDescription[] {
  const replayed: ReplayedLog = { entries: [], baseIndex: null };
  const found: ReadSegment[] = [];
  for (const file of files) {
    const read = readSegment(file, owner, found.at(-1));
    for (const batch of read.batches) replayBatch(replayed, batch);
    found.push(read);
  }
  const kept = new Set(replayed.entries);
  return found.map(({ segment, batches, synced }) => ({
    ...segment,
    batches: batches.map((batch, at) => describeBatch(batch, synced[at] ?? 0, owner, range, kept)),
  }));
}

function readSegment(file: SegmentFile, owner: LogOwner | null, before: ReadSegment | undefined): ReadSegment {
  const { path, segmentId, bytes } = file;
  const follows = before !== undefined && before.segment.problem === null && before.segment.segmentId === segmentId - 1;
  const spare = follows && !before.segment.sealed;
  const nothing = { batches: [], endBytes: 0, sealed: false, rest: "not read", marked: false } as const;
  const unread = { path, segmentId, sizeBytes: bytes.length, spare, ...nothing };
  const headProblem =
    owner === null
      ? {
          what: "its checksums begin with the incarnation, which no identity or promise file beside it tells: copy those beside it",
          isUnsupported: false,
        }
      : checkSegment(bytes, owner.incarnation, segmentId);
  // A spare one may be unfinished: it is made anew by whoever needs it.
  const problem = headProblem === null || (spare && owner !== null) ? null : { offsetBytes: 0, ...headProblem };
  if (owner === null || headProblem !== null) return { segment: { ...unread, problem }, batches: [], synced: [] };
  const nextNumber = follows ? (before.batches.at(-1)?.number ?? 0) + 1 : null;
  const parsed = parseSegment(bytes, { incarnation: owner.incarnation, segmentId, group: owner.group }, nextNumber);
  const { endBytes, sealed, damage, batches } = parsed;
  const trace = traceAt(bytes, endBytes, owner.incarnation, segmentId);
  const marked = trace === "mark";
  const rest = damage === null ? restOf(bytes, endBytes + (marked ? MARK_SIZE_BYTES : 0), trace === "head") : "not read";
  const segment = { ...unread, endBytes, sealed, rest, marked, problem: damage, spare: spare && batches.length === 0 };
  return { segment, batches, synced: batches.map((batch) => syncedBefore(bytes, batch)) };
}

function restOf(bytes: Uint8Array, endBytes: number, isBegun: boolean): SegmentDescription["rest"] {
  if (endBytes >= bytes.length) return "nothing";
  if (isBegun) return "unfinished batch";
  return bytes.subarray(endBytes).every((byte) => byte === 0) ? "zeros" : "bytes of an earlier use";
}

/** From the trailer, which was checked: u32 magic, u64 segment, u64 number, u64 last index synced before. */
function syncedBefore(bytes: Uint8Array, batch: Batch): number {
  const reader = startReader(bytes, batch.offsetBytes + batch.sizeBytes - BATCH_TRAILER_SIZE_BYTES);
  readU32(reader);
  readCount(reader);
  readCount(reader);
  return readCount(reader);
}

/** The id that the head of a segment names; null when there is no head. */
export function segmentIdIn(bytes: Uint8Array): number | null {
  const reader = startReader(bytes);
  readU32(reader);
  readU32(reader);
  const id = readCount(reader);
  return reader.failed || bytes.length < SEGMENT_HEAD_SIZE_BYTES ? null : id;
}

function describeBatch(
  batch: Batch,
  syncedIndex: number,
  owner: LogOwner | null,
  range: EntryRange | null,
  kept: ReadonlySet<Entry>,
): BatchDescription {
  const { number, offsetBytes, sizeBytes, cut, entries } = batch;
  const epochs: Epoch[] = [];
  for (const { epoch } of entries) if (!epochs.some((known) => sameEpoch(known, epoch))) epochs.push(epoch);
  const wanted = range === null || owner === null ? [] : entries.filter(({ index }) => index >= range.fromIndex && index <= range.toIndex);
  return {
    number,
    offsetBytes,
    sizeBytes,
    cut,
    entryCount: entries.length,
    firstIndex: entries[0]?.index ?? null,
    lastIndex: entries.at(-1)?.index ?? null,
    epochs,
    syncedIndex,
    entries: owner === null ? [] : wanted.map((entry) => describeEntry(owner.group, entry, !kept.has(entry))),
  };
}

export function describeEntry(group: GroupName, entry: Entry, cutOff: boolean): EntryDescription {
  const { index, epoch, ageMs, body } = entry;
  const sizeBytes = encodeEntry(group, entry).length;
  return { index, epoch, ageMs, kind: body.kind, sizeBytes, words: wordsOf(body), payloads: payloadsOf(body), cutOff };
}

function payloadsOf(body: EntryBody): PayloadDescription[] {
  if (body.kind === "request") return [payload("input", body.input)];
  if (body.kind === "update") return [payload("reply", body.reply.bytes), payload("redo", body.redo)];
  return [];
}

function payload(name: PayloadDescription["name"], bytes: Uint8Array): PayloadDescription {
  return { name, sizeBytes: bytes.length, content: bytes.length === 0 ? null : tryDecodeValue(bytes) };
}

function wordsOf(body: EntryBody): string {
  switch (body.kind) {
    case "start":
      return `a new epoch begins: ${wordsOfView(body.view)}${body.poison.length === 0 ? "" : `; refused as poison: ${body.poison.map(wordsOfIdentity).join(", ")}`}`;
    case "request":
      return `operation ${JSON.stringify(body.operation)} for ${wordsOfIdentity(body.identity)}; digest ${body.digest}, seed ${body.seed}, at ${body.nowMs} ms`;
    case "update":
      return `what an operation changed, for ${wordsOfIdentity(body.identity)}; ${body.reply.refused ? "refused" : "done"}; digest ${body.digest}`;
    case "session-opened":
      return `a session was opened, nonce ${body.nonce}`;
    case "session-resumed":
      return `session ${body.session} was resumed`;
    case "sessions-renewed":
      return `sessions were renewed: ${body.sessions.join(", ")}`;
    case "sessions-expired":
      return `sessions have expired: ${body.sessions.join(", ")}`;
    case "keys-expired":
      return `keys older than age ${body.belowAgeMs} ms have expired`;
    default:
      return unreachable(body);
  }
}

function wordsOfIdentity(identity: RequestIdentity): string {
  if (identity.kind === "key") return `key ${JSON.stringify(identity.key)}`;
  const { session, sequence, resumption, floor } = identity;
  return `session ${session} number ${sequence} (resumption ${resumption}, floor ${floor})`;
}

export function wordsOfView(view: View): string {
  const members = view.members.map(({ replica, incarnation }) => `${replica} (${incarnation.slice(0, 8)})`).join(", ");
  return `epoch ${view.epoch.join(".")}, generation ${view.generation}, ${view.style}, led by ${view.leader}, quorum ${view.quorum} of ${members}`;
}
