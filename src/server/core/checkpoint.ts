/** Checkpoints: when one is due, at which quiet point it begins, and what is dropped behind it (section 6). */
import { assert } from "../../vocabulary/assert.js";
import { backupIsDue } from "./backup.js";
import { isTimeUp, isTurn, noteFinished, settleTurns } from "./checkpoint-turn.js";
import { logShareBytes, oldestTransfer, snapshotsInUse } from "./donor.js";
import type { SnapshotPoint } from "./event.js";
import { fifoSize } from "./fifo.js";
import { dropThrough, epochAt, logBytes, rangeBytes } from "./log.js";
import { note, type Replica, takeTicket, type Turn } from "./state.js";
import { captureTable } from "./table-capture.js";
import { isCatchingUp, isRetiring } from "./warmth.js";

/** There is something that the last one does not hold, and nothing is in the way. */
function isPossible(replica: Replica): boolean {
  if (replica.checkpoint !== null || replica.receiving?.installing != null) return false;
  return replica.issuedIndex > (replica.snapshot?.index ?? 0) && (isRetiring(replica) || !isCatchingUp(replica));
}

/** Why one is wanted, if it is: "at-once" does not wait for this replica's turn. */
function reasonFor(turn: Turn): "none" | "in-turn" | "at-once" {
  const { replica } = turn;
  const { snapshot, knobs, log, bounds } = replica;
  if (!isPossible(replica)) return "none";
  if (isRetiring(replica) || backupIsDue(replica)) return "at-once";
  const fromIndex = snapshot?.index ?? 0;
  const bytes = rangeBytes(log, Math.max(fromIndex, log.base.index), replica.issuedIndex);
  const bytesMax = knobs.checkpointBytes ?? bounds.logBytesMax;
  // The log is in memory: that bounds the waiting.
  if (bytes > 2 * bytesMax) return "at-once";
  const isWanted = replica.issuedIndex - fromIndex >= knobs.checkpointEntries || bytes > bytesMax || isTimeUp(turn);
  return isWanted ? "in-turn" : "none";
}

/** Enough has been applied since the last, none is under way, and it is this replica's turn. */
export function isCheckpointDue(turn: Turn): boolean {
  const reason = reasonFor(turn);
  return reason === "at-once" || (reason === "in-turn" && isTurn(turn));
}

/** At the end of a turn: when to look again. */
export function settleCheckpointTurn(turn: Turn): void {
  settleTurns(turn, reasonFor(turn) !== "none", isPossible(turn.replica));
}

/** A passive primary has executed ahead of its entries: the quiet point is behind them. */
export function runsAhead(replica: Replica): boolean {
  return replica.execution.unreleasedCount > 0;
}

/** Nothing executes, and everything executed is committed, applied and durable. */
function isQuiet(replica: Replica): boolean {
  const { execution } = replica;
  const idle = fifoSize(execution.applying) === 0 && fifoSize(execution.speculating) === 0 && !runsAhead(replica);
  return idle && replica.appliedIndex === replica.issuedIndex && replica.log.persistedIndex >= replica.appliedIndex;
}

/** Begins a checkpoint at a quiet point; the service goes on at once. Returns whether it did. */
export function settleCheckpoint(turn: Turn): boolean {
  const { replica, effects } = turn;
  if (!isCheckpointDue(turn) || !isQuiet(replica)) return false;
  const index = replica.appliedIndex;
  assert(index <= replica.commitIndex, "S8", () => `a snapshot at ${index}, committed is ${replica.commitIndex}`);
  const epoch = epochAt(replica.log, index);
  assert(epoch !== null, "checkpoint", () => `no entry ${index}`);
  const { ageMs, generation, issuedLogTimeMs: logTimeMs } = replica;
  const point: SnapshotPoint = { index, epoch, ageMs, generation, logTimeMs };
  const ticket = takeTicket(replica);
  replica.checkpoint = { ticket, record: point };
  effects.push({ kind: "capture-snapshot", ticket, point, table: captureTable(replica.table) });
  return true;
}

export function onSnapshotPersisted(turn: Turn, ticket: number, sizeBytes: number, checksum: number): void {
  const { replica } = turn;
  if (replica.checkpoint?.ticket !== ticket) return;
  const record = { ...replica.checkpoint.record, sizeBytes, checksum };
  replica.checkpoint = null;
  replica.snapshot = record;
  noteFinished(turn);
  note(turn, "info", `checkpoint at ${record.index}: ${sizeBytes} bytes`);
  dropBehindSnapshot(turn, record.index);
}

/** A newer snapshot is durable: what it holds need not be kept. */
export function dropBehindSnapshot({ replica, effects }: Turn, snapshotIndex: number): void {
  effects.push({ kind: "drop-log", throughIndex: snapshotIndex });
  trimLog(replica);
  effects.push({ kind: "drop-snapshots", usedIndexes: snapshotsInUse(replica) });
}

/** Keeps some entries behind the snapshot for followers that lag a little, and all that a running transfer will need. */
function trimLog(replica: Replica): void {
  const { log, bounds, snapshot } = replica;
  if (snapshot === null) return;
  const isLarge = rangeBytes(log, log.base.index, snapshot.index) > bounds.logBytesMax / 2;
  const kept = isLarge ? snapshot.index : snapshot.index - bounds.entriesBehindSnapshotMax;
  const isOverfull = logBytes(log) > 2 * logShareBytes(replica);
  dropThrough(log, isOverfull ? snapshot.index : Math.min(kept, oldestTransfer(replica)));
}
