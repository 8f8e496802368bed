import { sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { type Member, memberOf, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { backoffMs } from "./attempt.js";
import { type GroupRecord, groupRecord, isLeaving, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import { memberHealth, reportOf } from "./observation.js";
import { sendToServer } from "./outbox.js";
import { type ChangeAim, type GroupState, type Rm, wakeAt } from "./state.js";

/** One that was asked for is tried so often. What the group itself wants stays wanted, and each try holds up clients a little: ever less often. */
const ASKED_TRIES_MAX = 3;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 30_000;

/** Begins a planned change of leader when there is a reason for one: asked for, the leader leaves, or it is degraded while another is well. */
export function planHandOver(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View, effects: RmEffect[]): void {
  if (group.handOver !== null) return watchHandOver(rm, nowMs, group, effects);
  const wish = handOverWish(rm, nowMs, group, record, view);
  if (wish === null) return;
  const dueMs = Math.max(group.retryMs, group.handOverRetryMs);
  if (nowMs < dueMs) {
    wakeAt(rm, nowMs, dueMs);
    return;
  }
  const { target, reason } = wish;
  if (!sendToServer(rm, view.leader, { kind: "hand-over", group: group.group, epoch: view.epoch, target }, effects)) return;
  group.handOver = { epoch: view.epoch, target, reason, sinceMs: nowMs };
  group.handOverMs = nowMs;
  wakeAt(rm, nowMs, nowMs + rm.config.timing.handOverTimeoutMs);
  announce(effects, "hand-over", `group ${group.group}: ${view.leader} hands over to ${target}: ${reason}`, {
    group: group.group,
    replica: target,
  });
}

/** Kept in the store: a Replication Manager that follows carries it out. */
export function wishLead(rm: Rm, group: GroupState, replica: ReplicaId | null): void {
  const record = groupRecord(rm.store.draft, group.group);
  if (record === undefined || leadWanted(rm, group) === replica) return;
  rm.store.draft = withGroup(rm.store.draft, { ...record, leadWanted: replica });
}

function leadWanted(rm: Rm, group: GroupState): ReplicaId | null {
  return groupRecord(rm.store.draft, group.group)?.leadWanted ?? null;
}

function handOverWish(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  view: View,
): { target: ReplicaId; reason: string } | null {
  if (leadWanted(rm, group) === view.leader) wishLead(rm, group, null);
  const wanted = leadWanted(rm, group);
  const asked = wanted === null ? undefined : memberOf(view, wanted);
  if (asked !== undefined && !isLeaving(record, asked.replica) && memberHealth(rm, nowMs, asked) === "alive") {
    return { target: asked.replica, reason: "it was asked for" };
  }
  const target = bestFollower(rm, nowMs, record, view);
  if (target === null) return null;
  if (isLeaving(record, view.leader)) return { target, reason: `${view.leader} is to leave the group` };
  const leader = memberOf(view, view.leader);
  // A cold backup would have to take up the state first: longer than most slowness lasts.
  if (reportOf(rm.sights.get(target))?.cold !== undefined) return null;
  if (leader === undefined || memberHealth(rm, nowMs, leader) !== "degraded") return null;
  const dueMs = group.handOverMs + rm.config.timing.degradedHandOverMs;
  if (nowMs < dueMs) {
    wakeAt(rm, nowMs, dueMs);
    return null;
  }
  const reason = rm.sights.get(view.leader)?.reason ?? "";
  return { target, reason: `${view.leader} is degraded (${reason})` };
}

/** The member that is to stay, is alive and well, and holds most. */
export function bestFollower(rm: Rm, nowMs: number, record: GroupRecord, view: View): ReplicaId | null {
  let best: Member | null = null;
  let bestIndex = -1;
  for (const member of view.members) {
    if (member.replica === view.leader || isLeaving(record, member.replica) || memberHealth(rm, nowMs, member) !== "alive") continue;
    const index = reportOf(rm.sights.get(member.replica))?.persistedIndex ?? 0;
    if (index <= bestIndex) continue;
    best = member;
    bestIndex = index;
  }
  return best?.replica ?? null;
}

function watchHandOver(rm: Rm, nowMs: number, group: GroupState, effects: RmEffect[]): void {
  if (group.handOver === null) return;
  const dueMs = group.handOver.sinceMs + rm.config.timing.handOverTimeoutMs;
  if (nowMs < dueMs) wakeAt(rm, nowMs, dueMs);
  else failHandOver(rm, nowMs, group, "the leader did not answer in time", effects);
}

export function failHandOver(rm: Rm, nowMs: number, group: GroupState, reason: string, effects: RmEffect[]): void {
  const handOver = group.handOver;
  if (handOver === null) return;
  group.handOver = null;
  countFailure(rm, nowMs, group, handOver.target, reason, effects);
}

/** The view that came of a hand-over is active: where another one leads, trying again at once would go on for ever. */
export function endHandOver(rm: Rm, nowMs: number, group: GroupState, aim: ChangeAim, view: View, effects: RmEffect[]): void {
  const { cause, leader: target } = aim;
  if (cause !== "hand-over" || target === null) return;
  if (view.leader === target) group.handOverFailures = 0;
  else countFailure(rm, nowMs, group, target, `it could not lead, ${view.leader} does`, effects);
}

/** Who was asked for and is no member of the view any more is not handed the lead some day, when it is back. */
export function endWish(rm: Rm, group: GroupState, view: View, effects: RmEffect[]): void {
  const wanted = leadWanted(rm, group);
  if (wanted === null) return;
  const isMember = memberOf(view, wanted) !== undefined;
  if (wanted === view.leader || !isMember) wishLead(rm, group, null);
  if (isMember) return;
  const text = `group ${group.group}: hand-over to ${wanted} failed: it is no member of the view any more; given up`;
  announce(effects, "hand-over-failed", text, { group: group.group, replica: wanted });
}

function countFailure(rm: Rm, nowMs: number, group: GroupState, target: ReplicaId, reason: string, effects: RmEffect[]): void {
  group.handOverFailures += 1;
  const waitMs = backoffMs(RETRY_MS_MIN, RETRY_MS_MAX, group.handOverFailures - 1);
  group.handOverRetryMs = nowMs + waitMs;
  const gaveUp = leadWanted(rm, group) !== null && group.handOverFailures >= ASKED_TRIES_MAX;
  if (gaveUp) wishLead(rm, group, null);
  const next = gaveUp ? "given up" : `it is tried again, in ${waitMs} ms at the earliest`;
  announce(effects, "hand-over-failed", `group ${group.group}: hand-over to ${target} failed: ${reason}; ${next}`, {
    group: group.group,
    replica: target,
  });
}

/** The target holds all that the leader gave an index: seal at once, the leader waits 100 ms at most. */
export function handOverReady(group: GroupState, view: View): ChangeAim | null {
  const handOver = group.handOver;
  if (handOver === null || !sameEpoch(handOver.epoch, view.epoch)) return null;
  return {
    cause: "hand-over",
    reason: `${view.leader} handed over: ${handOver.reason}`,
    admit: null,
    remove: null,
    leader: handOver.target,
  };
}
