import { compareEpochs, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { quorumSize } from "../../vocabulary/style.js";
import { type Member, memberOf, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { admissionDueMs, dampAdmission } from "./attempt.js";
import type { GroupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { memberFloor } from "./next-view.js";
import { currentBoot, currentIncarnation, healthOf, isDown, memberHealth, probeWakeMs, reportOf, roomShortOf } from "./observation.js";
import { pendingOrder } from "./order.js";
import { sendToServer } from "./outbox.js";
import { planRemoval, stayingOf } from "./removal.js";
import { stalledMember } from "./stalled.js";
import { type ChangeAim, type GroupState, type Rm, type Sight, wakeAt } from "./state.js";

const NOTHING = { admit: null, remove: null, leader: null };
/** A member shed sooner after its admission than this waits longer for the next one (TRAPS: ping-pong). */
const SETTLED_MS = 30_000;
const TOLERATED_LEADER_MS = 2_000;
const MEGABYTE = 1_000_000;

/** Why the active view must change now, or null: first what keeps clients waiting, then what the next failure would cost, then what is wanted. */
export function planChange(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View): ChangeAim | null {
  const trouble = leaderTrouble(rm, nowMs, group, view) ?? followerTrouble(rm, nowMs, group, record, view);
  if (trouble !== null) return trouble;
  if (nowMs < group.retryMs) {
    wakeAt(rm, nowMs, group.retryMs);
    return null;
  }
  return (
    sealedAhead(rm, view) ??
    unreachableMember(rm, nowMs, group, view) ??
    stalledMember(rm, nowMs, group, view) ??
    planRemoval(rm, nowMs, group, record, view) ??
    specDiffers(rm, record, view) ??
    admission(rm, nowMs, group, record, view)
  );
}

function leaderTrouble(rm: Rm, nowMs: number, group: GroupState, view: View): ChangeAim | null {
  const { leader } = view;
  const sight = rm.sights.get(leader);
  const member = memberOf(view, leader);
  if (sight === undefined || member === undefined) return null;
  const health = memberHealth(rm, nowMs, member);
  const why = whyDown(sight);
  if (health === "gone") return { cause: "failover", reason: `leader ${leader} is gone${why}`, ...NOTHING };
  wakeAt(rm, nowMs, probeWakeMs(rm, nowMs, sight));
  const linkDueMs = sight.linkSinceMs + rm.config.timing.leaderLinkMs;
  if (sight.linkBootId === null && nowMs >= linkDueMs)
    return { cause: "failover", reason: `leader ${leader} cannot be reached`, ...NOTHING };
  if (sight.linkBootId === null) wakeAt(rm, nowMs, linkDueMs);
  const boot = currentBoot(sight);
  if (health === "suspected" && !leaderIsTolerated(rm, nowMs, group, view))
    return { cause: "failover", reason: `leader ${leader} is suspected${why}`, ...NOTHING };
  if (boot !== null && boot !== group.activeBootId) return { cause: "restart", reason: `leader ${leader} was restarted`, ...NOTHING };
  const own = sight.direct;
  if (own !== null && own.bootId === boot && (own.leadsEpoch === null || !sameEpoch(own.leadsEpoch, view.epoch))) {
    return { cause: "restart", reason: `${leader} does not lead view ${epochText(view.epoch)} any more`, ...NOTHING };
  }
  return null;
}

function whyDown(sight: Sight | undefined): string {
  if (sight === undefined) return "";
  if (sight.verdict === "alive") return " (it does not answer the Replication Manager, and no detector vouches for it)";
  return sight.reason === "" ? "" : ` (${sight.reason})`;
}

/** A suspected leader that was the only good choice leads until another member may do better; not tried all the time. */
function leaderIsTolerated(rm: Rm, nowMs: number, group: GroupState, view: View): boolean {
  if (group.tolerated.get(view.leader) === undefined) return false;
  const others = view.members.filter((member) => member.replica !== view.leader && !isDown(memberHealth(rm, nowMs, member)));
  if (others.length === 0) return true;
  const dueMs = group.toleratedMs + TOLERATED_LEADER_MS;
  if (nowMs < dueMs) wakeAt(rm, nowMs, dueMs);
  return nowMs < dueMs;
}

/** A dead follower does not hold up commits, but the view must be without it before the next one fails. */
function followerTrouble(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View): ChangeAim | null {
  const well = view.members.filter((member) => !isDown(memberHealth(rm, nowMs, member)));
  for (const member of view.members) {
    if (member.replica === view.leader) continue;
    const sight = rm.sights.get(member.replica);
    const health = memberHealth(rm, nowMs, member);
    const why = whyDown(sight);
    if (sight !== undefined) wakeAt(rm, nowMs, probeWakeMs(rm, nowMs, sight));
    if (health === "gone") return { cause: "shed", reason: `follower ${member.replica} is gone${why}`, ...NOTHING };
    if (health !== "suspected") continue;
    if (group.tolerated.has(member.replica) && well.length < memberFloor(record)) continue;
    dampIfFresh(rm, nowMs, group, member.replica);
    return { cause: "shed", reason: `follower ${member.replica} is suspected${why}`, ...NOTHING };
  }
  return null;
}

function dampIfFresh(rm: Rm, nowMs: number, group: GroupState, replica: ReplicaId): void {
  const sinceMs = group.admittedMs.get(replica);
  if (sinceMs === undefined) return;
  if (nowMs - sinceMs < SETTLED_MS) dampAdmission(rm, nowMs, group, replica);
  else group.admissions.delete(replica);
}

/** A change that was given up half-way (the RM ended) leaves members that promised its epoch: they follow nobody until there is a later one (S2a). */
function sealedAhead(rm: Rm, view: View): ChangeAim | null {
  for (const { replica, incarnation } of view.members) {
    const report = reportOf(rm.sights.get(replica));
    if (report === null || report.incarnation !== incarnation || compareEpochs(report.promise, view.epoch) <= 0) continue;
    return { cause: "restart", reason: `${replica} has promised epoch ${epochText(report.promise)}, which came to nothing`, ...NOTHING };
  }
  return null;
}

/** What the leader's own links say, when no detector objects to the member (DESIGN section 7: an unreachable host is uncertain). */
function unreachableMember(rm: Rm, nowMs: number, group: GroupState, view: View): ChangeAim | null {
  const named = rm.sights.get(view.leader)?.direct?.unreachable ?? [];
  for (const replica of [...group.unreachableSince.keys()]) if (!named.includes(replica)) group.unreachableSince.delete(replica);
  for (const replica of named) {
    if (replica === view.leader || memberOf(view, replica) === undefined) continue;
    const sinceMs = group.unreachableSince.get(replica) ?? nowMs;
    group.unreachableSince.set(replica, sinceMs);
    const dueMs = sinceMs + rm.config.timing.unreachableMs;
    if (nowMs < dueMs) {
      wakeAt(rm, nowMs, dueMs);
      continue;
    }
    dampAdmission(rm, nowMs, group, replica);
    return { cause: "shed", reason: `leader ${view.leader} cannot reach ${replica}`, ...NOTHING, remove: replica };
  }
  return null;
}

function specDiffers(rm: Rm, record: GroupRecord, view: View): ChangeAim | null {
  if (view.style !== record.spec.style && notWarmed(rm, view).length === 0)
    return { cause: "style", reason: `the style becomes ${record.spec.style}`, ...NOTHING };
  const quorum = quorumSize(view.members.length, record.spec.quorum);
  if (view.quorum !== quorum) return { cause: "quorum", reason: `the quorum rule becomes ${record.spec.quorum}`, ...NOTHING };
  return null;
}

/** Section 4, style: backups of cold-passive are warmed before another style begins. They were told with the knobs; these are not there yet. */
function notWarmed(rm: Rm, view: View): ReplicaId[] {
  if (view.style !== "cold-passive") return [];
  const followers = view.members.map((member) => member.replica).filter((replica) => replica !== view.leader);
  return followers.filter((replica) => {
    const report = reportOf(rm.sights.get(replica));
    return report === null || report.cold !== undefined;
  });
}

/** Nothing waits without a word. */
export function tellStyleWait(rm: Rm, group: GroupState, record: GroupRecord, view: View, effects: RmEffect[]): void {
  const waiting = view.style === record.spec.style ? [] : notWarmed(rm, view);
  const said = waiting.join(", ");
  if (said === group.styleWaitSaid) return;
  group.styleWaitSaid = said;
  if (waiting.length === 0) return;
  announce(
    effects,
    "style-waits",
    `the style becomes ${record.spec.style} once ${said} ${waiting.length === 1 ? "holds" : "hold"} the state`,
    {
      group: group.group,
    },
  );
}

/** Replicas that are up, wanted, not of the view, and have room for what they are given: the leader feeds them (S5b). */
export function learnersOf(rm: Rm, nowMs: number, record: GroupRecord, view: View): Member[] {
  const learners: Member[] = [];
  for (const { replica, leaving } of record.replicas) {
    const sight = rm.sights.get(replica);
    if (leaving || sight === undefined || memberOf(view, replica) !== undefined || isDown(healthOf(rm, nowMs, replica))) continue;
    if (roomShortOf(sight) !== null) continue;
    const incarnation = currentIncarnation(sight);
    if (incarnation !== null && currentBoot(sight) !== null) learners.push({ replica, incarnation });
  }
  return learners;
}

/**
 * A replica whose disk is about to be full would be admitted, run out of room and be shed again, over and over: it stays outside, alive, until
 * there is room. Members are not shed for it: they serve as long as they can.
 */
export function tellRoomShort(rm: Rm, group: GroupState, record: GroupRecord, view: View, effects: RmEffect[]): void {
  for (const { replica, host } of record.replicas) {
    const sight = rm.sights.get(replica);
    const short = sight === undefined || memberOf(view, replica) !== undefined ? null : roomShortOf(sight);
    if (short === null) group.roomShortSaid.delete(replica);
    if (short === null || group.roomShortSaid.has(replica)) continue;
    group.roomShortSaid.add(replica);
    const text = `${replica} stays out of the view until its disk has room: ${Math.floor(short.freeBytes / MEGABYTE)} MB are free, ${Math.ceil(short.neededBytes / MEGABYTE)} MB are needed for its next log segment and snapshot`;
    announce(effects, "room-short", text, { group: group.group, replica, host, data: { ...short } });
  }
}

/** Tells the leader whom to feed, whenever that has changed or its connection is new. */
export function sendLearners(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View, effects: RmEffect[]): void {
  const learners = learnersOf(rm, nowMs, record, view);
  const key = JSON.stringify([view.epoch, learners, group.activeBootId]);
  if (key === group.learnersSent) return;
  if (sendToServer(rm, view.leader, { kind: "learners", group: group.group, epoch: view.epoch, learners }, effects))
    group.learnersSent = key;
}

/** One at a time, and only while the leader itself reports that the learner stays within bound of the tail. */
function admission(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View): ChangeAim | null {
  // Whoever is to leave does not count: it may be waiting for one that can take its place.
  if (stayingOf(record, view).length >= record.spec.replicas || view.members.length >= LIMITS.replicasMax) return null;
  const leader = rm.sights.get(view.leader);
  if (leader === undefined) return null;
  for (const learner of learnersOf(rm, nowMs, record, view)) {
    // Ordered while it was outside: it would be carried out on a member.
    if (pendingOrder(rm, learner.replica, "kill") !== undefined) continue;
    const untilMs = admissionDueMs(rm, group, learner.replica, view.members.length >= record.spec.minimumReplicas);
    if (nowMs < untilMs) {
      wakeAt(rm, nowMs, untilMs);
      continue;
    }
    for (const report of [leader.direct, leader.relayed]) {
      if (
        report === null ||
        report.bootId !== group.activeBootId ||
        report.leadsEpoch === null ||
        !sameEpoch(report.leadsEpoch, view.epoch)
      )
        continue;
      const progress = report.learners.find((one) => one.replica === learner.replica && one.incarnation === learner.incarnation);
      if (progress?.withinBound !== true) continue;
      return { cause: "admission", reason: `${learner.replica} has caught up`, ...NOTHING, admit: learner };
    }
  }
  return null;
}
