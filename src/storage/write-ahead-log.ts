import { encodeEntry } from "../codec/entry.js";
import { assert } from "../vocabulary/assert.js";
import type { Entry } from "../vocabulary/entry.js";
import { compareEpochs } from "../vocabulary/epoch.js";
import type { GroupName, Incarnation } from "../vocabulary/ids.js";
import {
  BATCH_HEAD_SIZE_BYTES,
  BATCH_TRAILER_SIZE_BYTES,
  type Batch,
  type BatchCut,
  encodeBatch,
  encodeMark,
  encodeSegmentHead,
  freeSegmentPath,
  MARK_SIZE_BYTES,
  SEGMENT_HEAD_SIZE_BYTES,
  segmentPath,
} from "./segment.js";
import { attempt, park, perform, startTask, type Task, type TaskRunner, unpark } from "./task.js";

/**
 * The log on disk. One batch is written and synced at a time; what comes meanwhile becomes the next one (group commit). So a batch is
 * acknowledged by a sync that began after its write was done, and only the very last batch can be unfinished after a crash. When nothing
 * waits, the last batch gets its mark: without a sync of its own, since it only tells damage from a torn write.
 *
 * Segments are made with their full size. Those that a snapshot has made superfluous are kept, a few of them, to become the next ones: then
 * the disk has nothing to allocate and no zeros to write.
 */
export interface WriteAheadLog {
  readonly group: GroupName;
  readonly incarnation: Incarnation;
  readonly segmentSizeBytes: number;
  /** Ascending; the last one is written to. */
  readonly segments: LogSegment[];
  /** Kept under their free names, to be used again. */
  readonly freeIds: number[];
  offsetBytes: number;
  nextBatchNumber: number;
  syncedIndex: number;
  /** Preallocated and synced, ready to be the next segment. */
  spareId: number | null;
  sparePreparing: boolean;
  pending: PendingBatch[];
  writing: boolean;
  dropThroughIndex: number;
  dropping: boolean;
}

export interface LogSegment {
  readonly id: number;
  /** The highest index of any entry in it. */
  maxIndex: number;
  /** Larger than others: it grew with a large batch. */
  outsize: boolean;
}

export interface PendingBatch {
  readonly cut: BatchCut;
  readonly entries: readonly Entry[];
  /** Called with the batch durable. */
  readonly done: () => void;
}

export function createLog(
  group: GroupName,
  incarnation: Incarnation,
  segmentSizeBytes: number,
  segments: WriteAheadLog["segments"],
): WriteAheadLog {
  return {
    group,
    incarnation,
    segmentSizeBytes,
    segments,
    freeIds: [],
    offsetBytes: SEGMENT_HEAD_SIZE_BYTES,
    nextBatchNumber: 1,
    syncedIndex: 0,
    spareId: null,
    sparePreparing: false,
    pending: [],
    writing: false,
    dropThroughIndex: 0,
    dropping: false,
  };
}

/** Bytes of one write, beyond which what waits becomes the batch after it. */
const BATCH_SIZE_BYTES_MAX = 1024 * 1024;
export const FREE_SEGMENTS_MAX = 16;
const FRAME_SIZE_BYTES = BATCH_HEAD_SIZE_BYTES + BATCH_TRAILER_SIZE_BYTES;
const SPARE = "spare-segment";

export function appendToLog(runner: TaskRunner, log: WriteAheadLog, batch: PendingBatch): void {
  log.pending.push(batch);
  if (log.writing) return;
  log.writing = true;
  startTask(runner, writePending(runner, log));
}

function* writePending(runner: TaskRunner, log: WriteAheadLog): Task {
  while (log.pending.length > 0) {
    const taken = takePending(log);
    const cut = taken[0]?.cut ?? { kind: "none" };
    const entries = taken.flatMap((batch) => batch.entries);
    yield* writeBatch(runner, log, cut, entries);
    for (const batch of taken) batch.done();
    if (log.pending.length === 0) yield* writeMark(log);
  }
  log.writing = false;
}

