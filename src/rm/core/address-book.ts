import type { AddressEntry } from "../../vocabulary/view.js";
import type { RmEffect } from "./effect.js";
import { sendToServer } from "./outbox.js";
import type { GroupState, Rm } from "./state.js";

/** Keeps the group's book of addresses and pushes it, versioned by the term, to all of its servers whenever it changes. */
export function keepBook(rm: Rm, group: GroupState, effects: RmEffect[]): void {
  const entries: AddressEntry[] = [];
  for (const sight of rm.sights.values()) {
    const { replica, host: hostId, address, bootId } = sight;
    if (sight.group !== group.group || address === null || bootId === null || sight.verdict === "gone") continue;
    entries.push({ replica, hostId, address, bootId });
  }
  entries.sort((a, b) => (a.replica < b.replica ? -1 : 1));
  const key = JSON.stringify(entries);
  if (key === group.bookKey) return;
  group.bookKey = key;
  group.book = { version: [rm.store.stored.term, group.book.version[1] + 1], entries };
  rm.statusDirty = true;
  for (const sight of rm.sights.values()) {
    if (sight.group === group.group)
      sendToServer(rm, sight.replica, { kind: "address-book", group: group.group, book: group.book }, effects);
  }
}
