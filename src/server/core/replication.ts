/** The leader's side of the log: what each peer has, what is on its way, what has to be sent again. */
import { compareEpochs, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { Entry } from "../../vocabulary/entry.js";
import type { ReplicationMessage } from "../../vocabulary/message-replication.js";
import { feedSnapshot, nextTransferMs, startTransfer } from "./donor.js";
import type { Leading, Progress } from "./leading-state.js";
import { cutBatch, epochAt, lastIndex, rangeBytes } from "./log.js";
import { peerOn } from "./peers.js";
import { feedShipment, nextShipmentMs } from "./shipment.js";
import { note, type Replica, send, type Turn } from "./state.js";

type Ack = Extract<ReplicationMessage, { readonly kind: "append-ack" }>;
type Refused = Extract<ReplicationMessage, { readonly kind: "append-refused" }>;

/** The leader, and the peer that a message of its own epoch came from. */
export function senderOf(turn: Turn, connection: number, epoch: ReplicationMessage["epoch"]): { leading: Leading; peer: Progress } | null {
  const leading = turn.replica.stance;
  if (leading.kind !== "leading" || !sameEpoch(leading.view.epoch, epoch)) return null;
  const peer = peerOn(leading, connection);
  return peer === null ? null : { leading, peer };
}

export function onAppendAck(turn: Turn, connection: number, message: Ack): void {
  const sender = senderOf(turn, connection, message.epoch);
  if (sender === null) return;
  const { peer } = sender;
  if (message.index > lastIndex(turn.replica.log)) {
    turn.effects.push({ kind: "close", connection, reason: `acknowledged ${message.index}, which was never sent` });
    return;
  }
  if (message.index > peer.ackedIndex) {
    peer.ackedIndex = message.index;
    if (!peer.member) turn.replica.reportDirty = true;
  }
  if (peer.feed.kind === "probing" && peer.feed.prevIndex >= 0 && message.index >= peer.feed.prevIndex) peer.feed = { kind: "streaming" };
  if (peer.nextIndex <= peer.ackedIndex) peer.nextIndex = peer.ackedIndex + 1;
}

export function onAppendRefused(turn: Turn, connection: number, message: Refused): void {
  const sender = senderOf(turn, connection, message.epoch);
  if (sender === null) return;
  const { leading, peer } = sender;
  if (compareEpochs(message.promise, leading.view.epoch) > 0) {
    // Deposed, as far as this one goes. Whether there is a new view is not its to say: we go on as long as w others do.
    if (!peer.lost) note(turn, "info", `${peer.replica} has promised epoch ${epochText(message.promise)}`);
    peer.lost = true;
    return;
  }
  if (peer.feed.kind === "transferring" || message.prevIndex < peer.ackedIndex) return;
  // While probing, only the answer to the append that is out counts: others are of appends that were sent before.
  if (peer.feed.kind === "probing" && peer.feed.prevIndex !== message.prevIndex) return;
  peer.nextIndex = Math.max(peer.ackedIndex, Math.min(message.prevIndex - 1, message.lastIndex)) + 1;
  peer.feed = { kind: "probing", prevIndex: -1 };
  if (peer.nextIndex <= turn.replica.log.base.index) startTransfer(turn, peer, message.transferIndex, message.transferOffsetBytes);
}

function batchFrom(replica: Replica, leading: Leading, fromIndex: number): readonly Entry[] {
  if (leading.batch?.fromIndex === fromIndex) return leading.batch.entries;
  const entries = cutBatch(replica.log, fromIndex, replica.bounds.appendEntriesMax, replica.bounds.appendBytesMax);
  leading.batch = { fromIndex, entries };
  return entries;
}

function sendAppend(turn: Turn, leading: Leading, peer: Progress, entries: readonly Entry[]): void {
  const { replica, nowMs } = turn;
  const { connection } = peer;
  const prevIndex = peer.nextIndex - 1;
  const prevEpoch = epochAt(replica.log, prevIndex);
  if (connection === null || prevEpoch === null) return;
  const active = leading.phase === "active";
  send(turn, connection, {
    kind: "append",
    epoch: leading.view.epoch,
    prevEpoch,
    prevIndex,
    entries,
    commitIndex: replica.commitIndex,
    active,
    view: peer.viewSent ? null : leading.view,
  });
  peer.viewSent = true;
  peer.sentAtMs = nowMs;
  peer.sentCommit = replica.commitIndex;
  peer.sentActive = active;
}

function hasWindow(replica: Replica, peer: Progress): boolean {
  const { log, bounds } = replica;
  const acked = Math.max(peer.ackedIndex, log.base.index);
  const sent = peer.nextIndex - 1;
  if (sent <= acked) return true;
  return sent - acked < bounds.windowEntries && rangeBytes(log, acked, sent) < bounds.windowBytes;
}

/** When an append without entries is due: activity at once, the commit index soon, else the heartbeat. */
function quietDueMs(turn: Turn, leading: Leading, peer: Progress): number {
  const { replica } = turn;
  if (peer.feed.kind === "streaming") {
    if ((leading.phase === "active") !== peer.sentActive) return Number.NEGATIVE_INFINITY;
    if (peer.sentCommit < replica.commitIndex) return peer.sentAtMs + replica.timings.commitFlushMs;
  }
  return peer.sentAtMs + replica.timings.appendHeartbeatMs;
}

function feedProbing(turn: Turn, leading: Leading, peer: Progress): void {
  const { replica, nowMs } = turn;
  if (peer.nextIndex <= replica.log.base.index) return startTransfer(turn, peer, 0, 0);
  const feed = peer.feed;
  if (feed.kind !== "probing" || (feed.prevIndex >= 0 && nowMs < quietDueMs(turn, leading, peer))) return;
  // The view goes with it again: what was sent before may be what was lost.
  peer.viewSent = false;
  sendAppend(turn, leading, peer, batchFrom(replica, leading, peer.nextIndex));
  peer.feed = { kind: "probing", prevIndex: peer.nextIndex - 1 };
}

function feedStreaming(turn: Turn, leading: Leading, peer: Progress): void {
  const { replica, nowMs } = turn;
  const last = lastIndex(replica.log);
  if (peer.nextIndex <= replica.log.base.index) return startTransfer(turn, peer, 0, 0);
  while (peer.nextIndex <= last && hasWindow(replica, peer)) {
    const entries = batchFrom(replica, leading, peer.nextIndex);
    sendAppend(turn, leading, peer, entries);
    peer.nextIndex += entries.length;
  }
  // Lost appends show when a later one is refused, lost acknowledgements when one is repeated: heartbeats bring both about.
  if (nowMs >= quietDueMs(turn, leading, peer)) sendAppend(turn, leading, peer, []);
}

/** Sends each reachable peer what it lacks. The leader does not wait for its own disk. */
export function feedPeers(turn: Turn, leading: Leading): void {
  for (const peer of leading.peers.values()) {
    if (peer.connection === null) continue;
    if (peer.feed.kind === "probing") feedProbing(turn, leading, peer);
    else if (peer.feed.kind === "streaming") feedStreaming(turn, leading, peer);
    if (peer.feed.kind === "transferring") feedSnapshot(turn, leading, peer, peer.feed, turn.replica.bounds.sliceWindow);
    feedShipment(turn, leading, peer);
  }
  leading.batch = null;
}

export function nextFeedMs(turn: Turn, leading: Leading): number {
  let wakeMs = Number.POSITIVE_INFINITY;
  for (const peer of leading.peers.values()) {
    if (peer.connection === null) continue;
    const dueMs = peer.feed.kind === "transferring" ? nextTransferMs(turn.replica, peer.feed) : quietDueMs(turn, leading, peer);
    wakeMs = Math.min(wakeMs, dueMs, nextShipmentMs(turn.replica, peer));
  }
  return wakeMs;
}