/** The last batch is synced, and here it says so. In the room that the seal keeps free, or the file grows a little. */
export function* writeMark(log: WriteAheadLog): Task {
  const segmentId = currentSegment(log).id;
  if (log.offsetBytes === SEGMENT_HEAD_SIZE_BYTES) return;
  const mark = encodeMark({ incarnation: log.incarnation, segmentId, batchNumber: log.nextBatchNumber - 1 }, log.syncedIndex);
  yield* perform({ kind: "write", path: segmentPath(segmentId), offsetBytes: log.offsetBytes, chunks: [mark] });
}

/** As much as goes into one batch: a cut can only stand at its beginning. */
function takePending(log: WriteAheadLog): PendingBatch[] {
  let sizeBytes = 0;
  let taken = 0;
  for (const batch of log.pending) {
    if (taken > 0 && (batch.cut.kind !== "none" || sizeBytes >= BATCH_SIZE_BYTES_MAX)) break;
    for (const entry of batch.entries) sizeBytes += encodeEntry(log.group, entry).length;
    taken += 1;
  }
  return log.pending.splice(0, taken);
}

/** One batch, durable when the task ends. */
export function* writeBatch(runner: TaskRunner, log: WriteAheadLog, cut: BatchCut, entries: readonly Entry[]): Task {
  const records = entries.map((entry) => encodeEntry(log.group, entry));
  const sizeBytes = records.reduce((sum, record) => sum + record.length, FRAME_SIZE_BYTES);
  // Room for the seal stays free behind every batch. A batch larger than a segment gets one of its own, which grows.
  const full = log.offsetBytes + sizeBytes + FRAME_SIZE_BYTES > log.segmentSizeBytes;
  if (full && log.offsetBytes > SEGMENT_HEAD_SIZE_BYTES) yield* nextSegment(runner, log);
  yield* writeChunks(log, cut, records, sizeBytes);
  const segment = currentSegment(log);
  for (const entry of entries) segment.maxIndex = Math.max(segment.maxIndex, entry.index);
  if ("afterIndex" in cut) log.syncedIndex = cut.afterIndex;
  log.syncedIndex = entries.at(-1)?.index ?? log.syncedIndex;
  if (log.offsetBytes * 2 > log.segmentSizeBytes) prepareSpare(runner, log);
}

function* writeChunks(log: WriteAheadLog, cut: BatchCut, records: readonly Uint8Array[], sizeBytes: number): Task {
  const segmentId = currentSegment(log).id;
  const path = segmentPath(segmentId);
  const place = { incarnation: log.incarnation, segmentId, batchNumber: log.nextBatchNumber };
  yield* perform({ kind: "write", path, offsetBytes: log.offsetBytes, chunks: encodeBatch(place, cut, records, log.syncedIndex) });
  yield* perform({ kind: "sync", path });
  log.nextBatchNumber += 1;
  log.offsetBytes += sizeBytes;
  if (log.offsetBytes + MARK_SIZE_BYTES > log.segmentSizeBytes) currentSegment(log).outsize = true;
}

function currentSegment(log: WriteAheadLog): LogSegment {
  const segment = log.segments.at(-1);
  assert(segment !== undefined, "log", () => "a log without a segment");
  return segment;
}

/** The seal says that there is a next segment: if that is missing later, it is damage, not an end. */
function* nextSegment(runner: TaskRunner, log: WriteAheadLog): Task {
  while (log.spareId === null) {
    prepareSpare(runner, log);
    // With a disk that answers at once the spare may be there already.
    if (log.spareId === null) yield* park(SPARE);
  }
  yield* writeChunks(log, { kind: "seal" }, [], FRAME_SIZE_BYTES);
  log.segments.push({ id: log.spareId, maxIndex: 0, outsize: false });
  log.offsetBytes = SEGMENT_HEAD_SIZE_BYTES;
  log.spareId = null;
}

function prepareSpare(runner: TaskRunner, log: WriteAheadLog): void {
  if (log.sparePreparing || log.spareId !== null) return;
  log.sparePreparing = true;
  startTask(runner, makeSpare(runner, log));
}

