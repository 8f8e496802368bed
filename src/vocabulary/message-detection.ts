import type { BootId, GroupName, HostId, Incarnation, ReplicaId } from "./ids.js";
import type { ReplicaReport } from "./report.js";
import type { DetectorKnobs } from "./spec.js";
import type { Pulse, Verdict } from "./verdict.js";
import type { Address } from "./view.js";

/** What an LFD knows of one replica on its host. */
export interface ReplicaObservation {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation | null;
  readonly bootId: BootId | null;
  readonly pid: number | null;
  readonly address: Address | null;
  readonly verdict: Verdict;
  /** A member counts only after its first good heartbeat. */
  readonly counted: boolean;
  /** Stopped on purpose through `troupe pause`. */
  readonly paused: boolean;
  /** Why the verdict is what it is, for people: `exit code 1`, `no heartbeat for 160 ms`, `process stopped`. */
  readonly reason: string;
  /** `identityKey` of what it executed last known (S6i), kept after its death. */
  readonly executing: string | null;
  readonly report: ReplicaReport | null;
}

export interface HostObservation {
  readonly hostId: HostId;
  readonly bootId: BootId;
  readonly pid: number;
  /** Where the RM sends its orders. */
  readonly address: Address | null;
  readonly verdict: Verdict;
  /** All servers that the LFD's own table on disk names have registered or timed out since its boot (PROTOCOL section 8). */
  readonly complete: boolean;
  readonly knobs: DetectorKnobs;
  readonly replicas: readonly ReplicaObservation[];
}

/** server -> LFD -> GFD -> subscribers; heartbeats the other way. */
export type DetectionMessage =
  /** server -> LFD, first after hello; `startTime` names, with the pid, one process for good (0 where it cannot be known). */
  | {
      readonly kind: "register";
      readonly pid: number;
      readonly startTime: number;
      readonly address: Address;
      readonly report: ReplicaReport;
    }
  /** LFD -> server: which LFD now watches, so that orders and reports meet. */
  | { readonly kind: "registered"; readonly hostId: HostId }
  | { readonly kind: "heartbeat"; readonly sequence: number }
  | {
      readonly kind: "heartbeat-answer";
      readonly sequence: number;
      readonly pulse: Pulse;
      readonly report: ReplicaReport | null;
    }
  /** LFD -> GFD: full, versioned, at once on change and with each heartbeat answer's version. */
  | {
      readonly kind: "host-snapshot";
      readonly version: number;
      readonly host: HostObservation;
    }
  /** GFD -> subscribers: full, versioned within one boot of the GFD, never a delta. */
  | {
      readonly kind: "membership";
      readonly bootId: BootId;
      readonly version: number;
      readonly complete: boolean;
      readonly memberCount: number;
      readonly knobs: DetectorKnobs;
      readonly hosts: readonly HostObservation[];
    }
  | { readonly kind: "subscribe-membership" }
  | {
      readonly kind: "fault";
      readonly hostId: HostId;
      readonly replica: ReplicaId | null;
      readonly bootId: BootId | null;
      readonly verdict: Verdict;
      readonly reason: string;
      /** Milliseconds from the event as the kernel or the heartbeats date it to the verdict, when known. */
      readonly detectionMs: number;
    };
