import type { Entry } from "../vocabulary/entry.js";
import { sameEpoch } from "../vocabulary/epoch.js";
import { damaged, type Outcome, problemFound } from "./outcome.js";
import { type Batch, checkSegment, freeSegmentIdOf, type ParsedSegment, parseSegment, segmentIdOf, segmentPath } from "./segment.js";
import type { SnapshotMeta, StoreIdentity } from "./store-command.js";
import type { ReplicaStore } from "./store-state.js";
import { perform, readRange, readWhole, type Task } from "./task.js";
import {
  createLog,
  FREE_SEGMENTS_MAX,
  type LogSegment,
  type ReplayedLog,
  replayBatch,
  type WriteAheadLog,
  writeBatch,
  writeMark,
} from "./write-ahead-log.js";

interface RecoveredLog {
  readonly log: WriteAheadLog;
  /** What follows the snapshot. */
  readonly entries: readonly Entry[];
}

interface ReadSegments {
  readonly segments: LogSegment[];
  readonly replayed: ReplayedLog;
  nextBatchNumber: number | null;
  lastBatch: { readonly segmentId: number; readonly batch: Batch } | null;
  endBytes: number;
  sealed: boolean;
}

/** Any file of the log is read in one piece: segments are small, and only one batch can make one larger. */
const SEGMENT_SIZE_BYTES_MAX = 1 << 30;
const ZEROS_SIZE_BYTES = 1024 * 1024;

export function* recoverLog(
  store: ReplicaStore,
  identity: StoreIdentity,
  names: readonly string[],
  snapshot: SnapshotMeta | null,
): Task<Outcome<RecoveredLog>> {
  const ids = names
    .map(segmentIdOf)
    .filter((id) => id !== null)
    .sort((a, b) => a - b);
  const read = yield* readSegments(identity, ids, store.segmentSizeBytes);
  if (!read.ok) return read;
  const log = createLog(identity.group, identity.incarnation, store.segmentSizeBytes, read.value.segments);
  log.nextBatchNumber = read.value.nextBatchNumber ?? 1;
  log.offsetBytes = read.value.endBytes;
  const joined = joinSnapshot(read.value.replayed, snapshot);
  if (!joined.ok) return joined;
  const { entries, reset } = joined.value;
  log.syncedIndex = entries.at(-1)?.index ?? snapshot?.index ?? 0;
  yield* rewriteTail(log, read.value);
  yield* recoverFree(log, names);
  if (reset && snapshot !== null) yield* writeBatch(store.runner, log, { kind: "reset", afterIndex: snapshot.index }, []);
  return { ok: true, value: { log, entries } };
}

function* readSegments(identity: StoreIdentity, ids: readonly number[], segmentSizeBytes: number): Task<Outcome<ReadSegments>> {
  const read: ReadSegments = {
    segments: [],
    replayed: { entries: [], baseIndex: null },
    nextBatchNumber: null,
    lastBatch: null,
    endBytes: 0,
    sealed: true,
  };
  const first = ids[0];
  if (first === undefined) return damaged(segmentPath(1), "the folder holds a replica's data, but no segment of its log");
  for (let id = first; ids.includes(id) || read.sealed; id++) {
    const path = segmentPath(id);
    const file = yield* readWhole(path, SEGMENT_SIZE_BYTES_MAX);
    if (file === null) return damaged(path, "a segment of the log is missing: the one before it says that the log goes on here");
    const problem = checkSegment(file.bytes, identity.incarnation, id);
    // Behind a segment that is not sealed lies at most one that was being made, and it holds nothing.
    if (problem !== null && !problem.isUnsupported && !read.sealed) break;
    if (problem !== null) return problemFound(path, "a segment of the log", problem);
    const parsed = parseSegment(
      file.bytes,
      { incarnation: identity.incarnation, segmentId: id, group: identity.group },
      read.nextBatchNumber,
    );
    const outcome = takeSegment(read, id, parsed, file.fileSizeBytes !== segmentSizeBytes);
    if (!outcome.ok) return outcome;
    if (!outcome.value) break;
  }
  // A segment is dropped only when a later one holds a batch: an oldest one without any was not the first to be written.
  if (read.lastBatch === null && first !== 1)
    return damaged(
      segmentPath(first - 1),
      `a segment of the log is missing: segment ${first}, the oldest that is there, holds nothing yet`,
    );
  const behind = ids.find((id) => id > (read.segments.at(-1)?.id ?? 0) + 1);
  if (behind !== undefined) return damaged(segmentPath(behind - 1), `a segment of the log is missing, but segment ${behind} is there`);
  return { ok: true, value: read };
}

