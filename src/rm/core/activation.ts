import { assert } from "../../vocabulary/assert.js";
import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { BootId } from "../../vocabulary/ids.js";
import type { View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import type { RmEffect } from "./effect.js";
import { endHandOver, endWish } from "./hand-over.js";
import { currentBoot, hasGathered, memberHealth, probeWakeMs, reportOf } from "./observation.js";
import { sendToServer } from "./outbox.js";
import { type ChangeAim, type GroupState, type Rm, type Sight, type ViewChange, wakeAt } from "./state.js";

/** S4c: the view is written; its leader may answer clients once it is told. */
export function activate(rm: Rm, nowMs: number, group: GroupState, change: ViewChange, effects: RmEffect[]): void {
  change.phase = "activating";
  change.writtenMs = nowMs;
  change.deadlineMs = nowMs + rm.config.timing.activateTimeoutMs;
  change.resendMs = nowMs;
  group.waiting = null;
  const view = viewOf(change);
  const members = view.members.map((member) => member.replica).join(", ");
  announce(
    effects,
    "view-changed",
    `group ${group.group}: view ${epochText(view.epoch)} of ${members}, led by ${view.leader}: ${change.aim.reason}`,
    {
      group: group.group,
      replica: view.leader,
      data: { epoch: epochText(view.epoch), leader: view.leader, members, style: view.style, quorum: view.quorum, cause: change.aim.cause },
    },
  );
  if (change.base !== null && change.base.generation !== view.generation) sayNewGeneration(group, view, effects);
}

function sayNewGeneration(group: GroupState, view: View, effects: RmEffect[]): void {
  const text = `group ${group.group} goes on as generation ${view.generation} from ${view.leader}: acknowledged work may have been given up`;
  announce(effects, "data-loss", text, { group: group.group, data: { generation: view.generation } });
}

/** A view that the store says is active, found at the start: its leader may be serving, and then nothing is changed. */
export function adoptView(nowMs: number, group: GroupState, view: View): void {
  group.change = {
    phase: "activating",
    aim: { cause: "restart", reason: "the Replication Manager started", admit: null, remove: null, leader: null },
    epoch: view.epoch,
    base: view,
    asked: view.members,
    answers: new Map(),
    strangers: new Map(),
    excluded: new Set(),
    failedLeaders: new Set(),
    view,
    leaderBootId: null,
    beganMs: nowMs,
    attempt: 0,
    detectMs: null,
    verdictAtMs: null,
    attemptMs: nowMs,
    quorumMs: null,
    sealedMs: null,
    ledMs: null,
    writtenMs: null,
    resendMs: nowMs,
    deadlineMs: Number.POSITIVE_INFINITY,
    waitingSaid: false,
    refusalSaid: false,
  };
}

function viewOf(change: ViewChange): View {
  assert(change.view !== null, "view");
  return change.view;
}

/** Sends Activate until the leader says that it leads the view; returns the next change's aim when it will not (PROTOCOL section 4). */
export function driveActivation(rm: Rm, nowMs: number, group: GroupState, change: ViewChange, effects: RmEffect[]): ChangeAim | null {
  const view = viewOf(change);
  const sight = rm.sights.get(view.leader);
  const member = view.members.find((one) => one.replica === view.leader);
  const health = member === undefined ? "unknown" : memberHealth(rm, nowMs, member);
  if (sight === undefined) return null;
  wakeAt(rm, nowMs, probeWakeMs(rm, nowMs, sight));
  if (health === "gone") return fail(`leader ${view.leader} is gone${because(sight)}`, "failover");
  const report = reportOf(sight);
  if (report !== null && report.leadsEpoch !== null && sameEpoch(report.leadsEpoch, view.epoch) && report.leadActive) {
    finishChange(rm, nowMs, group, change, report.bootId, effects);
    return null;
  }
  if (health === "suspected" && group.tolerated.get(view.leader) !== currentBoot(sight))
    return fail(`leader ${view.leader} is suspected${because(sight)}`, "failover");
  const boot = currentBoot(sight);
  if (change.leaderBootId === null) return identifyLeader(rm, nowMs, change, view, sight, effects);
  if (boot !== change.leaderBootId) return fail(`leader ${view.leader} was restarted before the view was activated`, "restart");
  return resend(rm, nowMs, change, view, change.leaderBootId, effects);
}

function because(sight: Sight): string {
  return sight.reason === "" ? "" : ` (${sight.reason})`;
}

function fail(reason: string, cause: "failover" | "restart"): ChangeAim {
  return { cause, reason, admit: null, remove: null, leader: null };
}

/** S4d: a process that says it leads this epoch is the one that was sealed for it; one that says it does not was restarted. */
function identifyLeader(rm: Rm, nowMs: number, change: ViewChange, view: View, sight: Sight, effects: RmEffect[]): ChangeAim | null {
  const patienceMs = Math.max(change.beganMs, sight.linkSinceMs) + rm.config.timing.sealTimeoutMs;
  const own = sight.direct !== null && sight.direct.bootId === sight.linkBootId ? sight.direct : null;
  if (own === null && nowMs < patienceMs) {
    wakeAt(rm, nowMs, patienceMs);
    return null;
  }
  const report = own ?? reportOf(sight);
  if (report !== null && (report.leadsEpoch === null || !sameEpoch(report.leadsEpoch, view.epoch))) {
    return fail(`${view.leader} does not lead the stored view ${epochText(view.epoch)}: it was restarted, or never told`, "restart");
  }
  if (sight.linkBootId === null) return awaitLink(rm, nowMs, change, view, sight);
  change.leaderBootId = sight.linkBootId;
  change.deadlineMs = nowMs + rm.config.timing.activateTimeoutMs;
  change.resendMs = nowMs;
  return resend(rm, nowMs, change, view, sight.linkBootId, effects);
}

/** Whatever the detectors say: a leader that nobody can activate serves nobody. */
function awaitLink(rm: Rm, nowMs: number, change: ViewChange, view: View, sight: Sight): ChangeAim | null {
  // A host that the GFD has waited for in vain since its start will not tell where it is.
  if (sight.address === null && !hasGathered(rm, nowMs)) return null;
  const linkDueMs = Math.max(change.beganMs, sight.linkSinceMs) + rm.config.timing.leaderLinkMs;
  if (nowMs >= linkDueMs) return fail(`leader ${view.leader} cannot be reached`, "failover");
  wakeAt(rm, nowMs, linkDueMs);
  return null;
}

function resend(rm: Rm, nowMs: number, change: ViewChange, view: View, bootId: BootId, effects: RmEffect[]): ChangeAim | null {
  if (nowMs >= change.deadlineMs) return fail(`${view.leader} does not answer that it leads view ${epochText(view.epoch)}`, "restart");
  if (nowMs >= change.resendMs) {
    change.resendMs = nowMs + rm.config.timing.activateRetryMs;
    sendToServer(rm, view.leader, { kind: "activate", view, bootId }, effects);
  }
  wakeAt(rm, nowMs, Math.min(change.resendMs, change.deadlineMs));
  return null;
}

/** The leader serves. */
export function finishChange(rm: Rm, nowMs: number, group: GroupState, change: ViewChange, bootId: BootId, effects: RmEffect[]): void {
  const view = viewOf(change);
  group.change = null;
  group.failures = 0;
  group.retryMs = nowMs;
  group.activeEpoch = view.epoch;
  group.activeBootId = bootId;
  group.learnersSent = null;
  group.lossSaid = null;
  group.waiting = null;
  group.unreachableSince.clear();
  endHandOver(rm, nowMs, group, change.aim, view, effects);
  endWish(rm, group, view, effects);
  rm.statusDirty = true;
  if (change.writtenMs === null) {
    announce(effects, "view-adopted", `group ${group.group}: ${view.leader} leads view ${epochText(view.epoch)}`, {
      group: group.group,
      replica: view.leader,
    });
    return;
  }
  if (change.aim.admit !== null && view.members.some((member) => member.replica === change.aim.admit?.replica)) {
    group.admittedMs.set(change.aim.admit.replica, nowMs);
  }
  const planned = change.aim.cause === "hand-over" || change.aim.cause === "first-view";
  if (change.aim.cause === "failover" || (!planned && change.base?.leader !== view.leader))
    sayFailover(nowMs, group, change, view, effects);
}

/** The parts of a failover, by the RM's own clock; `detectMs` as the detectors date it, -1 when they cannot. */
function sayFailover(nowMs: number, group: GroupState, change: ViewChange, view: View, effects: RmEffect[]): void {
  const { beganMs, attemptMs, sealedMs, ledMs, writtenMs } = change;
  if (sealedMs === null || ledMs === null || writtenMs === null) return;
  const detectMs = change.detectMs ?? -1;
  const decideMs = attemptMs - (change.verdictAtMs ?? beganMs);
  const data = {
    detectMs: round(detectMs),
    decideMs: round(decideMs),
    sealMs: round(sealedMs - attemptMs),
    leadMs: round(ledMs - sealedMs),
    writeMs: round(writtenMs - ledMs),
    activateMs: round(nowMs - writtenMs),
    totalMs: round(Math.max(0, detectMs) + nowMs - (change.verdictAtMs ?? beganMs)),
    attempts: change.attempt,
  };
  announce(effects, "failover", `group ${group.group}: ${view.leader} took over after ${data.totalMs} ms: ${change.aim.reason}`, {
    group: group.group,
    replica: view.leader,
    data,
  });
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
