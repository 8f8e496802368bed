import { EPOCH_ZERO, type Epoch } from "../vocabulary/epoch.js";
import type { Entry } from "../vocabulary/entry.js";
import type { StoreCommand, StoreConfig, StoreResult } from "../storage/store-command.js";
import type { View } from "../vocabulary/view.js";
export interface StandIn { promise: Epoch; activeView: View | null; blankState: boolean; entries: Entry[]; incarnation: StoreConfig["freshIncarnation"] | null }
export function createStandIn(): StandIn { return { promise: EPOCH_ZERO, activeView: null, blankState: true, entries: [], incarnation: null }; }
export function stepStandIn(store: StandIn, config: StoreConfig, command: StoreCommand): StoreResult | null {
  switch (command.kind) {
    case "recover": {
      const blank = store.incarnation === null;
      store.incarnation ??= config.freshIncarnation;
      return { kind: "recovered", blank, identity: { clusterId: config.clusterId, group: config.group, replica: config.replica, incarnation: store.incarnation, durability: config.durability }, promise: store.promise, activeView: store.activeView, generation: 0, snapshot: null, entries: [...store.entries], partial: null };
    }
    case "persist":
      if (command.truncateAfter !== null) store.entries.length = command.truncateAfter;
      store.entries.push(...command.entries);
      return { kind: "persisted", ticket: command.ticket };
    case "persist-promise":
      store.promise = command.promise; store.activeView = command.activeView;
      return { kind: "promise-persisted", ticket: command.ticket };
    default: return null;
  }
}
