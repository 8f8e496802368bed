/** State transfer, the leader's side: a snapshot in slices, a few on their way at once, then the log from its index on. */
import { compareEpochs } from "../../vocabulary/epoch.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { ReplicationMessage } from "../../vocabulary/message-replication.js";
import type { SnapshotRecord } from "./event.js";
import type { Leading, Progress, SliceRead, SnapshotFlow } from "./leading-state.js";
import { peerOn } from "./peers.js";
import { bytesThrough } from "./log.js";
import { note, type Replica, send, takeTicket, type Turn } from "./state.js";

/** Of a late turn so much is made up for. */
const BURST_MS = 20;

type SnapshotAck = Extract<ReplicationMessage, { readonly kind: "snapshot-ack" }>;

/** The peer needs entries that are in memory no more. `resumeIndex` and `resumeBytes`: what it has stored of an earlier transfer. */
export function startTransfer(turn: Turn, peer: Progress, resumeIndex: number, resumeBytes: number): void {
  const { replica, nowMs } = turn;
  const { snapshot } = replica;
  if (snapshot === null) return;
  const offset = resumeIndex === snapshot.index && resumeBytes < snapshot.sizeBytes ? resumeBytes : 0;
  peer.feed = { kind: "transferring", ...flowOf(snapshot, offset, nowMs) };
  peer.shipment = null;
  peer.transferredBytes = offset;
  peer.transferSizeBytes = snapshot.sizeBytes;
  replica.reportDirty = true;
  note(turn, "info", `transfers the snapshot at ${snapshot.index} (${snapshot.sizeBytes} bytes) to ${peer.replica} from byte ${offset}`);
}

export function flowOf(snapshot: SnapshotRecord, offset: number, nowMs: number): SnapshotFlow {
  const { index, epoch, sizeBytes, checksum } = snapshot;
  return {
    snapshotIndex: index,
    snapshotEpoch: epoch,
    sizeBytes,
    checksum,
    readOffset: offset,
    ackedOffset: offset,
    dueMs: nowMs,
    progressAtMs: nowMs,
  };
}

/** There is a slice to be asked for, and room on the way. */
function hasRoom(replica: Replica, feed: SnapshotFlow, sliceWindow: number): boolean {
  return feed.readOffset < feed.sizeBytes && feed.readOffset - feed.ackedOffset < replica.bounds.sliceBytes * sliceWindow;
}

/** When a transfer is to be looked at again, if nothing comes of it before. */
export function nextTransferMs(replica: Replica, feed: SnapshotFlow): number {
  const resendMs = feed.progressAtMs + replica.timings.transferResendMs;
  return hasRoom(replica, feed, replica.bounds.sliceWindow) ? Math.min(resendMs, feed.dueMs) : resendMs;
}

/** Asks the disk for the next slices, within the window and no faster than the group's setting. */
export function feedSnapshot(turn: Turn, leading: Leading, peer: Progress, feed: SnapshotFlow, sliceWindow: number): void {
  const { replica, nowMs, effects } = turn;
  const { sliceBytes } = replica.bounds;
  if (nowMs - feed.progressAtMs >= replica.timings.transferResendMs) {
    // Lost on the way; or all was received and the installation is not confirmed: the last slice asks for the answer again.
    feed.readOffset = feed.ackedOffset < feed.sizeBytes ? feed.ackedOffset : Math.max(0, feed.sizeBytes - sliceBytes);
    feed.progressAtMs = nowMs;
  }
  const perMs = (replica.knobs.transferBytesPerSecond ?? DEFAULTS.transferBytesPerSecond) / 1_000;
  // Of a rate that was lower before, nothing is waited for.
  feed.dueMs = Math.min(feed.dueMs, nowMs + sliceBytes / perMs);
  while (nowMs >= feed.dueMs && hasRoom(replica, feed, sliceWindow)) {
    const ticket = takeTicket(replica);
    const sizeBytes = Math.min(sliceBytes, feed.sizeBytes - feed.readOffset);
    leading.sliceReads.set(ticket, { replica: peer.replica, snapshotIndex: feed.snapshotIndex, offsetBytes: feed.readOffset, bytes: null });
    effects.push({ kind: "read-snapshot", ticket, snapshotIndex: feed.snapshotIndex, offsetBytes: feed.readOffset, sizeBytes });
    feed.readOffset += sizeBytes;
    feed.dueMs = Math.max(feed.dueMs, nowMs - BURST_MS) + sizeBytes / perMs;
  }
}

/** Reads overtake one another on their way from the disk; slices are sent in order, since a receiver has no use for others. */
export function onSnapshotRead(turn: Turn, ticket: number, bytes: Uint8Array): void {
  const leading = turn.replica.stance;
  if (leading.kind !== "leading") return;
  const read = leading.sliceReads.get(ticket);
  if (read === undefined) return;
  read.bytes = bytes;
  for (const [each, next] of leading.sliceReads) {
    if (next.replica !== read.replica) continue;
    if (next.bytes === null) return;
    leading.sliceReads.delete(each);
    sendSlice(turn, leading, next, next.bytes);
  }
}

