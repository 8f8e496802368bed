import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import { holdsIncarnation, type Member, sealQuorum, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import type { GroupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { currentIncarnation, isDown, memberHealth, reportOf } from "./observation.js";

import { type GroupState, type Rm, type SealAnswer, type ViewChange, wakeAt } from "./state.js";
import { hasTold, neededAnswers } from "./succession.js";

/**
 * Is this incarnation certainly lost? With `disk` a dead process is not: its folder is relaunched; the replica must run as another
 * incarnation. With `memory` the death of its process is enough, but only a detector's explicit word, not its absence from a list.
 */
function isLost(rm: Rm, member: Member, view: View): boolean {
  const sight = rm.sights.get(member.replica);
  if (sight === undefined) return false;
  const incarnation = currentIncarnation(sight);
  if (incarnation !== null && incarnation !== member.incarnation) return true;
  if (view.durability !== "memory" || sight.linkBootId !== null) return false;
  return sight.verdict === "gone" || sight.goneIncarnation === member.incarnation;
}

function lostMembers(rm: Rm, view: View): Member[] {
  return view.members.filter((member) => isLost(rm, member, view));
}

/** More than w - 1 incarnations of the last active view are certainly gone: an acknowledged entry may be among what they held. */
export function closedByLoss(rm: Rm, view: View): boolean {
  return view.members.length - lostMembers(rm, view).length < sealQuorum(view);
}

/** For people: which replicas the group waits for, why they are not enough, what the others hold, and what can be done. */
export function lossText(rm: Rm, view: View): string {
  const lost = lostMembers(rm, view);
  const names = lost.map((member) => member.replica).join(", ");
  const why = lost.map((member) => lossOf(rm, member, view)).join("; ");
  const kept = view.members.filter((member) => !lost.includes(member)).map((member) => holding(rm, member));
  const survivors = kept.length === 0 ? "no other member is left" : `what is left: ${kept.join("; ")}`;
  const closed = `the group is closed, since acknowledged work may be gone: ${why}; ${survivors}`;
  const isLeft = kept.length > 0;
  if (view.durability === "memory")
    return `${closed}. It waits for ${names}, whose state cannot come back. ${isLeft ? GO_ON_FROM_MEMORY : BEGIN_FROM_NOTHING}`;
  const back = `${closed}. It waits for ${names} to come back with the data of view ${epochText(view.epoch)}`;
  return `${back}. Put that back if there is a copy, or ${isLeft ? "go on from what is left with `troupe recover --accept-data-loss`" : "restore a backup"}`;
}

const GO_ON_FROM_MEMORY =
  "Leave the system running, since what is left is in memory as well, and go on from it with `troupe recover --accept-data-loss`";
const BEGIN_FROM_NOTHING =
  "Nothing is left to go on from: restore a backup, or begin from nothing with `troupe recover --accept-data-loss`";

function lossOf(rm: Rm, member: Member, view: View): string {
  if (view.durability === "memory") return `${member.replica} ended, and kept its state in memory`;
  const sight = rm.sights.get(member.replica);
  const now = sight === undefined ? null : currentIncarnation(sight);
  return `${member.replica} runs without its data (incarnation ${short(now)}, not ${short(member.incarnation)})`;
}

function holding(rm: Rm, member: Member): string {
  const report = reportOf(rm.sights.get(member.replica));
  if (report === null || report.incarnation !== member.incarnation) return `${member.replica}, which has not reported`;
  return `${member.replica}, through index ${report.lastIndex} of epoch ${epochText(report.lastEpoch)}`;
}

function short(id: string | null): string {
  return id === null ? "unknown" : id.slice(0, 8);
}

/** For people: what a change waits for, and why each of those who have not answered is missing. */
export function missingText(rm: Rm, nowMs: number, group: GroupState, change: ViewChange): string {
  // Not sealed before enough were heard: who is there would have answered.
  const isThere = (member: Member): boolean => change.answers.has(member.replica) || hasTold(group, member);
  const missing = change.asked.filter((member) => !isThere(member));
  const needed = neededAnswers(change) - (change.asked.length - missing.length);
  const names = missing.map((member) => member.replica).join(", ");
  const why = missing.map((member) => `${member.replica} ${absence(rm, nowMs, member)}`).join("; ");
  if (needed <= 0) return `enough have answered; for a moment the others are waited for, so as to keep them (${why})`;
  const down = change.base !== null && missing.some((member) => memberHealth(rm, nowMs, member) === "gone");
  const todo = down
    ? ". Their data is needed: see `troupe logs REPLICA` for what keeps them down, and the runbook for a lost majority"
    : "";
  return `${needed} more of ${names} must answer before a leader can be chosen without loss (${why})${todo}`;
}

function absence(rm: Rm, nowMs: number, member: Member): string {
  const sight = rm.sights.get(member.replica);
  const health = memberHealth(rm, nowMs, member);
  if (sight === undefined) return "is not known to any host";
  const incarnation = currentIncarnation(sight);
  const reason = sight.reason === "" ? "" : `: ${sight.reason}`;
  if (incarnation !== null && incarnation !== member.incarnation)
    return `runs without its data (incarnation ${short(incarnation)}, not ${short(member.incarnation)})`;
  if (health === "gone") return `does not run${reason}`;
  if (health === "suspected") return `is suspected${reason}`;
  return sight.linkBootId === null ? "is not connected" : "has not answered yet";
}

export function sayLoss(rm: Rm, group: GroupState, record: GroupRecord, base: View, effects: RmEffect[]): void {
  const text = lossText(rm, base);
  group.waiting = text;
  if (group.lossSaid === text) return;
  group.lossSaid = text;
  announce(effects, "loss", `group ${group.group}: ${text}`, { group: record.spec.group });
}

/** Where the spec or a person says so, goes on from the best survivor, or from nothing when there is none; a new generation says that work may be lost. */
export function decideLoss(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  change: ViewChange,
): readonly SealAnswer[] | null {
  const { base } = change;
  if (base === null) return null;
  const isAccepted = group.lossAccepted !== null && sameEpoch(group.lossAccepted, base.epoch);
  if (record.spec.onLoss !== "continue" && !isAccepted) return null;
  const survivors = [...change.answers.values()].filter((answer) => holdsIncarnation(base, answer.replica, answer.incarnation));
  const awaited = base.members.filter(
    (member) => !change.answers.has(member.replica) && !isLost(rm, member, base) && !isDown(memberHealth(rm, nowMs, member)),
  );
  const patienceMs = change.attemptMs + rm.config.timing.sealTimeoutMs;
  if (awaited.length > 0 && nowMs < patienceMs) {
    wakeAt(rm, nowMs, patienceMs);
    return null;
  }
  // With `disk` a survivor that is down only for the moment is worth waiting for.
  if (base.members.some((member) => !change.answers.has(member.replica) && !isLost(rm, member, base))) return null;
  const answers = survivors.length > 0 ? survivors : [...change.strangers.values()];
  if (answers.length === 0) return null;
  change.aim = {
    cause: "loss",
    reason: `goes on ${isAccepted ? "since the loss was accepted" : "as the spec says (onLoss: continue)"}; ${group.group} lost members`,
    admit: null,
    remove: null,
    leader: null,
  };
  return answers;
}
