import { assert } from "../../vocabulary/assert.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { quorumSize } from "../../vocabulary/style.js";
import { checkView, type Member, type View } from "../../vocabulary/view.js";
import { type GroupRecord, isLeaving } from "./content.js";
import { currentIncarnation, healthOf, isDown, reportOf } from "./observation.js";
import type { GroupState, Rm, SealAnswer, ViewChange } from "./state.js";
import { chooseLeader } from "./succession.js";

/** What is held against a replica as a leader; decides only among equally good answers. */
function leaderCost(rm: Rm, nowMs: number, record: GroupRecord, change: ViewChange): (replica: ReplicaId) => number {
  const bornMs = (replica: ReplicaId): number => rm.sights.get(replica)?.bornMs ?? nowMs;
  const byAge = change.asked.map((member) => member.replica).sort((a, b) => bornMs(a) - bornMs(b) || (a < b ? -1 : 1));
  return (replica) => {
    const health = healthOf(rm, nowMs, replica);
    let cost = 0;
    if (health === "gone") cost += 64;
    if (change.excluded.has(replica) || change.failedLeaders.has(replica)) cost += 32;
    if (health === "suspected") cost += 16;
    if (change.aim.remove === replica) cost += 8;
    if (health === "degraded") cost += 4;
    if (change.aim.leader !== null && change.aim.leader !== replica) cost += 2;
    if (change.aim.leader === null && change.base?.leader !== replica) {
      cost += 1;
      // It would hand over next: another pause for clients.
      if (isLeaving(record, replica)) cost += 2;
    }
    if (reportOf(rm.sights.get(replica))?.cold !== undefined) cost += 0.5;
    // Of equals the one whose process has been up longest: it has its caches warm, and leadership goes round.
    return cost + byAge.indexOf(replica) / 100;
  };
}

/** Below this number of members a suspected one that has answered is kept rather than shed: it may be needed (PROTOCOL section 8). */
export function memberFloor(record: GroupRecord): number {
  return Math.min(record.spec.replicas, Math.max(2, record.spec.minimumReplicas));
}

/** S3: picks the leader among the answers, and as members those who answered, without the one to be removed and with the one to be admitted. */
export function planView(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  change: ViewChange,
  answers: readonly SealAnswer[],
): View {
  const leader = chooseLeader(answers, leaderCost(rm, nowMs, record, change));
  const members: Member[] = [{ replica: leader.replica, incarnation: leader.incarnation }];
  const doubtful: SealAnswer[] = [];
  for (const answer of answers) {
    if (answer === leader || change.aim.remove === answer.replica || change.excluded.has(answer.replica)) continue;
    const health = healthOf(rm, nowMs, answer.replica);
    if (health === "gone") continue;
    if (health === "suspected") doubtful.push(answer);
    else members.push({ replica: answer.replica, incarnation: answer.incarnation });
  }
  admit(rm, nowMs, change, members);
  group.tolerated.clear();
  group.toleratedMs = nowMs;
  if (healthOf(rm, nowMs, leader.replica) === "suspected") group.tolerated.set(leader.replica, leader.bootId);
  for (const answer of doubtful) {
    if (members.length >= memberFloor(record)) break;
    members.push({ replica: answer.replica, incarnation: answer.incarnation });
    group.tolerated.set(answer.replica, answer.bootId);
  }
  members.sort((a, b) => (a.replica < b.replica ? -1 : 1));
  return makeView(record, change, change.epoch, leader.replica, members);
}

/** S5b: a learner that its leader reported within bound; only as the incarnation that was fed, and only while it is well. */
function admit(rm: Rm, nowMs: number, change: ViewChange, members: Member[]): void {
  const learner = change.aim.admit;
  if (learner === null || change.excluded.has(learner.replica) || members.some((member) => member.replica === learner.replica)) return;
  const sight = rm.sights.get(learner.replica);
  if (sight === undefined || currentIncarnation(sight) !== learner.incarnation) return;
  if (!isDown(healthOf(rm, nowMs, learner.replica))) members.push(learner);
}

function makeView(record: GroupRecord, change: ViewChange, epoch: Epoch, leader: ReplicaId, members: Member[]): View {
  const { spec } = record;
  const generation = change.base === null ? 1 : change.base.generation + (change.aim.cause === "loss" ? 1 : 0);
  const view: View = {
    group: spec.group,
    generation,
    epoch,
    members,
    leader,
    style: spec.style,
    quorum: quorumSize(members.length, spec.quorum),
    durability: spec.durability,
  };
  const invalid = checkView(view);
  assert(invalid === null, "view", () => String(invalid));
  return view;
}
