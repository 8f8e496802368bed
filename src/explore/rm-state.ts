/** What both kinds of Replication Manager deal with: the script (`rm-script.ts`) and the real core (`rm-core.ts`). */
import { type ControlContent, emptyContent, type GroupRecord, groupRecord } from "../rm/core/content.js";
import { assert } from "../vocabulary/assert.js";
import type { Epoch } from "../vocabulary/epoch.js";
import { type BootId, bootId, clusterId, type HostId, hostId } from "../vocabulary/ids.js";
import type { ControlMessage } from "../vocabulary/message-control.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import { quorumSize, type Style } from "../vocabulary/style.js";
import type { Member, View } from "../vocabulary/view.js";
import { GROUP, idOf } from "./life.js";
import { freeze } from "./plain-data.js";
import type { Scope } from "./scope.js";

export const CLUSTER_ID = clusterId("c");
export const HOST: HostId = hostId("h");

export interface Store {
  readonly content: ControlContent;
  readonly revision: number;
  /** Epochs of the views that were ever active, as numbers. */
  readonly chain: readonly number[];
}

/** A message of an RM to a replica: from 1. */
export interface Order {
  readonly to: number;
  readonly message: ControlMessage;
}

/** What an RM may do, by numbers of what comes of it. */
export interface RmStep {
  readonly text: string;
  readonly rm: number;
  readonly store: number;
  /** Messages sent: one of the catalog's `posts`. */
  readonly sent: number;
  /** Is taken off the budget. */
  readonly cost: number;
  readonly violation: string | null;
  /** It goes on with what it has begun, or begins anew when all else is done. */
  readonly isDue: boolean;
  /** It begins something: in an ordinary run clients come first. */
  readonly begins: boolean;
}

export const ownerOf = (rm: number): BootId => bootId(`rm${rm}`);

/** The attempt whose answers an RM counts; odd while it seals; 0: none. */
export function awaitsOf(epoch: Epoch, isSealing: boolean): number {
  return epochNumber(epoch) * 2 + (isSealing ? 1 : 0);
}

const EPOCH_COUNTERS = 64;

export function epochNumber(epoch: Epoch): number {
  assert(epoch[1] < EPOCH_COUNTERS, "explore", () => "too many epochs of one term");
  return epoch[0] * EPOCH_COUNTERS + epoch[1];
}

const KNOBS = { heartbeatIntervalMs: 1, suspicionTimeoutMs: 1 };
export const DETECTORS = { lfd: KNOBS, gfd: KNOBS };

export function specOf(replicas: number, style: Style): GroupSpec {
  return {
    group: GROUP,
    service: { name: "words", hash: "", path: "", styles: [style] },
    style,
    replicas,
    minimumReplicas: 1,
    quorum: "majority",
    durability: "disk",
    checkpointEntries: 1,
    handlerTimeoutMs: 1,
    onLoss: "wait",
  };
}

/** A store in which the group has no view yet. `count`: replicas there are, with those that are no founders. */
export function createStore(founders: readonly Member[], count: number, { style, manager }: Pick<Scope, "style" | "manager">): Store {
  const replicas = Array.from({ length: count }, (_, i) => ({ replica: idOf(i + 1), host: HOST, leaving: false }));
  const record: GroupRecord = {
    spec: specOf(count, style),
    activeView: null,
    founders,
    leaderEnds: [],
    replicas,
    nextReplicaNumber: count + 1,
  };
  const empty = emptyContent(CLUSTER_ID, ownerOf(0), DETECTORS);
  return { content: freeze({ ...empty, term: manager === "core" ? 0 : 1, hosts: [HOST], groups: [record] }), revision: 1, chain: [] };
}

export function activeView(content: ControlContent): View | null {
  return groupRecord(content, GROUP)?.activeView ?? null;
}

export function makeView(epoch: Epoch, members: readonly Member[], leader: Member, style: Style): View {
  const sorted = [...members].sort((a, b) => (a.replica < b.replica ? -1 : 1));
  const quorum = quorumSize(sorted.length, "majority");
  return { group: GROUP, generation: 1, epoch, members: sorted, leader: leader.replica, style, quorum, durability: "disk" };
}
