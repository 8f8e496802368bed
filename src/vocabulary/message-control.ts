import type { AdminCommand, AdminOutcome, StatusImage, TroupeEvent } from "./admin.js";
import type { Epoch } from "./epoch.js";
import type { BootId, GroupName, HostId, Incarnation, ReplicaId } from "./ids.js";
import type { ReplicaReport } from "./report.js";
import type { RequestIdentity } from "./session.js";
import type { DetectorKnobs, GroupKnobs, GroupSpec } from "./spec.js";
import type { AddressBook, LeaderEnd, Member, View } from "./view.js";

/** Of the Replication Manager: with servers (view changes), with LFDs (orders), with gateways (administration). */
export type ControlMessage =
  // --- view change: RM <-> server
  /** `base`: the last active view in the store; null before the first. Promise e', then answer (S2). */
  | {
      readonly kind: "seal";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly base: View | null;
    }
  | {
      readonly kind: "sealed";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly replica: ReplicaId;
      readonly incarnation: Incarnation;
      readonly bootId: BootId;
      readonly lastEpoch: Epoch;
      readonly lastIndex: number;
      readonly commitIndex: number;
      readonly activeView: View | null;
      readonly blank: boolean;
    }
  /** A higher promise was made, or the server knows a later active view than `base` (S1e): the RM's store is old. */
  | {
      readonly kind: "seal-refused";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly promise: Epoch;
      readonly activeView: View | null;
      readonly reason: string;
    }
  /** You lead `view`, not yet active: start entry to w members (S4a). `bootId` is of the process that was sealed (S4d). */
  | {
      readonly kind: "lead";
      readonly view: View;
      readonly bootId: BootId;
      /** S6i: requests at which two processes died; and how the leaders of the views so far ended, so that none is refused that was answered. */
      readonly poison: readonly RequestIdentity[];
      readonly leaderEnds: readonly LeaderEnd[];
      readonly book: AddressBook;
    }
  | {
      readonly kind: "led";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly startIndex: number;
    }
  | {
      readonly kind: "lead-failed";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly reason: string;
      readonly unreachable: readonly ReplicaId[];
    }
  /** The view is written (S4b, S4c). Resent until the leader reports that it leads it. */
  | { readonly kind: "activate"; readonly view: View; readonly bootId: BootId }
  | {
      readonly kind: "activated";
      readonly group: GroupName;
      readonly epoch: Epoch;
    }
  | {
      readonly kind: "activate-refused";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly reason: string;
    }
  /** The leader stops giving indexes until `target` has acknowledged the last one, or resumes by itself after handOverMs without a Seal. */
  | {
      readonly kind: "hand-over";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly target: ReplicaId;
    }
  | {
      readonly kind: "hand-over-ready";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly index: number;
    }
  | {
      readonly kind: "hand-over-failed";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly reason: string;
    }
  /** Whom the leader feeds without counting (S5b). Full list each time. */
  | {
      readonly kind: "learners";
      readonly group: GroupName;
      readonly epoch: Epoch;
      readonly learners: readonly Member[];
    }
  | {
      readonly kind: "configure";
      readonly group: GroupName;
      readonly knobs: GroupKnobs;
    }
  | {
      readonly kind: "address-book";
      readonly group: GroupName;
      readonly book: AddressBook;
    }
  | { readonly kind: "report"; readonly report: ReplicaReport }
  /** S5c, S5d: what a server found wrong with its replica's data at a start, and where it keeps it since. Said again on each new connection. */
  | {
      readonly kind: "damage-found";
      readonly group: GroupName;
      readonly replica: ReplicaId;
      readonly where: string;
      readonly what: string;
      /** The folder in which the damaged data is kept. */
      readonly keptIn: string;
    }
  // --- orders: RM -> LFD
  | {
      readonly kind: "start-replica";
      readonly ticket: number;
      readonly spec: GroupSpec;
      readonly replica: ReplicaId;
    }
  /** S5c: `bootId` names the process meant; another one is left alone. `discard`: set its data folder aside afterwards. */
  | {
      readonly kind: "kill-replica";
      readonly ticket: number;
      readonly replica: ReplicaId;
      readonly bootId: BootId | null;
      readonly discard: boolean;
      readonly reason: string;
    }
  | {
      readonly kind: "signal-replica";
      readonly ticket: number;
      readonly replica: ReplicaId;
      readonly signal: "stop" | "continue";
    }
  | {
      readonly kind: "order-done";
      readonly ticket: number;
      readonly error: string | null;
    }
  /** To an LFD with the sender's term: orders on this connection are those of its Replication Manager (S1a). */
  | { readonly kind: "configure-detector"; readonly knobs: DetectorKnobs; readonly term?: number }
  /** LFD -> RM: another one has taken over. What the store says counts (S1a). */
  | { readonly kind: "later-term"; readonly term: number }
  /** RM -> GFD: which hosts a complete snapshot must hold. */
  | { readonly kind: "expect-hosts"; readonly hosts: readonly HostId[] }
  // --- administration: gateway <-> RM
  | {
      readonly kind: "admin-request";
      readonly ticket: number;
      readonly command: AdminCommand;
    }
  | {
      readonly kind: "admin-reply";
      readonly ticket: number;
      readonly outcome: AdminOutcome;
    }
  | { readonly kind: "subscribe-status"; readonly afterEventId: number }
  | { readonly kind: "status"; readonly status: StatusImage }
  | { readonly kind: "events"; readonly events: readonly TroupeEvent[] };
