import type { Epoch } from "./epoch.js";
import type { BootId, GroupName, Incarnation, ReplicaId } from "./ids.js";
import type { Style } from "./style.js";
import type { View } from "./view.js";

/**
 * A replica without the service's state, or on its way to it: what stands between it and serving. `cold`: it stores log and snapshots only.
 * `loading`: its snapshot is being read into the service. `replaying`: the entries behind the snapshot are being applied.
 */
export interface ColdState {
  readonly stage: "cold" | "loading" | "replaying";
  /** Of the snapshot that has to be loaded; 0 once it is, or when there is none. */
  readonly loadBytes: number;
  /** Entries that have to be applied after it, and their size. */
  readonly replayEntries: number;
  readonly replayBytes: number;
}

/** A disk that will soon be full: what the next segment of the log and the next snapshot take is not there. */
export interface RoomShort {
  readonly neededBytes: number;
  readonly freeBytes: number;
}

export type ReplicaRole = "leader" | "follower" | "learner";

/** How far a learner is, as its leader sees it. The RM admits it while `withinBound` (PROTOCOL section 4, admission). */
export interface LearnerProgress {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly ackedIndex: number;
  readonly withinBound: boolean;
  readonly transferredBytes: number;
  readonly transferSizeBytes: number;
}

/** What a server says of its replica: with heartbeat answers up to the RM, and straight to a connected RM when something of it that matters has changed. */
export interface ReplicaReport {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly bootId: BootId;
  readonly role: ReplicaRole;
  readonly style: Style | null;
  readonly promise: Epoch;
  /** The epoch this process leads in, active or not; null when it leads none (S4d: a restarted leader leads none). */
  readonly leadsEpoch: Epoch | null;
  readonly leadActive: boolean;
  /** The last view it knows to be active, persisted (S1e). */
  readonly activeView: View | null;
  readonly lastEpoch: Epoch;
  readonly lastIndex: number;
  readonly persistedIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Absent while it holds the state at `appliedIndex`. */
  readonly cold?: ColdState;
  /** Only by way of its LFD. Absent while there is room. */
  readonly roomShort?: RoomShort;
  /** Nothing in the log, no snapshot, no promise: may be part of a first view (S1e). */
  readonly blank: boolean;
  readonly learners: readonly LearnerProgress[];
  /** Members that a leader's own links do not reach. */
  readonly unreachable: readonly ReplicaId[];
  /** Requests executed since the process started: for throughput figures. */
  readonly executedCount: number;
}