/** A transfer or shipment of this snapshot that is under way. */
function flowTo(peer: Progress, snapshotIndex: number): SnapshotFlow | null {
  const flow = peer.feed.kind === "transferring" ? peer.feed : peer.shipment;
  return flow?.snapshotIndex === snapshotIndex ? flow : null;
}

function sendSlice(turn: Turn, leading: Leading, read: SliceRead, bytes: Uint8Array): void {
  const peer = leading.peers.get(read.replica);
  if (peer === undefined || peer.connection === null) return;
  const feed = flowTo(peer, read.snapshotIndex);
  if (feed === null) return;
  if (bytes.length === 0) {
    // The disk has it no more: a newer one took its place.
    if (feed === peer.shipment) peer.shipment = null;
    else if (turn.replica.snapshot?.index !== feed.snapshotIndex) startTransfer(turn, peer, 0, 0);
    return;
  }
  send(turn, peer.connection, {
    kind: "snapshot-slice",
    epoch: leading.view.epoch,
    snapshotEpoch: feed.snapshotEpoch,
    snapshotIndex: feed.snapshotIndex,
    sizeBytes: feed.sizeBytes,
    checksum: feed.checksum,
    offsetBytes: read.offsetBytes,
    bytes,
    view: leading.view,
  });
}

export function onSnapshotAck(turn: Turn, connection: number, message: SnapshotAck): void {
  const { replica, nowMs } = turn;
  const leading = replica.stance;
  if (leading.kind !== "leading" || compareEpochs(leading.view.epoch, message.epoch) !== 0) return;
  const peer = peerOn(leading, connection);
  const feed = peer === null ? null : flowTo(peer, message.snapshotIndex);
  if (peer === null || feed === null) return;
  if (message.installed && feed === peer.shipment) return onShipped(replica, peer, message.snapshotIndex);
  if (message.installed) {
    // S5b: it now holds everything through the snapshot, durable.
    peer.ackedIndex = Math.max(peer.ackedIndex, message.snapshotIndex);
    peer.nextIndex = peer.ackedIndex + 1;
    peer.feed = { kind: "probing", prevIndex: -1 };
    peer.transferredBytes = feed.sizeBytes;
    replica.reportDirty = true;
    note(turn, "info", `${peer.replica} has installed the snapshot at ${message.snapshotIndex}`);
    return;
  }
  const offset = Math.min(message.offsetBytes, feed.sizeBytes);
  if (offset === feed.ackedOffset) return;
  // Backwards: it had to begin anew.
  if (offset < feed.ackedOffset) feed.readOffset = offset;
  feed.ackedOffset = offset;
  feed.readOffset = Math.max(feed.readOffset, offset);
  feed.progressAtMs = nowMs;
  if (feed !== peer.shipment) peer.transferredBytes = offset;
}

/** The backup has it, and has cut its log. */
function onShipped(replica: Replica, peer: Progress, snapshotIndex: number): void {
  peer.shipment = null;
  if (snapshotIndex < replica.log.base.index) return;
  peer.shippedIndex = snapshotIndex;
  peer.shippedAtBytes = bytesThrough(replica.log, snapshotIndex);
}

/**
 * How large the log in memory grows before it is trimmed, twice this, and before requests are refused, four times. What is written while a
 * snapshot travels is needed behind it: cut away, the transfer would begin again, and as long as clients write, for ever. That takes as long
 * as the state is large, so the bound grows with it. And with the setting: refused before its checkpoint is due, a group had none ever.
 */
export function logShareBytes({ bounds, knobs, snapshot }: Replica): number {
  return Math.max(bounds.logBytesMax, knobs.checkpointBytes ?? 0, (snapshot?.sizeBytes ?? 0) / 8);
}

/** The log above this index is what a transfer under way will go on with. */
export function oldestTransfer(replica: Replica): number {
  let oldest = replica.snapshot?.index ?? 0;
  if (replica.stance.kind !== "leading") return oldest;
  for (const peer of replica.stance.peers.values()) {
    if (peer.feed.kind === "transferring") oldest = Math.min(oldest, peer.feed.snapshotIndex);
  }
  return oldest;
}

/** The snapshots that somebody is given: each of them may be another one. */
export function snapshotsInUse({ backups, stance }: Replica): number[] {
  const indexes = new Set<number>();
  for (const { record } of backups.values()) if (record !== null) indexes.add(record.index);
  for (const { feed, shipment } of stance.kind === "leading" ? stance.peers.values() : []) {
    if (feed.kind === "transferring") indexes.add(feed.snapshotIndex);
    if (shipment !== null) indexes.add(shipment.snapshotIndex);
  }
  return [...indexes];
}
