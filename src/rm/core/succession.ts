import { assert } from "../../vocabulary/assert.js";
import { compareEpochs } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { holdsIncarnation, type Member, sealQuorum, type View } from "../../vocabulary/view.js";
import type { GroupState, SealAnswer, ViewChange } from "./state.js";

/** S3d: the epoch of the last entry first, then the last index. */
export function comparePositions(a: SealAnswer, b: SealAnswer): number {
  return compareEpochs(a.lastEpoch, b.lastEpoch) || a.lastIndex - b.lastIndex;
}

/** S3d: the answers that no other surpasses. */
export function bestAnswers(answers: readonly SealAnswer[]): SealAnswer[] {
  const best: SealAnswer[] = [];
  for (const answer of answers) {
    const first = best[0];
    const order = first === undefined ? 1 : comparePositions(answer, first);
    if (order > 0) best.length = 0;
    if (order >= 0) best.push(answer);
  }
  return best;
}

/**
 * The next leader: one of the best answers (S3d), of them the least `cost`, then the smallest name. Reasons against a replica
 * (suspected, failed before) only choose among equals: a unique best leads, whatever is held against it.
 */
export function chooseLeader(answers: readonly SealAnswer[], cost: (replica: ReplicaId) => number): SealAnswer {
  let chosen: SealAnswer | undefined;
  for (const answer of bestAnswers(answers)) {
    if (chosen === undefined) chosen = answer;
    const difference = cost(answer.replica) - cost(chosen.replica);
    if (difference < 0 || (difference === 0 && answer.replica < chosen.replica)) chosen = answer;
  }
  assert(chosen !== undefined, "S3a", () => "no answer to choose a leader from");
  return chosen;
}

/** S3a, S3b, S3c: enough answers, each of an incarnation that the last active view names. */
export function assertIntersection(base: View, answers: readonly SealAnswer[], leader: SealAnswer): void {
  const members = answers.filter((answer) => holdsIncarnation(base, answer.replica, answer.incarnation));
  assert(members.length === answers.length, "S3b", () => "an answer of an incarnation that the last active view does not name");
  assert(members.length >= sealQuorum(base), "S3a", () => `${members.length} answers, ${sealQuorum(base)} needed`);
  assert(
    answers.every((answer) => comparePositions(answer, leader) <= 0),
    "S3d",
    () => `${leader.replica} does not hold the longest log`,
  );
}

/** S3a: n - w + 1 of the last active view; all founders for the first. */
export function neededAnswers(change: ViewChange): number {
  return change.base === null ? change.asked.length : sealQuorum(change.base);
}

/** S1b: has it told in this term what it has promised? It is asked for nothing before enough have (`heard`). */
export function hasTold(group: GroupState, member: Member): boolean {
  return group.heard?.has(member.incarnation) === true;
}
