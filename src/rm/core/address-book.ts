import type { AddressEntry } from "../../vocabulary/view.js";
import type { RmEffect } from "./effect.js";
import { sendToServer } from "./outbox.js";
import { type GroupState, type Rm, type Sight, wakeAt } from "./state.js";

/** Keeps the group's book of addresses and pushes it, versioned by the term, to all of its servers whenever it changes. */
export function keepBook(rm: Rm, nowMs: number, group: GroupState, effects: RmEffect[]): void {
  const entries: AddressEntry[] = [];
  for (const sight of rm.sights.values()) {
    const { replica, host: hostId, address, bootId } = sight;
    if (sight.group !== group.group || address === null || bootId === null || isForgotten(rm, nowMs, sight)) continue;
    entries.push({ replica, hostId, address, bootId });
  }
  entries.sort((a, b) => (a.replica < b.replica ? -1 : 1));
  let key = `${entries.length}`;
  for (const { replica, hostId, address, bootId } of entries) key += `;${replica} ${hostId} ${bootId} ${address.host} ${address.port}`;
  if (key === group.bookKey) return;
  group.bookKey = key;
  group.book = { version: [rm.store.stored.term, group.book.version[1] + 1], entries };
  rm.statusDirty = true;
  for (const sight of rm.sights.values()) {
    if (sight.group === group.group)
      sendToServer(rm, sight.replica, { kind: "address-book", group: group.group, book: group.book }, effects);
  }
}

/**
 * The address of a process that is gone harms nobody, and is most often replaced soon. Taken out at once, it would have every server and
 * every client busy with a new book in the very moment of a failover.
 */
function isForgotten(rm: Rm, nowMs: number, sight: Sight): boolean {
  if (sight.verdict !== "gone") return false;
  const dueMs = sight.verdictSinceMs + rm.config.timing.bookGoneMs;
  if (nowMs < dueMs) wakeAt(rm, nowMs, dueMs);
  return nowMs >= dueMs;
}
