import type { ComponentStatus, GroupStatus, HostStatus, MemberStatus, StatusImage } from "../../vocabulary/admin.js";
import { EPOCH_ZERO, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { ColdState, LearnerProgress, ReplicaRole } from "../../vocabulary/report.js";
import type { Incarnation } from "../../vocabulary/ids.js";
import { snapshotKnobsOf } from "../../vocabulary/spec.js";
import { quorumSize } from "../../vocabulary/style.js";
import { memberOf, type View } from "../../vocabulary/view.js";
import type { GroupRecord, ReplicaRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { currentBoot, currentIncarnation, figuresOf, gfdAnswers, healthOf, roomShortOf } from "./observation.js";
import { isInCrashLoop } from "./relaunch.js";
import type { GroupState, Rm } from "./state.js";
import { wakeAt } from "./state.js";
import { missingText } from "./loss.js";

/** Published at once when who serves has changed, else when anything has, at most each `statusMs`. */
export function publishStatus(rm: Rm, nowMs: number, effects: RmEffect[]): void {
  const key = urgentKey(rm, nowMs);
  const dueMs = rm.statusSentMs + rm.config.timing.statusMs;
  if (key === rm.statusKey && (!rm.statusDirty || nowMs < dueMs)) {
    if (rm.statusDirty) wakeAt(rm, nowMs, dueMs);
    return;
  }
  rm.statusKey = key;
  rm.statusDirty = false;
  rm.statusSentMs = nowMs;
  rm.statusVersion += 1;
  effects.push({ kind: "publish-status", status: statusImage(rm, nowMs) });
}

function urgentKey(rm: Rm, nowMs: number): string {
  let key = `${rm.store.stored.term} ${gfdAnswers(rm, nowMs)}`;
  for (const group of rm.groups.values()) {
    const epoch = group.activeEpoch === null ? "" : epochText(group.activeEpoch);
    // The version of the book stands for what is in it.
    const book = epochText(group.book.version);
    key += `;${group.group} ${epoch} ${group.activeBootId} ${group.change === null} ${book} ${leaderStage(rm, group)}`;
  }
  return key;
}

function leaderStage(rm: Rm, group: GroupState): string {
  const view = rm.store.stored.groups.find((record) => record.spec.group === group.group)?.activeView ?? null;
  return (view === null ? null : leaderCold(rm, view))?.stage ?? "";
}

export function statusImage(rm: Rm, nowMs: number): StatusImage {
  const { stored } = rm.store;
  const groups: GroupStatus[] = [];
  for (const record of stored.groups) {
    const group = rm.groups.get(record.spec.group);
    if (group !== undefined) groups.push(groupStatus(rm, nowMs, group, record));
  }
  const hosts = [...rm.hosts.values()];
  return {
    term: stored.term,
    version: rm.statusVersion,
    groups,
    hosts: hosts.map((host): HostStatus => {
      const counted = [...rm.sights.values()].filter((sight) => sight.host === host.host && sight.counted && sight.verdict !== "gone");
      return { host: host.host, verdict: host.verdict, memberCount: counted.length, pid: host.pid };
    }),
    detectors: {
      lfd: { wanted: stored.detectors.lfd, effective: hosts[0]?.knobs ?? stored.detectors.lfd },
      gfd: { wanted: stored.detectors.gfd, effective: rm.gfd.knobs ?? stored.detectors.gfd },
    },
    components: components(rm, nowMs),
  };
}

function components(rm: Rm, nowMs: number): ComponentStatus[] {
  const host = rm.config.hostId;
  const list: ComponentStatus[] = [...rm.hosts.values()].map((lfd) => ({
    component: "lfd",
    host: lfd.host,
    pid: lfd.pid,
    verdict: lfd.verdict,
  }));
  list.push({ component: "gfd", host, pid: rm.gfd.pid, verdict: gfdAnswers(rm, nowMs) ? "alive" : "suspected" });
  list.push({ component: "rm", host, pid: rm.config.pid, verdict: "alive" });
  for (const pid of new Set(rm.gateways.values())) if (pid !== 0) list.push({ component: "gateway", host, pid, verdict: "alive" });
  return list;
}

function groupStatus(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord): GroupStatus {
  const { spec, activeView: view } = record;
  const leads = view !== null && group.halted === null && group.activeEpoch !== null && sameEpoch(group.activeEpoch, view.epoch);
  const cold = leads ? leaderCold(rm, view) : null;
  const serving = leads && cold === null;
  return {
    group: spec.group,
    service: spec.service.name,
    serviceHash: spec.service.hash,
    style: view?.style ?? spec.style,
    styleWanted: spec.style,
    generation: view?.generation ?? 0,
    epoch: view?.epoch ?? EPOCH_ZERO,
    leader: view?.leader ?? null,
    serving,
    waiting: serving ? null : cold === null ? waitingText(rm, nowMs, group) : coldText(view?.leader ?? "", cold),
    replicasWanted: spec.replicas,
    quorum: spec.quorum,
    quorumSize: view?.quorum ?? quorumSize(spec.replicas, spec.quorum),
    minimumReplicas: spec.minimumReplicas,
    durability: spec.durability,
    ...snapshotKnobsOf(spec),
    members: record.replicas.map((replica) => memberStatus(rm, nowMs, record, replica)),
    view,
    book: group.book,
  };
}

/** What the leader has to do before it serves, if it was a cold backup (PROTOCOL section 4: what is active rests on logs, not on state). */
function leaderCold(rm: Rm, view: View): ColdState | null {
  const sight = rm.sights.get(view.leader);
  return (sight === undefined ? undefined : figuresOf(sight)?.cold) ?? null;
}

function coldText(leader: string, { stage, loadBytes, replayEntries, replayBytes }: ColdState): string {
  const load = stage === "replaying" ? "" : `loads a snapshot of ${loadBytes} bytes and then `;
  return `${leader} ${load}replays ${replayEntries} entries (${replayBytes} bytes) before it serves`;
}

/** Why the group does not serve. */
function waitingText(rm: Rm, nowMs: number, group: GroupState): string {
  const { change } = group;
  if (group.halted !== null) return group.halted;
  if (group.lossSaid !== null) return group.lossSaid;
  if (change === null) return group.waiting ?? "the group is about to be looked at";
  const loops = [...group.starts]
    .filter(([replica]) => isInCrashLoop(rm, nowMs, group, replica))
    .map(([replica, starts]) => `${replica} (${starts.lastReason})`);
  const crash = loops.length === 0 ? "" : `; in a crash loop: ${loops.join(", ")}`;
  switch (change.phase) {
    case "sealing":
      return `${change.aim.reason}; ${missingText(rm, nowMs, group, change)}${crash}`;
    case "leading":
      return `${change.aim.reason}; ${change.view?.leader} brings the members up to date${crash}`;
    case "writing":
      return `${change.aim.reason}; the view is being written`;
    case "activating":
      return `${change.aim.reason}; ${change.view?.leader} has to say that it leads${crash}`;
  }
}

/** S5b: a replica that has begun anew is a learner, though the view names the one that it was. */
function roleOf(view: View | null, replica: ReplicaRecord["replica"], now: Incarnation | null): ReplicaRole {
  const member = view === null ? undefined : memberOf(view, replica);
  if (view === null || member === undefined || (now !== null && now !== member.incarnation)) return "learner";
  return view.leader === replica ? "leader" : "follower";
}

function memberStatus(rm: Rm, nowMs: number, record: GroupRecord, one: ReplicaRecord): MemberStatus {
  const { replica, host } = one;
  const view = record.activeView;
  const sight = rm.sights.get(replica);
  const report = sight === undefined ? null : figuresOf(sight);
  const roomShort = sight === undefined ? null : roomShortOf(sight);
  const health = healthOf(rm, nowMs, replica);
  const role = roleOf(view, replica, sight === undefined ? null : currentIncarnation(sight));
  const leaderSight = view === null ? undefined : rm.sights.get(view.leader);
  const feeds = leaderSight === undefined ? null : figuresOf(leaderSight);
  const transfer: LearnerProgress | null =
    role === "learner" ? (feeds?.learners.find((learner) => learner.replica === replica) ?? null) : null;
  return {
    replica,
    incarnation: sight === undefined ? null : currentIncarnation(sight),
    bootId: sight === undefined ? null : currentBoot(sight),
    host,
    pid: sight?.verdict === "gone" ? null : (sight?.pid ?? null),
    role,
    verdict: health === "unknown" ? "suspected" : health,
    paused: sight !== undefined && sight.verdict !== "gone" && sight.paused,
    persistedIndex: report?.persistedIndex ?? 0,
    commitIndex: report?.commitIndex ?? 0,
    appliedIndex: report?.appliedIndex ?? 0,
    ...(report?.cold === undefined ? {} : { cold: report.cold }),
    ...(roomShort === null ? {} : { roomShort }),
    executedCount: report?.executedCount ?? 0,
    transfer,
  };
}
