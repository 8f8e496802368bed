/** State transfer, the receiver's side (S5b): slices are stored as they come; the whole takes the place of log, state and table at once. */
import { assert } from "../../vocabulary/assert.js";
import { sameEpoch } from "../../vocabulary/epoch.js";
import type { SnapshotRecord, TransferIdentity } from "./event.js";
import { createFifo, fifoSize, peek, push, shift } from "./fifo.js";
import { follow, type Slice } from "./follower.js";
import { leaveOldGeneration } from "./generation.js";
import { epochAt, replaceLog } from "./log.js";
import type { SessionTable } from "./session-record.js";
import { leaveBlank } from "./stance.js";
import { dropBehindSnapshot } from "./checkpoint.js";
import { truncateApplied } from "./poison.js";
import { note, type Receiving, type Replica, send, takeLogTime, takeTicket, type Turn } from "./state.js";
import { wantsState } from "./warmth.js";

const REJECTED_WAIT_MS_MAX = 60_000;

function isSame(a: TransferIdentity, b: TransferIdentity): boolean {
  return (
    a.snapshotIndex === b.snapshotIndex &&
    a.sizeBytes === b.sizeBytes &&
    a.checksum === b.checksum &&
    sameEpoch(a.snapshotEpoch, b.snapshotEpoch)
  );
}

/** Our log reaches the snapshot's index with the same history: there is nothing to install, and entries above it must stay (trap 29). */
function covers(replica: Replica, { snapshotIndex, snapshotEpoch }: TransferIdentity): boolean {
  if (replica.commitIndex >= snapshotIndex) return true;
  const epoch = epochAt(replica.log, snapshotIndex);
  return epoch !== null && sameEpoch(epoch, snapshotEpoch);
}

/** cold-passive: our log covers it, and the snapshot is to take the place of the log's older part, which this replica never applies. */
function isForAdoption(replica: Replica, { snapshotIndex }: TransferIdentity): boolean {
  return replica.warmth === "cold" && replica.stance.kind === "following" && (replica.snapshot?.index ?? 0) < snapshotIndex;
}

function acknowledgeSlice(turn: Turn, connection: number, slice: Slice, offsetBytes: number, installed: boolean): void {
  send(turn, connection, { kind: "snapshot-ack", epoch: slice.epoch, snapshotIndex: slice.snapshotIndex, offsetBytes, installed });
}

export function onSlice(turn: Turn, connection: number, slice: Slice): void {
  const { replica } = turn;
  const following = follow(turn, connection, slice);
  if (following === null || leaveOldGeneration(turn, slice.view)) return;
  leaveBlank(turn);
  if (covers(replica, slice) && replica.log.persistedIndex >= slice.snapshotIndex && !isForAdoption(replica, slice)) {
    return acknowledgeSlice(turn, connection, slice, slice.sizeBytes, true);
  }
  const { snapshotIndex, snapshotEpoch, sizeBytes, checksum } = slice;
  const identity = { snapshotIndex, snapshotEpoch, sizeBytes, checksum };
  if (turn.nowMs < replica.transferDueMs) return;
  const { installing } = replica.receiving ?? { installing: null };
  if (replica.receiving === null || !isSame(replica.receiving.identity, identity)) {
    if (installing !== null) return;
    if (slice.offsetBytes !== 0) return acknowledgeSlice(turn, connection, slice, 0, false);
    replica.receiving = createReceiving(identity, 0);
  }
  const { receiving } = replica;
  receiving.connection = connection;
  receiving.epoch = slice.epoch;
  const isNext = slice.offsetBytes === receiving.offsetBytes && slice.bytes.length > 0;
  if (!isNext || slice.offsetBytes + slice.bytes.length > sizeBytes)
    return acknowledgeSlice(turn, connection, slice, receiving.storedBytes, false);
  const ticket = takeTicket(replica);
  receiving.offsetBytes += slice.bytes.length;
  push(receiving.storing, { ticket, throughBytes: receiving.offsetBytes });
  turn.effects.push({ kind: "store-slice", ticket, transfer: identity, offsetBytes: slice.offsetBytes, bytes: slice.bytes });
}

export function createReceiving(identity: TransferIdentity, storedBytes: number): Receiving {
  return {
    identity,
    offsetBytes: storedBytes,
    storedBytes,
    storing: createFifo(),
    connection: null,
    epoch: [0, 0],
    installing: null,
    adopting: false,
    loads: false,
  };
}

export function onSliceStored(turn: Turn, ticket: number): void {
  const { receiving } = turn.replica;
  if (receiving === null) return;
  let moved = false;
  for (let write = peek(receiving.storing); write !== undefined && write.ticket <= ticket; write = peek(receiving.storing)) {
    receiving.storedBytes = write.throughBytes;
    shift(receiving.storing);
    moved = true;
  }
  if (moved) answer(turn, receiving, false);
}

function answer(turn: Turn, receiving: Receiving, installed: boolean): void {
  if (receiving.connection === null) return;
  const { snapshotIndex } = receiving.identity;
  send(turn, receiving.connection, {
    kind: "snapshot-ack",
    epoch: receiving.epoch,
    snapshotIndex,
    offsetBytes: receiving.storedBytes,
    installed,
  });
}

