/** The log in memory: entries above `base`, what of them is durable, and what waits to be written. */
import { assert } from "../../vocabulary/assert.js";
import type { Entry, LogPosition } from "../../vocabulary/entry.js";
import { compareEpochs, EPOCH_ZERO, type Epoch, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import { clear, createFifo, type Fifo, peek, push, shift } from "./fifo.js";

export interface Log {
  /** The entry before the first in memory; it and all before it are applied and in a snapshot (or it is 0). */
  base: LogPosition;
  readonly entries: Entry[];
  /** Size of everything from the first entry of this process on, through entries[i]: differences are sizes of ranges. */
  readonly bytesThrough: number[];
  baseBytes: number;
  /** Durable through here. */
  persistedIndex: number;
  /** Given to the disk through here. */
  submittedIndex: number;
  /** What the next write has to cut first. */
  truncateAfter: number | null;
  readonly writing: Fifo<{ readonly ticket: number; throughIndex: number }>;
  /** Where each epoch begins, oldest first: for the hint in a refusal. */
  readonly runs: { readonly epoch: Epoch; readonly fromIndex: number }[];
}

export function createLog(): Log {
  return {
    base: { epoch: EPOCH_ZERO, index: 0 },
    entries: [],
    bytesThrough: [],
    baseBytes: 0,
    persistedIndex: 0,
    submittedIndex: 0,
    truncateAfter: null,
    writing: createFifo(),
    runs: [],
  };
}

/** About what an entry takes in a frame, on disk and in memory. */
export function entrySizeBytes(entry: Entry): number {
  const body = entry.body;
  switch (body.kind) {
    case "request":
      return 128 + body.input.length;
    case "update":
      return 128 + body.redo.length + body.reply.bytes.length;
    case "sessions-renewed":
    case "sessions-expired":
      return 64 + 64 * body.sessions.length;
    default:
      return 256;
  }
}

export function lastIndex(log: Log): number {
  return log.base.index + log.entries.length;
}

export function lastEpoch(log: Log): Epoch {
  const last = log.entries[log.entries.length - 1];
  return last === undefined ? log.base.epoch : last.epoch;
}

export function entryAt(log: Log, index: number): Entry {
  const entry = log.entries[index - log.base.index - 1];
  assert(entry !== undefined && entry.index === index, "log", () => `no entry ${index} above ${log.base.index}`);
  return entry;
}

/** Epoch of the entry at an index from base to last; null elsewhere. */
export function epochAt(log: Log, index: number): Epoch | null {
  if (index === log.base.index) return log.base.epoch;
  return log.entries[index - log.base.index - 1]?.epoch ?? null;
}

/** Size of everything from the first entry of this process on through `index`, from base to last. */
export function bytesThrough(log: Log, index: number): number {
  return index === log.base.index ? log.baseBytes : (log.bytesThrough[index - log.base.index - 1] ?? log.baseBytes);
}

/** Size of the entries above `fromIndex` through `throughIndex`, both from base to last. */
export function rangeBytes(log: Log, fromIndex: number, throughIndex: number): number {
  return bytesThrough(log, throughIndex) - bytesThrough(log, fromIndex);
}

export function logBytes(log: Log): number {
  return rangeBytes(log, log.base.index, lastIndex(log));
}

/** At least one entry from `fromIndex` on when there is one, no more than the bounds. */
export function cutBatch(log: Log, fromIndex: number, entriesMax: number, bytesMax: number): readonly Entry[] {
  const start = fromIndex - log.base.index - 1;
  const limit = Math.min(log.entries.length, start + entriesMax);
  const before = bytesThrough(log, fromIndex - 1);
  let end = start;
  while (end < limit && (end === start || (log.bytesThrough[end] ?? 0) - before <= bytesMax)) end++;
  return log.entries.slice(start, end);
}

/** Appends in memory; `takeWrites` hands it to the disk. */
export function append(log: Log, entry: Entry): void {
  const last = lastEpoch(log);
  assert(entry.index === lastIndex(log) + 1, "log", () => `entry ${entry.index} after ${lastIndex(log)}`);
  assert(compareEpochs(entry.epoch, last) >= 0, "log", () => `epoch ${epochText(entry.epoch)} after ${epochText(last)}`);
  if (!sameEpoch(entry.epoch, last) || log.runs.length === 0) log.runs.push({ epoch: entry.epoch, fromIndex: entry.index });
  log.bytesThrough.push((log.bytesThrough[log.bytesThrough.length - 1] ?? log.baseBytes) + entrySizeBytes(entry));
  log.entries.push(entry);
}

/** L1: only a conflicting entry leads here. What was on its way to the disk above `index` counts as persisted no more. */
export function truncate(log: Log, index: number): void {
  assert(index >= log.base.index && index < lastIndex(log), "L1", () => `cut to ${index} within ${log.base.index}..${lastIndex(log)}`);
  log.entries.length = index - log.base.index;
  log.bytesThrough.length = index - log.base.index;
  while ((log.runs[log.runs.length - 1]?.fromIndex ?? 0) > index) log.runs.pop();
  if (log.submittedIndex > index) {
    log.submittedIndex = index;
    log.truncateAfter = log.truncateAfter === null ? index : Math.min(log.truncateAfter, index);
    for (let i = log.writing.head; i < log.writing.items.length; i++) {
      const write = log.writing.items[i];
      if (write !== undefined && write.throughIndex > index) write.throughIndex = index;
    }
  }
  log.persistedIndex = Math.min(log.persistedIndex, index);
}

/** What is to be written now, or null. */
export function takeWrite(log: Log, ticket: number): { truncateAfter: number | null; entries: readonly Entry[] } | null {
  const through = lastIndex(log);
  if (log.truncateAfter === null && log.submittedIndex === through) return null;
  const entries = log.entries.slice(log.submittedIndex - log.base.index);
  const truncateAfter = log.truncateAfter;
  log.truncateAfter = null;
  log.submittedIndex = through;
  push(log.writing, { ticket, throughIndex: through });
  return { truncateAfter, entries };
}

/** Everything accepted is durable, cuts included. */
export function isSettled(log: Log): boolean {
  return log.persistedIndex === lastIndex(log) && log.truncateAfter === null && peek(log.writing) === undefined;
}

export function persisted(log: Log, ticket: number): void {
  for (let write = peek(log.writing); write !== undefined && write.ticket <= ticket; write = peek(log.writing)) {
    log.persistedIndex = Math.max(log.persistedIndex, write.throughIndex);
    shift(log.writing);
  }
  assert(log.persistedIndex <= log.submittedIndex, "log", () => `${log.persistedIndex} persisted, ${log.submittedIndex} written`);
}

/** Where a leader should look next when `index` does not match: before the epoch that is wrong there. */
export function conflictHint(log: Log, index: number): number {
  if (index > lastIndex(log)) return lastIndex(log);
  for (let i = log.runs.length - 1; i >= 0; i--) {
    const run = log.runs[i];
    if (run !== undefined && run.fromIndex <= index) return Math.max(log.base.index, run.fromIndex - 1);
  }
  return log.base.index;
}

/** Forgets entries in memory through `index`, which a snapshot covers. */
export function dropThrough(log: Log, index: number): void {
  const count = index - log.base.index;
  if (count <= 0) return;
  const epoch = epochAt(log, index);
  assert(epoch !== null && index <= log.persistedIndex, "log", () => `drop through ${index}`);
  log.baseBytes = bytesThrough(log, index);
  log.base = { epoch, index };
  log.entries.splice(0, count);
  log.bytesThrough.splice(0, count);
  while (log.runs.length > 1 && (log.runs[1]?.fromIndex ?? 0) <= index) log.runs.shift();
}

/** S5b: a snapshot takes the place of everything. */
export function replaceLog(log: Log, base: LogPosition): void {
  log.base = base;
  log.entries.length = 0;
  log.bytesThrough.length = 0;
  log.baseBytes = 0;
  log.persistedIndex = base.index;
  log.submittedIndex = base.index;
  log.truncateAfter = null;
  log.runs.length = 0;
  clear(log.writing);
}
