import { assert } from "../../vocabulary/assert.js";
import { compareEpochs, epochText } from "../../vocabulary/epoch.js";
import { holdsIncarnation, type Member, memberOf, sameView, type View } from "../../vocabulary/view.js";
import { activate, driveActivation } from "./activation.js";
import { announce } from "./announce.js";
import { backoffMs, retryChange, startAttempt } from "./attempt.js";
import { type GroupRecord, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import { killLastResort } from "./kill.js";
import { closedByLoss, decideLoss, missingText, sayLoss } from "./loss.js";
import { memberFloor, planView } from "./next-view.js";
import { currentBoot, isDown, memberHealth } from "./observation.js";
import { sendToServer } from "./outbox.js";
import { leaderEndsOf, poisonOf, withLeader } from "./poison.js";
import { type ChangeAim, type GroupState, type Rm, type SealAnswer, type ViewChange, wakeAt } from "./state.js";
import { assertIntersection, hasTold, neededAnswers } from "./succession.js";

const GRACE_MS_MIN = 5;
/** Changes that begin while the leader serves. */
const PLANNED: ReadonlySet<ChangeAim["cause"]> = new Set(["shed", "admission", "removal", "style", "quorum", "hand-over"]);

/** A view change from the last active view (S3c), or from nothing over `asked` founders. Seals are sent in the same step. */
export function beginChange(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  aim: ChangeAim,
  asked: readonly Member[],
  effects: RmEffect[],
): void {
  assert(group.halted === null, "S1e", () => String(group.halted));
  const base = record.activeView;
  const cause = base === null ? undefined : rm.sights.get(base.leader);
  const change: ViewChange = {
    phase: "sealing",
    aim,
    epoch: [0, 0],
    base,
    asked,
    answers: new Map(),
    strangers: new Map(),
    excluded: new Set(),
    failedLeaders: new Set(),
    view: null,
    leaderBootId: null,
    beganMs: nowMs,
    attempt: 0,
    detectMs: cause?.detectionMs ?? null,
    verdictAtMs: cause !== undefined && cause.verdict !== "alive" ? cause.verdictSinceMs : null,
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
  group.change = change;
  group.handOver = null;
  group.activeEpoch = null;
  group.activeBootId = null;
  startAttempt(rm, nowMs, group, change, nowMs);
  announce(effects, "change-began", `group ${group.group}: view change ${epochText(change.epoch)}: ${aim.reason}`, {
    group: group.group,
    data: { epoch: epochText(change.epoch), cause: aim.cause },
  });
  driveChange(rm, nowMs, group, record, effects);
}

/** Whatever is due in the change that is under way. */
export function driveChange(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  drivePhase(rm, nowMs, group, record, effects);
  // An attempt that failed just now is followed by the next one in the same step, unless it has to wait.
  const change = group.change;
  if (change !== null && change.phase === "sealing" && nowMs >= change.resendMs) drivePhase(rm, nowMs, group, record, effects);
}

function drivePhase(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const change = group.change;
  if (change === null) return;
  switch (change.phase) {
    case "sealing":
      return driveSealing(rm, nowMs, group, record, change, effects);
    case "leading":
      return driveLeading(rm, nowMs, group, change, effects);
    case "writing":
      return driveWriting(rm, nowMs, group, record, change, effects);
    case "activating":
      return followActivation(rm, nowMs, group, record, change, effects);
  }
}

/** A leader that cannot be activated is followed by a change from the view that was written. */
function followActivation(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, change: ViewChange, effects: RmEffect[]): void {
  const aim = driveActivation(rm, nowMs, group, change, effects);
  if (aim !== null && record.activeView !== null) beginChange(rm, nowMs, group, record, aim, record.activeView.members, effects);
}

function driveSealing(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, change: ViewChange, effects: RmEffect[]): void {
  if (nowMs >= change.resendMs) {
    for (const member of change.asked) sendSeal(rm, change, member, group, effects);
    change.resendMs = nowMs + rm.config.timing.sealRetryMs;
  }
  wakeAt(rm, nowMs, change.resendMs);
  const answers = [...change.answers.values()];
  if (answers.length >= neededAnswers(change)) {
    if (!graceEnds(rm, nowMs, record, change)) return;
    const leader = lead(rm, nowMs, group, record, change, answers, effects);
    if (change.base !== null) assertIntersection(change.base, answers, leader);
    return;
  }
  waitForAnswers(rm, nowMs, group, record, change, effects);
}

export function sendSeal(rm: Rm, change: ViewChange, member: Member, group: GroupState, effects: RmEffect[]): void {
  if (change.answers.has(member.replica) || !maySeal(rm, group, change)) return;
  sendToServer(rm, member.replica, { kind: "seal", group: group.group, epoch: change.epoch, base: change.base }, effects);
}

/**
 * S1b: with a store that was put back the same term is taken twice. Whoever could lead in the first was promised by one of those that are heard
 * here, and what that one tells stops this Replication Manager (S1e) before it begins the same epoch again.
 */
function maySeal(rm: Rm, group: GroupState, change: ViewChange): boolean {
  if (group.heard === null) return true;
  const told = change.asked.filter((member) => hasTold(group, member));
  if (told.length < neededAnswers(change) && (change.base === null || !closedByLoss(rm, change.base))) return false;
  group.heard = null;
  return true;
}

/** With enough answers: a short grace for members that may be well, so as not to shed a healthy one (PROTOCOL section 4). */
function graceEnds(rm: Rm, nowMs: number, record: GroupRecord, change: ViewChange): boolean {
  const { timing } = rm.config;
  change.quorumMs ??= nowMs;
  const fewAnswers = change.answers.size < memberFloor(record);
  const missing = change.asked.filter((member) => {
    if (change.answers.has(member.replica) || change.excluded.has(member.replica) || change.aim.remove === member.replica) return false;
    const health = memberHealth(rm, nowMs, member);
    // Where few would remain, a suspected member that may be well is given its chance to be kept.
    return health === "suspected" ? fewAnswers : health !== "gone";
  });
  if (missing.length === 0) return true;
  const short = Math.min(timing.sealGraceMsMax, Math.max(GRACE_MS_MIN, 2 * (change.quorumMs - change.attemptMs)));
  // A planned change has time: one that admits a replica and sheds another, which is only slow, is followed by the same the other way round.
  const grace = hasTime(rm, nowMs, change) ? timing.plannedGraceMsMax : fewAnswers ? timing.sealGraceMsMax : short;
  const endMs = change.quorumMs + grace;
  if (nowMs >= endMs) return true;
  wakeAt(rm, nowMs, endMs);
  return false;
}

/** The change is not about its leader, and the leader is well: it has answered, or it is slow, as who has the most to write may be. */
function hasTime(rm: Rm, nowMs: number, { base, answers, aim }: ViewChange): boolean {
  const leader = base === null ? undefined : memberOf(base, base.leader);
  if (leader === undefined) return false;
  return answers.has(leader.replica) || (PLANNED.has(aim.cause) && !isDown(memberHealth(rm, nowMs, leader)));
}

function waitForAnswers(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, change: ViewChange, effects: RmEffect[]): void {
  const { timing } = rm.config;
  const { base } = change;
  if (base === null) {
    // The founders are chosen anew.
    if (nowMs - change.attemptMs >= timing.sealTimeoutMs) {
      group.change = null;
      // Nobody was sealed before all had told: late is who has not.
      const isSilent = (member: Member): boolean => !change.answers.has(member.replica) && !hasTold(group, member);
      group.silentFounders = new Set(change.asked.filter(isSilent).map(({ replica }) => replica));
      group.failures += 1;
      group.retryMs = nowMs + backoffMs(timing.attemptMsMin, timing.attemptMsMax, group.failures);
    } else wakeAt(rm, nowMs, change.attemptMs + timing.sealTimeoutMs);
    return;
  }
  if (closedByLoss(rm, base)) {
    const survivors = decideLoss(rm, nowMs, group, record, change);
    if (survivors !== null) lead(rm, nowMs, group, record, change, survivors, effects);
    else sayLoss(rm, group, record, base, effects);
    return;
  }
  group.lossSaid = null;
  const sayMs = change.attemptMs + timing.sealTimeoutMs;
  if (nowMs < sayMs) wakeAt(rm, nowMs, sayMs);
  else if (!change.waitingSaid) {
    change.waitingSaid = true;
    announce(effects, "waiting", `group ${group.group} waits: ${missingText(rm, nowMs, group, change)}`, { group: group.group });
  }
  killLastResort(rm, nowMs, group, record, change, effects);
}

/** S4a, S4d: the chosen process is to bring w of the new members up to its start entry. */
function lead(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  change: ViewChange,
  answers: readonly SealAnswer[],
  effects: RmEffect[],
): SealAnswer {
  const view = planView(rm, nowMs, group, record, change, answers);
  const leader = answers.find((answer) => answer.replica === view.leader);
  assert(leader !== undefined, "S3d", () => `${view.leader} has not answered`);
  change.view = view;
  change.leaderBootId = leader.bootId;
  change.phase = "leading";
  change.sealedMs = nowMs;
  change.deadlineMs = nowMs + rm.config.timing.leadTimeoutMs;
  wakeAt(rm, nowMs, change.deadlineMs);
  sendLead(rm, group, change, effects);
  return leader;
}

export function sendLead(rm: Rm, group: GroupState, change: ViewChange, effects: RmEffect[]): void {
  if (change.view === null || change.leaderBootId === null) return;
  const { view, leaderBootId: bootId } = change;
  const leaderEnds = leaderEndsOf(rm, group);
  sendToServer(rm, view.leader, { kind: "lead", view, bootId, poison: poisonOf(group), leaderEnds, book: group.book }, effects);
}

function driveLeading(rm: Rm, nowMs: number, group: GroupState, change: ViewChange, effects: RmEffect[]): void {
  const { view } = change;
  assert(view !== null, "view");
  const sight = rm.sights.get(view.leader);
  const retry = (reason: string): void => retryChange(rm, nowMs, group, change, reason, effects);
  if (sight === undefined || currentBoot(sight) !== change.leaderBootId) return retry(`${view.leader} was restarted`);
  const down = (member: Member): boolean => {
    const health = memberHealth(rm, nowMs, member);
    return health === "gone" || (health === "suspected" && !group.tolerated.has(member.replica));
  };
  if (down({ replica: view.leader, incarnation: memberIncarnation(view) })) return retry(`${view.leader}, chosen to lead, failed`);
  const lost = view.members.filter(down);
  if (view.members.length - lost.length < view.quorum) {
    for (const member of lost) change.excluded.add(member.replica);
    return retry(`${lost.map((member) => member.replica).join(", ")} failed, and without a quorum ${view.leader} cannot lead`);
  }
  if (nowMs >= change.deadlineMs) {
    change.failedLeaders.add(view.leader);
    return retry(`${view.leader} did not bring ${view.quorum} members up to date in time`);
  }
  wakeAt(rm, nowMs, change.deadlineMs);
}

function memberIncarnation(view: View): Member["incarnation"] {
  const member = view.members.find((one) => one.replica === view.leader);
  assert(member !== undefined, "view");
  return member.incarnation;
}

/** S4b: the start entry is on w of the new members; the view may be written. */
export function writeView(rm: Rm, nowMs: number, group: GroupState, change: ViewChange): void {
  const record = rm.store.draft.groups.find((one) => one.spec.group === group.group);
  assert(record !== undefined && change.view !== null && change.leaderBootId !== null && change.phase === "leading", "S4b");
  assert(sameView(record.activeView, change.base), "S1c", () => "the last active view is not the one that was sealed");
  assert(change.base === null || compareEpochs(change.epoch, change.base.epoch) > 0, "S1b");
  change.phase = "writing";
  change.ledMs = nowMs;
  rm.store.draft = withGroup(rm.store.draft, { ...withLeader(group, record, change.epoch, change.leaderBootId), activeView: change.view });
}

function driveWriting(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, change: ViewChange, effects: RmEffect[]): void {
  if (!sameView(record.activeView, change.view)) return;
  effects.push({ kind: "reached", point: "view-written" });
  activate(rm, nowMs, group, change, effects);
  followActivation(rm, nowMs, group, record, change, effects);
}

/** A Seal answer counts for an incarnation of the last active view (S3b, S5a), or of the founders. */
export function countAnswer(change: ViewChange, answer: SealAnswer): void {
  const named =
    change.base === null
      ? change.asked.some((member) => member.replica === answer.replica && member.incarnation === answer.incarnation)
      : holdsIncarnation(change.base, answer.replica, answer.incarnation);
  (named ? change.answers : change.strangers).set(answer.replica, answer);
}