function* makeSpare(runner: TaskRunner, log: WriteAheadLog): Task {
  const id = currentSegment(log).id + 1;
  const freeId = log.freeIds.shift();
  if (freeId === undefined) yield* createSegment(log.incarnation, id, log.segmentSizeBytes);
  else yield* reuseSegment(log, id, freeId);
  log.spareId = id;
  log.sparePreparing = false;
  unpark(runner, SPARE);
}

/** Made anew: what a crash left under that name was never part of the log. */
export function* createSegment(incarnation: Incarnation, id: number, sizeBytes: number): Task {
  const path = segmentPath(id);
  yield* attempt({ kind: "remove", path }, "ENOENT");
  yield* perform({ kind: "create", path, sizeBytes });
  yield* perform({ kind: "write", path, offsetBytes: 0, chunks: [encodeSegmentHead(incarnation, id, sizeBytes)] });
  yield* perform({ kind: "sync", path });
  yield* perform({ kind: "sync-folder", path: "." });
}

/**
 * Trap 28: what the file held was written under another segment's id and is never taken for this one's. It gets its name only when its new
 * head is durable, and that replaces what a crash left under the name.
 */
function* reuseSegment(log: WriteAheadLog, id: number, freeId: number): Task {
  const path = freeSegmentPath(freeId);
  yield* perform({ kind: "write", path, offsetBytes: 0, chunks: [encodeSegmentHead(log.incarnation, id, log.segmentSizeBytes)] });
  yield* perform({ kind: "sync", path });
  yield* perform({ kind: "rename", path, toPath: segmentPath(id) });
  yield* perform({ kind: "sync-folder", path: "." });
}

/** A published snapshot holds everything through `index`: segments that end there are kept for later use, or deleted. */
export function dropLog(runner: TaskRunner, log: WriteAheadLog, index: number): void {
  log.dropThroughIndex = Math.max(log.dropThroughIndex, index);
  if (log.dropping) return;
  log.dropping = true;
  startTask(runner, dropSegments(log));
}

/**
 * From the oldest up, each made durable before the next: what is left after a crash has no hole. The one behind which nothing is written yet
 * stays until the next time: a log of segments without a batch always says that one is missing.
 */
function* dropSegments(log: WriteAheadLog): Task {
  for (let oldest = log.segments[0]; oldest !== undefined; oldest = log.segments[0]) {
    if (log.segments.length === 1 || oldest.maxIndex > log.dropThroughIndex) break;
    if (log.segments.length === 2 && log.offsetBytes === SEGMENT_HEAD_SIZE_BYTES) break;
    log.segments.shift();
    const path = segmentPath(oldest.id);
    const isKept = !oldest.outsize && log.freeIds.length < FREE_SEGMENTS_MAX;
    yield* perform(isKept ? { kind: "rename", path, toPath: freeSegmentPath(oldest.id) } : { kind: "remove", path });
    yield* perform({ kind: "sync-folder", path: "." });
    if (isKept) log.freeIds.push(oldest.id);
  }
  log.dropping = false;
}

export interface ReplayedLog {
  readonly entries: Entry[];
  /** The log begins behind this index; null when only its first entry says so. */
  baseIndex: number | null;
}

/** Adds a batch to what was replayed before it; why it cannot follow, or null. */
export function replayBatch(replayed: ReplayedLog, batch: Batch): string | null {
  const { entries } = replayed;
  const { cut } = batch;
  if (cut.kind === "truncate" || cut.kind === "reset") {
    const keep = cut.kind === "reset" ? 0 : entries.findLastIndex((entry) => entry.index <= cut.afterIndex) + 1;
    entries.length = keep;
    if (keep === 0) replayed.baseIndex = cut.afterIndex;
  }
  let last = entries.at(-1);
  for (const entry of batch.entries) {
    const before = last?.index ?? replayed.baseIndex;
    if (before !== null && entry.index !== before + 1) return `entry ${entry.index} follows entry ${before}`;
    if (last !== undefined && compareEpochs(entry.epoch, last.epoch) < 0)
      return `entry ${entry.index} has an older epoch than the one before`;
    entries.push(entry);
    last = entry;
  }
  return null;
}
