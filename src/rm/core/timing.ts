import { DEFAULTS } from "../../vocabulary/limit.js";

/** Every wait of the Replication Manager, in milliseconds. */
export interface RmTiming {
  /** Unanswered Seals are sent again at this interval, with the same epoch. */
  readonly sealRetryMs: number;
  /** The longest grace for members that have not answered although n - w + 1 have: in a failover, and in a planned change. */
  readonly sealGraceMsMax: number;
  readonly plannedGraceMsMax: number;
  readonly sealTimeoutMs: number;
  readonly leadTimeoutMs: number;
  readonly activateRetryMs: number;
  readonly activateTimeoutMs: number;
  readonly handOverTimeoutMs: number;
  readonly killGraceMs: number;
  /** Own probe: a link down for so long, with no detector that vouches for the process, counts as a suspicion. */
  readonly probeMs: number;
  readonly gfdHeartbeatMs: number;
  /** A leader that the RM cannot connect to for so long is suspected, whatever the detectors say. */
  readonly leaderLinkMs: number;
  /** A leader's links that do not reach a member for so long count as a suspicion of that member. */
  readonly unreachableMs: number;
  /** A member whose detector calls it degraded, and whose log has not grown for so long while the leader's is longer, is shed. */
  readonly stalledMs: number;
  /** Known hosts that have not reported since the RM began are waited for so long before a replica is placed without them. */
  readonly hostsMs: number;
  /** How long the first view waits for all wanted replicas before it goes without the late ones. */
  readonly firstViewMs: number;
  /** A dead replica is not started in the first moments after its death, nor of a view change: it would take the processor from those that take part. */
  readonly startDelayMs: number;
  readonly startTimeoutMs: number;
  /** A process that dies younger than this was short-lived. */
  readonly shortLifeMs: number;
  /** One that dies sooner than this after its admission to a view was none that served. */
  readonly shortMemberMs: number;
  readonly relaunchMsMin: number;
  readonly relaunchMsMax: number;
  readonly crashLoopAfter: number;
  readonly admissionMsMin: number;
  readonly admissionMsMax: number;
  readonly attemptMsMin: number;
  readonly attemptMsMax: number;
  /** The least time between two hand-overs off degraded leaders. */
  readonly degradedHandOverMs: number;
  /** How often the store is looked at for a later term. Infinity: never. */
  readonly storeWatchMs: number;
  readonly statusMs: number;
  /** How long the address of a process that is gone stays in the book. */
  readonly bookGoneMs: number;
}

export const RM_TIMING: RmTiming = {
  sealRetryMs: 100,
  sealGraceMsMax: DEFAULTS.sealGraceMsMax,
  plannedGraceMsMax: 150,
  sealTimeoutMs: DEFAULTS.sealTimeoutMs,
  // Longer than the leader's own, which says whom it could not reach.
  leadTimeoutMs: DEFAULTS.leadTimeoutMs + 300,
  activateRetryMs: 100,
  activateTimeoutMs: 1_000,
  handOverTimeoutMs: 1_000,
  killGraceMs: DEFAULTS.killGraceMs,
  probeMs: 500,
  gfdHeartbeatMs: 200,
  leaderLinkMs: 1_500,
  unreachableMs: 1_000,
  // A flush is slow after one second, and slow disks are to be waited for.
  stalledMs: 3_000,
  hostsMs: 5_000,
  firstViewMs: 5_000,
  startDelayMs: 100,
  startTimeoutMs: 10_000,
  shortLifeMs: 2_000,
  // Less than one round of killing each replica in turn takes.
  shortMemberMs: 1_000,
  relaunchMsMin: 100,
  relaunchMsMax: 5_000,
  crashLoopAfter: 5,
  admissionMsMin: 500,
  admissionMsMax: 30_000,
  attemptMsMin: 50,
  attemptMsMax: 2_000,
  degradedHandOverMs: 10_000,
  storeWatchMs: 1_000,
  statusMs: 100,
  bookGoneMs: 1_000,
};
