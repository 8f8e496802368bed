import type { Epoch } from "./epoch.js";
import type { BootId, GroupName, HostId, Incarnation, ReplicaId } from "./ids.js";
import type { ColdState, LearnerProgress, ReplicaRole, RoomShort } from "./report.js";
import type { DetectorKnobs, SnapshotKnobs } from "./spec.js";
import type { Durability, QuorumRule, Style } from "./style.js";
import type { Verdict } from "./verdict.js";
import type { AddressBook, View } from "./view.js";

export interface GroupChange extends Partial<SnapshotKnobs> {
  readonly replicas?: number;
  readonly style?: Style;
  readonly quorum?: QuorumRule;
  readonly minimumReplicas?: number;
}

export type ReplicaAction = "kill" | "pause" | "resume" | "lead" | "remove";

export type SettingsCommand =
  | {
      readonly kind: "set-group";
      readonly group: GroupName;
      readonly change: GroupChange;
    }
  | {
      readonly kind: "set-detector";
      readonly detector: "lfd" | "gfd";
      readonly knobs: Partial<DetectorKnobs>;
    };

export type AdminCommand =
  | SettingsCommand
  /** All of them, or none. */
  | { readonly kind: "set-all"; readonly parts: readonly SettingsCommand[] }
  | {
      readonly kind: "replica";
      readonly replica: ReplicaId;
      readonly action: ReplicaAction;
    }
  /** PROTOCOL section 4, loss: a group with durability `memory` goes on from what is left. `epoch` is that of the view that was looked at. */
  | { readonly kind: "accept-loss"; readonly group: GroupName; readonly epoch: Epoch };

export type AdminOutcome =
  | { readonly kind: "accepted"; readonly changeId: string }
  | {
      readonly kind: "rejected";
      readonly httpStatus: 400 | 404 | 409 | 503;
      readonly message: string;
    };

/** One thing that happened, with its reason: decisions of the RM, verdicts of the detectors, starts and exits. */
export interface TroupeEvent {
  readonly id: number;
  /** Wall clock, for people only. */
  readonly atMs: number;
  /** `view-changed`, `suspected`, `gone`, `relaunched`, `crash-loop`, `failover`, ... listed in docs/reference/events.md. */
  readonly kind: string;
  readonly group?: GroupName;
  readonly replica?: ReplicaId;
  readonly host?: HostId;
  readonly text: string;
  /** Figures that belong to it, such as the parts of a failover in milliseconds. */
  readonly data?: Readonly<Record<string, number | string | boolean>>;
}

export interface MemberStatus {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation | null;
  readonly bootId: BootId | null;
  readonly host: HostId;
  readonly pid: number | null;
  readonly role: ReplicaRole;
  readonly verdict: Verdict;
  readonly paused: boolean;
  readonly persistedIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Absent while it holds the service's state. */
  readonly cold?: ColdState;
  /** Absent while its disk has room. */
  readonly roomShort?: RoomShort;
  readonly executedCount: number;
  readonly transfer: LearnerProgress | null;
}

export interface GroupStatus extends SnapshotKnobs {
  readonly group: GroupName;
  readonly service: string;
  readonly serviceHash: string;
  readonly style: Style;
  readonly styleWanted: Style;
  readonly generation: number;
  readonly epoch: Epoch;
  readonly leader: ReplicaId | null;
  /** The leader reports that it leads the stored view: clients are served. */
  readonly serving: boolean;
  /** Why the group does not serve, and which replicas it waits for; null when it serves. */
  readonly waiting: string | null;
  readonly replicasWanted: number;
  readonly quorum: QuorumRule;
  readonly quorumSize: number;
  readonly minimumReplicas: number;
  readonly durability: Durability;
  readonly members: readonly MemberStatus[];
  /** For clients: the last active view and where its members listen. */
  readonly view: View | null;
  readonly book: AddressBook;
}

export interface HostStatus {
  readonly host: HostId;
  readonly verdict: Verdict;
  readonly memberCount: number;
  readonly pid: number;
}

export interface DetectorStatus {
  readonly wanted: DetectorKnobs;
  readonly effective: DetectorKnobs;
}

export interface StatusImage {
  readonly term: number;
  /** Rises with each image of one RM boot. */
  readonly version: number;
  readonly groups: readonly GroupStatus[];
  readonly hosts: readonly HostStatus[];
  readonly detectors: {
    readonly lfd: DetectorStatus;
    readonly gfd: DetectorStatus;
  };
  readonly components: readonly ComponentStatus[];
}

export interface ComponentStatus {
  readonly component: "lfd" | "gfd" | "rm" | "gateway";
  readonly host: HostId;
  readonly pid: number;
  readonly verdict: Verdict;
}

/** The comment in the stream of events (HTTP) behind the last that had happened before it was asked for. */
export const EVENTS_ALL_TOLD = ": all told";
