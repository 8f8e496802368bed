import type { ReplicaEffect } from "../server/core/effect.js";
import type { StoreResult } from "../storage/store-command.js";
import type { Entry } from "../vocabulary/entry.js";
import type { Incarnation } from "../vocabulary/ids.js";
import type { RunningServer } from "./running.js";

/** What the checkers are told of servers, by the shells that run them. */
export interface Observer {
  onStart(server: RunningServer): void;
  onEnd(server: RunningServer): void;
  /** After a turn of its core, before the effects are performed. */
  onTurn(server: RunningServer, effects: readonly ReplicaEffect[]): void;
  /** After the effects: executor and core are at one. */
  onPerformed(server: RunningServer): void;
  onPersist(server: RunningServer, ticket: number, truncateAfter: number | null, entries: readonly Entry[]): void;
  onPersisted(server: RunningServer, ticket: number): void;
  onInstalled(server: RunningServer, index: number): void;
  onRecovered(place: string, recovered: Extract<StoreResult, { kind: "recovered" }>): void;
  /** The data of an incarnation was given up. */
  onSetAside(incarnation: Incarnation | null): void;
}
