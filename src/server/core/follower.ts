/** Appends received (L1, L2, L4): by members and learners alike. */
import { assert } from "../../vocabulary/assert.js";
import type { Entry } from "../../vocabulary/entry.js";
import { compareEpochs, type Epoch, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicationMessage } from "../../vocabulary/message-replication.js";
import { checkView, holdsIncarnation, type View } from "../../vocabulary/view.js";
import { leaveOldGeneration } from "./generation.js";
import { append, conflictHint, epochAt, lastIndex, truncate } from "./log.js";
import { scanForPoison, truncatePoison } from "./poison.js";
import { learnActiveView, leaveBlank, raisePromise } from "./stance.js";
import { type Following, note, type Replica, send, type Turn } from "./state.js";

export type Append = Extract<ReplicationMessage, { readonly kind: "append" }>;
export type Slice = Extract<ReplicationMessage, { readonly kind: "snapshot-slice" }>;

/** Messages that are kept until the promise they bring is durable; the leader sends the rest again. */
const HELD_MAX = 64;

function refuse(turn: Turn, connection: number, epoch: Epoch, prevIndex: number, last: number): void {
  const { promise, receiving } = turn.replica;
  send(turn, connection, {
    kind: "append-refused",
    epoch,
    promise,
    prevIndex,
    lastIndex: last,
    transferIndex: receiving?.identity.snapshotIndex ?? 0,
    transferOffsetBytes: receiving?.storedBytes ?? 0,
  });
}

function isFromLeader(turn: Turn, connection: number, epoch: Epoch, view: View | null): boolean {
  const { replica } = turn;
  const sender = replica.connections.get(connection)?.peer.replica ?? null;
  const known = view ?? (replica.stance.kind === "following" && sameEpoch(replica.stance.epoch, epoch) ? replica.stance.view : null);
  if (known === null) return true;
  return known.group === replica.config.group && sameEpoch(known.epoch, epoch) && known.leader === sender && checkView(known) === null;
}

/**
 * What appends and slices have in common: L4. Returns the relation to the leader, or null when the message is refused, held until the
 * promise is durable, or not from the leader of its epoch.
 */
export function follow(turn: Turn, connection: number, message: Append | Slice): Following | null {
  const { replica } = turn;
  const { epoch, view } = message;
  const order = compareEpochs(epoch, replica.promise);
  if (order < 0) {
    // S2a, L4: learners too.
    refuse(turn, connection, epoch, message.kind === "append" ? message.prevIndex : message.snapshotIndex, lastIndex(replica.log));
    return null;
  }
  const leads = replica.stance.kind === "leading" && order === 0;
  if (leads || !isFromLeader(turn, connection, epoch, view)) {
    note(turn, "warn", `a ${message.kind} of epoch ${epochText(epoch)} that is not from its leader was ignored`);
    return null;
  }
  if (order > 0) raisePromise(turn, epoch);
  if (compareEpochs(replica.durablePromise, epoch) < 0) {
    if (replica.held.length < HELD_MAX) replica.held.push({ connection, message });
    return null;
  }
  const { stance } = replica;
  if (stance.kind === "following" && sameEpoch(stance.epoch, epoch)) {
    if (view !== null && stance.view === null) stance.view = view;
    if (stance.connection !== connection) stance.ackedIndex = 0;
    stance.connection = connection;
    return stance;
  }
  const following: Following = { kind: "following", epoch, view, connection, verifiedIndex: 0, ackOwed: false, ackedIndex: 0 };
  replica.stance = following;
  replica.reportDirty = true;
  return following;
}

/** The entries are what a leader of that epoch can have sent. */
function isWellFormed(message: Append): boolean {
  let epoch = message.prevEpoch;
  let index = message.prevIndex;
  for (const entry of message.entries) {
    index++;
    if (entry.index !== index || compareEpochs(entry.epoch, epoch) < 0) return false;
    epoch = entry.epoch;
  }
  return compareEpochs(epoch, message.epoch) <= 0 && message.commitIndex >= 0;
}

/** Appends what is not held yet; L1: cuts only at an entry that conflicts. */
function takeEntries(replica: Replica, entries: readonly Entry[]): void {
  const { log } = replica;
  for (const entry of entries) {
    if (entry.index <= log.base.index) continue;
    if (entry.index <= lastIndex(log)) {
      const held = epochAt(log, entry.index);
      if (held !== null && sameEpoch(held, entry.epoch)) continue;
      assert(entry.index > replica.commitIndex, "L1", () => `entry ${entry.index} is committed and would be cut`);
      truncate(log, entry.index - 1);
      truncatePoison(replica, entry.index - 1);
    }
    append(log, entry);
    if (entry.body.kind === "request") replica.logTimeMs = Math.max(replica.logTimeMs, entry.body.nowMs);
    scanForPoison(replica, entry);
  }
}

/** L1: our log holds the entry that the message follows. Everything through `base` is committed, and so equal. */
function matches(replica: Replica, message: Append): boolean {
  if (message.prevIndex <= replica.log.base.index) return true;
  const held = epochAt(replica.log, message.prevIndex);
  return held !== null && sameEpoch(held, message.prevEpoch);
}

export function onAppend(turn: Turn, connection: number, message: Append): void {
  const { replica } = turn;
  const { log } = replica;
  if (!isWellFormed(message)) {
    turn.effects.push({ kind: "close", connection, reason: "an append whose entries do not follow one another" });
    return;
  }
  const following = follow(turn, connection, message);
  const isReplaced = replica.receiving?.installing != null && !replica.receiving.adopting;
  if (following === null || isReplaced) return;
  const { view } = following;
  if (message.active && view !== null && leaveOldGeneration(turn, view)) return;
  if (message.active && view !== null) learnActiveView(turn, view);
  if (view !== null && !holdsIncarnation(view, replica.config.replica, replica.config.incarnation)) leaveBlank(turn);
  if (!matches(replica, message)) {
    const hint = Math.min(conflictHint(log, message.prevIndex), message.prevIndex - 1);
    return refuse(turn, connection, message.epoch, message.prevIndex, Math.max(hint, log.base.index));
  }
  takeEntries(replica, message.entries);
  // L2: what this append has shown to be equal, not what we happen to hold.
  const verified = Math.min(message.prevIndex + message.entries.length, lastIndex(log));
  following.verifiedIndex = Math.max(following.verifiedIndex, verified);
  if (message.active) replica.commitIndex = Math.max(replica.commitIndex, Math.min(message.commitIndex, following.verifiedIndex));
  following.ackOwed = true;
}

/** Acknowledges what is verified and durable (L2, S8b); once for all appends of a turn. */
export function acknowledge(turn: Turn): void {
  const { replica } = turn;
  const following = replica.stance;
  if (following.kind !== "following") return;
  const index = Math.min(following.verifiedIndex, replica.log.persistedIndex);
  if (index <= following.ackedIndex && !(following.ackOwed && index === following.verifiedIndex)) return;
  assert(compareEpochs(replica.durablePromise, following.epoch) >= 0, "L4", () => "acknowledged before the promise is durable");
  following.ackedIndex = index;
  if (index === following.verifiedIndex) following.ackOwed = false;
  send(turn, following.connection, { kind: "append-ack", epoch: following.epoch, index });
}

/** The promise that they waited for is durable. */
export function takeHeld(turn: Turn, take: (connection: number, message: ReplicationMessage) => void): void {
  const { replica } = turn;
  const { held } = replica;
  if (held.length === 0 || compareEpochs(replica.durablePromise, replica.promise) !== 0) return;
  replica.held = [];
  for (const { connection, message } of held) take(connection, message);
}
