import type { GroupName } from "./ids.js";
import type { Durability, QuorumRule, Style } from "./style.js";

/** When a replica takes a checkpoint, at whichever comes first, and how fast one is transferred. */
export interface SnapshotKnobs {
  /** Each so many entries. */
  readonly checkpointEntries: number;
  /** Each so many bytes of log. Default LIMITS.logBytesMax. */
  readonly checkpointBytes?: number;
  /** After so long, where anything was executed. Default 0: time alone is no reason. */
  readonly checkpointIntervalMs?: number;
  /** How fast a snapshot goes to one learner. Default DEFAULTS.transferBytesPerSecond. */
  readonly transferBytesPerSecond?: number;
}

/** What a group shall be: the wanted state that the RM reconciles against. */
export interface GroupSpec extends SnapshotKnobs {
  readonly group: GroupName;
  readonly service: ServiceCode;
  readonly style: Style;
  /** Wanted number of replicas, 1 to 7. */
  readonly replicas: number;
  /** Below this size new work is refused with 503. Default 1 with `disk`, 2 with `memory` and more than one replica. */
  readonly minimumReplicas: number;
  readonly quorum: QuorumRule;
  readonly durability: Durability;
  readonly handlerTimeoutMs: number;
  /** What to do when acknowledged work may be lost: wait for `troupe recover`, or go on from the best survivor. */
  readonly onLoss: "wait" | "continue";
}

/** The bundled service: one JavaScript file, named by the SHA-256 of its text. */
export interface ServiceCode {
  readonly name: string;
  readonly hash: string;
  readonly path: string;
  /** Styles that the service declares; others are refused before sealing. */
  readonly styles: readonly Style[];
}

/** Settings of a group that change while it runs, pushed to its servers by the RM. */
export interface GroupKnobs extends SnapshotKnobs {
  readonly minimumReplicas: number;
  readonly handlerTimeoutMs: number;
  /** The style that is wanted: backups of `cold-passive` take the state up before another style begins (PROTOCOL section 4, style). */
  readonly style?: Style;
}

export interface DetectorKnobs {
  readonly heartbeatIntervalMs: number;
  readonly suspicionTimeoutMs: number;
}

/** Those alone, out of whatever holds them. */
export function snapshotKnobsOf(from: SnapshotKnobs): SnapshotKnobs {
  const { checkpointEntries, checkpointBytes, checkpointIntervalMs, transferBytesPerSecond } = from;
  return {
    checkpointEntries,
    ...(checkpointBytes === undefined ? {} : { checkpointBytes }),
    ...(checkpointIntervalMs === undefined ? {} : { checkpointIntervalMs }),
    ...(transferBytesPerSecond === undefined ? {} : { transferBytesPerSecond }),
  };
}
