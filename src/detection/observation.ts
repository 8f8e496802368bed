import type { HostObservation, ReplicaObservation } from "../vocabulary/message-detection.js";
import type { ReplicaReport } from "../vocabulary/report.js";
import type { DetectorKnobs } from "../vocabulary/spec.js";
import type { Verdict } from "../vocabulary/verdict.js";
import { sameView } from "../vocabulary/view.js";

/** Counted and not doubted: what `memberCount` counts. Slow is still a member. */
export function isMember(replica: ReplicaObservation): boolean {
  return replica.counted && standsWell(replica.verdict);
}

export function standsWell(verdict: Verdict): boolean {
  return verdict === "alive" || verdict === "degraded";
}

/** Do two snapshots of a host differ in nothing but indexes and counters? Such a difference can wait, any other is published at once. */
export function sameStanding(a: HostObservation, b: HostObservation): boolean {
  return (
    a.bootId === b.bootId &&
    a.verdict === b.verdict &&
    a.complete === b.complete &&
    sameKnobs(a.knobs, b.knobs) &&
    a.address?.port === b.address?.port &&
    a.address?.host === b.address?.host &&
    a.replicas.length === b.replicas.length &&
    a.replicas.every((replica, position) => {
      const other = b.replicas[position];
      return other !== undefined && sameReplicaStanding(replica, other);
    })
  );
}

export function sameReplicaStanding(a: ReplicaObservation, b: ReplicaObservation): boolean {
  return (
    a.replica === b.replica &&
    a.incarnation === b.incarnation &&
    a.bootId === b.bootId &&
    a.pid === b.pid &&
    a.address?.port === b.address?.port &&
    a.address?.host === b.address?.host &&
    a.verdict === b.verdict &&
    a.counted === b.counted &&
    a.paused === b.paused &&
    a.reason === b.reason &&
    sameRole(a.report, b.report)
  );
}

/** What of a report the RM decides by, apart from how far the log is. */
export function sameRole(a: ReplicaReport | null, b: ReplicaReport | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.role === b.role &&
    a.blank === b.blank &&
    a.leadActive === b.leadActive &&
    a.leadsEpoch?.[0] === b.leadsEpoch?.[0] &&
    a.leadsEpoch?.[1] === b.leadsEpoch?.[1] &&
    sameView(a.activeView, b.activeView)
  );
}

export function sameKnobs(a: DetectorKnobs, b: DetectorKnobs): boolean {
  return a.heartbeatIntervalMs === b.heartbeatIntervalMs && a.suspicionTimeoutMs === b.suspicionTimeoutMs;
}

/** Why these knobs cannot be used, or null. Bounds: interval 1 ms to 1 min, time-out at least two intervals, at most 10 min. */
export function checkKnobs(knobs: DetectorKnobs): string | null {
  const { heartbeatIntervalMs, suspicionTimeoutMs } = knobs;
  if (!(heartbeatIntervalMs >= 1 && heartbeatIntervalMs <= 60_000))
    return `heartbeatIntervalMs is ${heartbeatIntervalMs}; it must lie between 1 and 60000`;
  if (!(suspicionTimeoutMs >= 2 * heartbeatIntervalMs && suspicionTimeoutMs <= 600_000))
    return `suspicionTimeoutMs is ${suspicionTimeoutMs}; it must be at least twice the interval (${heartbeatIntervalMs}) and at most 600000`;
  return null;
}
