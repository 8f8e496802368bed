/** State transfer, the receiver's side (S5b): slices are stored as they come; the whole takes the place of log, state and table at once. */
import { assert } from "../../vocabulary/assert.js";
import { sameEpoch } from "../../vocabulary/epoch.js";
import type { TableImage } from "../../vocabulary/session.js";
import type { SnapshotRecord, TransferIdentity } from "./event.js";
import { createFifo, fifoSize, peek, push, shift } from "./fifo.js";
import { follow, type Slice } from "./follower.js";
import { epochAt, replaceLog } from "./log.js";
import { tableOf } from "./session-table.js";
import { leaveBlank } from "./stance.js";
import { note, type Receiving, type Replica, send, takeTicket, type Turn } from "./state.js";

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

function acknowledgeSlice(turn: Turn, connection: number, slice: Slice, offsetBytes: number, installed: boolean): void {
  send(turn, connection, { kind: "snapshot-ack", epoch: slice.epoch, snapshotIndex: slice.snapshotIndex, offsetBytes, installed });
}

export function onSlice(turn: Turn, connection: number, slice: Slice): void {
  const { replica } = turn;
  const following = follow(turn, connection, slice);
  if (following === null) return;
  leaveBlank(turn);
  if (covers(replica, slice) && replica.log.persistedIndex >= slice.snapshotIndex) {
    return acknowledgeSlice(turn, connection, slice, slice.sizeBytes, true);
  }
  const { snapshotIndex, snapshotEpoch, sizeBytes, checksum } = slice;
  const identity = { snapshotIndex, snapshotEpoch, sizeBytes, checksum };
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
  return receiving.installing !== null || (isComplete(replica, receiving) && !covers(replica, receiving.identity));
}

/** All is stored, and still wanted: S2b forbids it once a higher epoch is promised, for its Seal may have been answered from our log. */
function isComplete(replica: Replica, receiving: Receiving): boolean {
  const isCurrent = sameEpoch(receiving.epoch, replica.promise) && replica.stance.kind === "following";
  return isCurrent && receiving.storedBytes === receiving.identity.sizeBytes;
}

/** Begins the installation once nothing else touches state, log or snapshot. */
export function settleReceiving(turn: Turn): void {
  const { replica, effects } = turn;
  const { receiving, execution, log } = replica;
  if (receiving === null || receiving.installing !== null || !isComplete(replica, receiving)) return;
  if (covers(replica, receiving.identity)) {
    if (log.persistedIndex < receiving.identity.snapshotIndex) return;
    answer(turn, receiving, true);
    replica.receiving = null;
    return;
  }
  const quiet = peek(execution.applying) === undefined && fifoSize(execution.querying) === 0 && peek(log.writing) === undefined;
  if (!quiet || replica.checkpoint !== null || log.truncateAfter !== null) return;
  receiving.installing = takeTicket(replica);
  effects.push({ kind: "install-snapshot", ticket: receiving.installing, transfer: receiving.identity });
}

export function onSnapshotInstalled(turn: Turn, ticket: number, record: SnapshotRecord, table: TableImage): void {
  const { replica } = turn;
  const { receiving } = replica;
  if (receiving === null || receiving.installing !== ticket) return;
  assert(
    record.index === receiving.identity.snapshotIndex && record.index > replica.commitIndex,
    "S5b",
    () => `installed at ${record.index}`,
  );
  // S5b: state, table and log are at exactly the snapshot's index from here on.
  replaceLog(replica.log, { epoch: record.epoch, index: record.index });
  replica.commitIndex = record.index;
  replica.issuedIndex = record.index;
  replica.appliedIndex = record.index;
  replica.table = tableOf(table);
  replica.ageMs = record.ageMs;
  replica.generation = record.generation;
  replica.poison.length = 0;
  replica.snapshot = record;
  replica.receiving = null;
  replica.reportDirty = true;
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
  note(turn, "warn", `the snapshot at ${receiving.identity.snapshotIndex} was no use and is asked for again: ${reason}`);
  const rejected = { ...receiving, storedBytes: 0 };
  replica.receiving = null;
  answer(turn, rejected, false);
}
