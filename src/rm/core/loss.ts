import { holdsIncarnation, type Member, sealQuorum, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import type { GroupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { currentIncarnation, isDown, memberHealth } from "./observation.js";
import { type GroupState, type Rm, type SealAnswer, type ViewChange, wakeAt } from "./state.js";

/**
 * Is this incarnation certainly lost? With `disk` a dead process is not: its folder is relaunched; the replica must run as another
 * incarnation. With `memory` the death of its process is enough, but only a detector's explicit word, not its absence from a list.
 */
function isLost(rm: Rm, member: Member, view: View): boolean {
  const sight = rm.sights.get(member.replica);
  if (sight === undefined) return false;
  const incarnation = currentIncarnation(sight);
  if (incarnation !== null && incarnation !== member.incarnation) return true;
  return view.durability === "memory" && sight.verdict === "gone" && sight.linkBootId === null;
}

function lostMembers(rm: Rm, view: View): Member[] {
  return view.members.filter((member) => isLost(rm, member, view));
}

/** More than w - 1 incarnations of the last active view are certainly gone: an acknowledged entry may be among what they held. */
export function closedByLoss(rm: Rm, _nowMs: number, view: View): boolean {
  return view.members.length - lostMembers(rm, view).length < sealQuorum(view);
}

/** For people. */
export function lossText(rm: Rm, view: View): string {
  const lost = lostMembers(rm, view).map((member) => member.replica);
  return (
    `the group is closed: ${lost.join(", ")} lost what they held, and acknowledged work may be gone with them. ` +
    `It waits for ${lost.join(", ")} to come back with their data; \`troupe recover --accept-data-loss\` goes on without`
  );
}

export function sayLoss(rm: Rm, _nowMs: number, group: GroupState, record: GroupRecord, base: View, effects: RmEffect[]): void {
  const text = lossText(rm, base);
  group.waiting = text;
  if (group.lossSaid === text) return;
  group.lossSaid = text;
  announce(effects, "loss", `group ${group.group}: ${text}`, { group: record.spec.group });
}

/** Where the spec says so, goes on from the best survivor, or from nothing when there is none; a new generation says that work may be lost. */
export function decideLoss(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  change: ViewChange,
): readonly SealAnswer[] | null {
  const { base } = change;
  if (record.spec.onLoss !== "continue" || base === null) return null;
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
    reason: `goes on as the spec says (onLoss: continue); ${group.group} lost members`,
    admit: null,
    remove: null,
    leader: null,
  };
  return answers;
}