/** Entries are not applied while a snapshot waits to take their place. */
export function isInstalling(replica: Replica): boolean {
  const { receiving } = replica;
  if (receiving === null) return false;
  if (receiving.adopting) return false;
  return receiving.installing !== null || (isComplete(replica, receiving) && !covers(replica, receiving.identity));
}

/** All is stored, and still wanted: S2b forbids it once a higher epoch is promised, for its Seal may have been answered from our log. */
function isComplete(replica: Replica, receiving: Receiving): boolean {
  const isCurrent = sameEpoch(receiving.epoch, replica.promise) && replica.stance.kind === "following";
  return isCurrent && receiving.storedBytes === receiving.identity.sizeBytes;
}

/** Begins the installation once nothing else touches state, log or snapshot. */
export function settleReceiving(turn: Turn): void {
  const { replica } = turn;
  const { receiving, execution, log } = replica;
  if (receiving === null || receiving.installing !== null || !isComplete(replica, receiving)) return;
  const { snapshotIndex } = receiving.identity;
  if (covers(replica, receiving.identity)) {
    if (log.persistedIndex < snapshotIndex) return;
    if (isForAdoption(replica, receiving.identity)) return adopt(turn, receiving);
    answer(turn, receiving, true);
    replica.receiving = null;
    return;
  }
  // The state that is being loaded is of the snapshot before.
  if (replica.warmth === "loading") return;
  const quiet = peek(execution.applying) === undefined && fifoSize(execution.querying) === 0 && peek(log.writing) === undefined;
  if (!quiet || replica.checkpoint !== null || log.truncateAfter !== null) return;
  install(turn, receiving, wantsState(replica));
}

function install({ replica, effects }: Turn, receiving: Receiving, load: boolean): void {
  const { identity, adopting } = receiving;
  receiving.installing = takeTicket(replica);
  receiving.loads = load;
  effects.push({ kind: "install-snapshot", ticket: receiving.installing, transfer: identity, keepLog: adopting, load });
}

/** Neither appends nor Seals wait: the log above the snapshot stays as it is. */
function adopt(turn: Turn, receiving: Receiving): void {
  const { replica } = turn;
  receiving.adopting = true;
  // Section 6: a snapshot is sent only once its index is committed, and our log is equal there.
  replica.commitIndex = Math.max(replica.commitIndex, receiving.identity.snapshotIndex);
  install(turn, receiving, false);
}

/** State, table and what goes with them are at exactly the snapshot's index from here on. */
function moveTo(replica: Replica, record: SnapshotRecord, table: SessionTable): void {
  replica.issuedIndex = record.index;
  replica.appliedIndex = record.index;
  replica.table = table;
  replica.ageMs = record.ageMs;
  replica.generation = record.generation;
  takeLogTime(replica, record);
  replica.snapshot = record;
  replica.receiving = null;
  replica.rejectedWaitMs = 0;
  replica.reportDirty = true;
}

function onAdopted(turn: Turn, receiving: Receiving, record: SnapshotRecord, table: SessionTable): void {
  const { replica } = turn;
  assert(replica.warmth === "cold" && record.index > replica.appliedIndex, "S5b", () => `adopted at ${record.index}`);
  moveTo(replica, record, table);
  truncateApplied(replica, record.index);
  note(turn, "info", `the snapshot at ${record.index} takes the place of the log before it`);
  dropBehindSnapshot(turn, record.index);
  answer(turn, receiving, true);
}

export function onSnapshotInstalled(turn: Turn, ticket: number, record: SnapshotRecord, table: SessionTable): void {
  const { replica, effects } = turn;
  const { receiving } = replica;
  if (receiving === null || receiving.installing !== ticket) return;
  if (receiving.adopting) return onAdopted(turn, receiving, record, table);
  assert(
    record.index === receiving.identity.snapshotIndex && record.index > replica.commitIndex,
    "S5b",
    () => `installed at ${record.index}`,
  );
  // S5b
  replaceLog(replica.log, { epoch: record.epoch, index: record.index });
  replica.commitIndex = record.index;
  moveTo(replica, record, table);
  replica.poison.length = 0;
  if (!receiving.loads && replica.warmth === "warm") effects.push({ kind: "unload-state" });
  replica.warmth = receiving.loads ? "warm" : "cold";
  const { stance } = replica;
  if (stance.kind === "following" && sameEpoch(stance.epoch, receiving.epoch))
    stance.verifiedIndex = Math.max(stance.verifiedIndex, record.index);
  note(turn, "info", `installed the snapshot at ${record.index}`);
  answer(turn, receiving, true);
}

export function onSnapshotRejected(turn: Turn, ticket: number, reason: string): void {
  const { replica } = turn;
  const { receiving } = replica;
  if (receiving === null || receiving.installing !== ticket) return;
  // Asked for at once it would come again as it is: the leader, which sends its last slice again and again, is left without an answer.
  const waitMs = Math.min(REJECTED_WAIT_MS_MAX, Math.max(replica.timings.transferResendMs, 2 * replica.rejectedWaitMs));
  replica.rejectedWaitMs = waitMs;
  replica.transferDueMs = turn.nowMs + waitMs;
  replica.receiving = null;
  const { snapshotIndex } = receiving.identity;
  note(turn, "warn", `the snapshot at ${snapshotIndex} was no use (${reason}); it is asked for again in ${Math.ceil(waitMs / 1_000)} s`);
}
