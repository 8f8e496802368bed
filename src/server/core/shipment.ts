/**
 * Style cold-passive, the leader's side: backups take no checkpoints, having no state, so each gets the leader's, while the log goes on to
 * it as ever. One slice at a time, and paced: it is for the next failover, and clients come first.
 */
import { feedSnapshot, flowOf } from "./donor.js";
import type { Leading, Progress } from "./leading-state.js";
import { bytesThrough } from "./log.js";
import type { Replica, Turn } from "./state.js";

/**
 * The backup's log reaches the newest snapshot, and what would be cut from that log is worth the way: as large as the snapshot itself, or as
 * a log may become. So shipping at most doubles what the log costs, replaying takes no longer than loading, and the backup's log has a bound.
 */
function isDue(replica: Replica, peer: Progress): boolean {
  const { snapshot, log, bounds } = replica;
  if (snapshot === null || peer.feed.kind !== "streaming" || peer.ackedIndex < snapshot.index) return false;
  if (peer.shippedIndex === 0) return true;
  if (peer.shippedIndex >= snapshot.index) return false;
  const savedBytes = bytesThrough(log, snapshot.index) - peer.shippedAtBytes;
  return savedBytes >= Math.min(snapshot.sizeBytes, bounds.logBytesMax);
}

export function feedShipment(turn: Turn, leading: Leading, peer: Progress): void {
  const { replica, nowMs } = turn;
  if (leading.view.style !== "cold-passive" || leading.phase !== "active") return;
  if (peer.feed.kind === "transferring") peer.shipment = null;
  if (peer.shipment === null) {
    if (!isDue(replica, peer) || replica.snapshot === null) return;
    peer.shipment = flowOf(replica.snapshot, 0, nowMs);
  }
  const { shipment } = peer;
  if (nowMs < peer.shipmentDueMs) return;
  const before = shipment.readOffset;
  feedSnapshot(turn, leading, peer, shipment, 1);
  if (shipment.readOffset !== before) peer.shipmentDueMs = nowMs + replica.timings.shipmentSliceMs;
}

/** When the next slice is due, or what is on its way is given up for lost. */
export function nextShipmentMs(replica: Replica, { shipment, shipmentDueMs }: Progress): number {
  if (shipment === null) return Number.POSITIVE_INFINITY;
  const isWaiting = shipment.readOffset > shipment.ackedOffset || shipment.readOffset === shipment.sizeBytes;
  return Math.max(shipmentDueMs, isWaiting ? shipment.progressAtMs + replica.timings.transferResendMs : shipment.dueMs);
}
