import { sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import { memberOf, sealQuorum, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { dampAdmission } from "./attempt.js";
import type { RmEffect } from "./effect.js";
import { currentBoot, isDown, isVouchedFor, memberHealth } from "./observation.js";
import { type ChangeAim, type GroupState, type Rm, wakeAt } from "./state.js";

/** Between two looks at a standstill: after a longer time without one, of this process or of the detectors, it is timed anew. */
const LOOK_MS_MAX = 1_000;

/**
 * A disk that hangs does not stop heartbeats. A member whose disk takes nothing any more answers no Seal either (S2a), is in no quorum, and may
 * be needed in each: for the view it is as good as dead. It is shed like one that is suspected, where enough others can answer (S3a); it stays a
 * learner, and its leader finds it within bound only when its disk works again. Rather a leader that waits for no more than it must than one
 * that does not commit.
 */
export function stalledMember(rm: Rm, nowMs: number, group: GroupState, view: View): ChangeAim | null {
  const stalled = stalledMembers(rm, nowMs, group, view);
  const replica = stalled.includes(view.leader) ? view.leader : stalled[0];
  if (replica === undefined || !canShed(rm, nowMs, view, stalled)) return null;
  dampAdmission(rm, nowMs, group, replica);
  const isLeader = replica === view.leader;
  const reason = `${isLeader ? "leader" : "follower"} ${replica} persists nothing any more${whySlow(rm, replica)}`;
  return { cause: isLeader ? "failover" : "shed", reason, admit: null, remove: replica, leader: null };
}

/** Nothing waits without a word. */
export function tellStalled(rm: Rm, nowMs: number, group: GroupState, view: View, effects: RmEffect[]): void {
  const stalled = stalledMembers(rm, nowMs, group, view);
  const said = canShed(rm, nowMs, view, stalled) ? "" : stalled.join(", ");
  if (said === group.stalledSaid) return;
  group.stalledSaid = said;
  if (said === "") return;
  const why = stalled.map((replica) => `${replica}${whySlow(rm, replica)}`).join(", ");
  const text = `group ${group.group} may commit nothing: ${why} persist nothing any more, and without them too few are left for another view`;
  announce(effects, "stalled", text, { group: group.group });
}

/** S3a: without those that stand still there are answers enough for a view change. */
function canShed(rm: Rm, nowMs: number, view: View, stalled: readonly ReplicaId[]): boolean {
  const answering = view.members.filter((member) => !stalled.includes(member.replica) && !isDown(memberHealth(rm, nowMs, member)));
  return answering.length >= sealQuorum(view);
}

/** Both say so: its detector that it is slow, its reports that its log has stood still for `stalledMs` although the leader's is longer. */
function stalledMembers(rm: Rm, nowMs: number, group: GroupState, view: View): ReplicaId[] {
  const stalled: ReplicaId[] = [];
  for (const member of view.members) {
    const standstill = group.standstills.get(member.replica);
    if (standstill === undefined || memberHealth(rm, nowMs, member) !== "degraded") continue;
    const dueMs = standstill.sinceMs + rm.config.timing.stalledMs + reportIntervalMs(rm, member.replica);
    if (nowMs < dueMs) wakeAt(rm, nowMs, dueMs);
    else stalled.push(member.replica);
  }
  return stalled;
}

/** A report is as old as the heartbeat that brought it: with rare ones, that it is still the same says nothing yet. */
function reportIntervalMs(rm: Rm, replica: ReplicaId): number {
  const host = rm.sights.get(replica)?.host;
  return (host === undefined ? undefined : rm.hosts.get(host)?.knobs.heartbeatIntervalMs) ?? 0;
}

/** Compares what the members say by way of their detectors with what was known: the word of a process on its own link tells of roles, not of indexes. */
export function noteStandstills(rm: Rm, nowMs: number, group: GroupState, view: View): void {
  const { standstills } = group;
  const leader = vouchedReport(rm, nowMs, view.leader);
  const leads = leader?.leadsEpoch != null && sameEpoch(leader.leadsEpoch, view.epoch);
  for (const replica of [...standstills.keys()]) if (memberOf(view, replica) === undefined) standstills.delete(replica);
  for (const { replica } of view.members) {
    const report = vouchedReport(rm, nowMs, replica);
    if (leader === null || !leads || report === null || report.persistedIndex >= leader.lastIndex) {
      standstills.delete(replica);
      continue;
    }
    const { bootId, persistedIndex } = report;
    const known = standstills.get(replica);
    const isSame = known?.bootId === bootId && known.persistedIndex === persistedIndex && nowMs - known.lookMs <= LOOK_MS_MAX;
    standstills.set(replica, { bootId, persistedIndex, sinceMs: isSame ? known.sinceMs : nowMs, lookMs: nowMs });
  }
}

/** Of the process that is there now, as long as a detector that is itself well watches it: an older one would look like a standstill. */
function vouchedReport(rm: Rm, nowMs: number, replica: ReplicaId): ReplicaReport | null {
  const sight = rm.sights.get(replica);
  if (sight === undefined || sight.relayed === null || !isVouchedFor(rm, nowMs, sight)) return null;
  return sight.relayed.bootId === currentBoot(sight) ? sight.relayed : null;
}

function whySlow(rm: Rm, replica: ReplicaId): string {
  const reason = rm.sights.get(replica)?.reason ?? "";
  return reason === "" ? "" : ` (${reason})`;
}