/** False when this segment was prepared and not yet used. */
function takeSegment(read: ReadSegments, id: number, parsed: ParsedSegment, outsize: boolean): Outcome<boolean> {
  const path = segmentPath(id);
  const { damage } = parsed;
  if (damage !== null) return problemFound(`${path} at offset ${damage.offsetBytes}`, "the log", damage);
  if (!read.sealed) {
    if (parsed.batches.length > 0)
      return damaged(path, "the log is damaged: the segment before this one has no end, but this one was begun");
    return { ok: true, value: false };
  }
  let maxIndex = 0;
  for (const batch of parsed.batches) {
    const problem = replayBatch(read.replayed, batch);
    if (problem !== null) return damaged(`${path} at offset ${batch.offsetBytes}`, `the log is damaged: ${problem}`);
    for (const entry of batch.entries) maxIndex = Math.max(maxIndex, entry.index);
    read.nextBatchNumber = batch.number + 1;
    read.lastBatch = { segmentId: id, batch };
  }
  read.segments.push({ id, maxIndex, outsize });
  read.endBytes = parsed.endBytes;
  read.sealed = parsed.sealed;
  return { ok: true, value: true };
}

/** Files that wait to become segments; of another size they are no use. */
function* recoverFree(log: WriteAheadLog, names: readonly string[]): Task {
  for (const name of names) {
    const id = freeSegmentIdOf(name);
    if (id === null) continue;
    const { fileSizeBytes } = yield* readRange(name, 0, 0);
    if (fileSizeBytes === log.segmentSizeBytes && log.freeIds.length < FREE_SEGMENTS_MAX) log.freeIds.push(id);
    else yield* perform({ kind: "remove", path: name });
  }
}

/** What of the log follows the snapshot. `reset`: the log on disk does not lead up to it, and must be told to go on from there. */
function joinSnapshot(replayed: ReplayedLog, snapshot: SnapshotMeta | null): Outcome<{ entries: readonly Entry[]; reset: boolean }> {
  const { entries, baseIndex } = replayed;
  const firstIndex = entries[0]?.index ?? (baseIndex ?? 0) + 1;
  const snapshotIndex = snapshot?.index ?? 0;
  if (firstIndex > snapshotIndex + 1)
    return damaged("log", `the entries from ${snapshotIndex + 1} to ${firstIndex - 1} are missing: neither snapshot nor log holds them`);
  const lastIndex = entries.at(-1)?.index ?? baseIndex ?? 0;
  if (lastIndex < snapshotIndex) return { ok: true, value: { entries: [], reset: true } };
  const same = entries[snapshotIndex - firstIndex];
  // An installed snapshot is committed: entries that do not belong to its history are not.
  if (snapshot !== null && same !== undefined && !sameEpoch(same.epoch, snapshot.epoch))
    return { ok: true, value: { entries: [], reset: true } };
  return { ok: true, value: { entries: entries.slice(Math.max(0, snapshotIndex + 1 - firstIndex)), reset: false } };
}

/**
 * PROTOCOL section 7: what is reported must be durable, and what was found may be so only in the kernel's memory. The last batch is written
 * again and synced; every batch before it was synced before it was begun. The rest of the segment is cleared of an unfinished one, and
 * then the mark says what is durable.
 */
function* rewriteTail(log: WriteAheadLog, read: ReadSegments): Task {
  const { lastBatch } = read;
  if (lastBatch !== null) {
    const path = segmentPath(lastBatch.segmentId);
    const { offsetBytes, sizeBytes } = lastBatch.batch;
    const { bytes } = yield* readRange(path, offsetBytes, sizeBytes);
    yield* perform({ kind: "write", path, offsetBytes, chunks: [bytes] });
    yield* perform({ kind: "sync", path });
  }
  const current = log.segments.at(-1)?.id ?? 1;
  yield* clearRest(segmentPath(current), read.endBytes);
  if (lastBatch?.segmentId === current) {
    yield* writeMark(log);
    yield* perform({ kind: "sync", path: segmentPath(current) });
  }
  yield* perform({ kind: "sync-folder", path: "." });
}

function* clearRest(path: string, fromBytes: number): Task {
  let dirty = false;
  for (let at = fromBytes; ; at += ZEROS_SIZE_BYTES) {
    const { bytes } = yield* readRange(path, at, ZEROS_SIZE_BYTES);
    if (bytes.length === 0) break;
    if (isClear(bytes)) continue;
    yield* perform({ kind: "write", path, offsetBytes: at, chunks: [new Uint8Array(bytes.length)] });
    dirty = true;
  }
  if (dirty) yield* perform({ kind: "sync", path });
}

/** Word by word: what is left of a segment can be millions of bytes, and clients may wait for a replica that starts again. */
function isClear(bytes: Uint8Array): boolean {
  const whole = Math.floor(bytes.length / 4);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, whole);
  for (let at = 0; at < whole; at++) if (words[at] !== 0) return false;
  return bytes.subarray(whole * 4).every((byte) => byte === 0);
}
