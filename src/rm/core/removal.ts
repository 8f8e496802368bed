import type { ReplicaId } from "../../vocabulary/ids.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { type Member, memberOf, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { type GroupRecord, isLeaving } from "./content.js";
import type { RmEffect } from "./effect.js";
import { bestFollower } from "./hand-over.js";
import { healthOf, isDown, roomShortOf } from "./observation.js";
import { isInCrashLoop } from "./relaunch.js";
import { type ChangeAim, type GroupState, type Rm, wakeAt } from "./state.js";

/** As long as a process, or its host's fault detector, may take to be there again. */
const REPLACEMENT_MS = 30_000;

export function stayingOf(record: GroupRecord, view: View): Member[] {
  return view.members.filter((member) => !isLeaving(record, member.replica));
}

/**
 * Who is to leave stays while the view would be smaller without it than is wanted, and another is to come: with too few copies the next
 * deaths would take the last one. Where none is to stay, none leaves before another has come. Neither where it takes up the room.
 */
export function planRemoval(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View): ChangeAim | null {
  const leaving = leavingFollower(record, view);
  const awaited = leaving === undefined ? [] : awaitedOf(rm, nowMs, group, record, view);
  if (awaited.length === 0 || awaited.some((replica) => isUp(rm, nowMs, replica))) group.noReplacementMs = null;
  else group.noReplacementMs ??= nowMs;
  if (leaving === undefined || (stayingOf(record, view).length === 0 && !isFull(view))) return null;
  if (awaited.length > 0) {
    const dueMs = (group.noReplacementMs ?? Number.POSITIVE_INFINITY) + REPLACEMENT_MS;
    if (nowMs < dueMs) {
      wakeAt(rm, nowMs, dueMs);
      return null;
    }
  }
  const { replica } = leaving;
  return { cause: "removal", reason: `${replica} leaves the group`, admit: null, remove: replica, leader: null };
}

function leavingFollower(record: GroupRecord, view: View): Member | undefined {
  return view.members.find((member) => member.replica !== view.leader && isLeaving(record, member.replica));
}

function isFull(view: View): boolean {
  return view.members.length >= LIMITS.replicasMax;
}

function isUp(rm: Rm, nowMs: number, replica: ReplicaId): boolean {
  const health = healthOf(rm, nowMs, replica);
  return health !== "unknown" && !isDown(health);
}

/** Who is to come before another may leave: not who dies again and again, nor who has no room. */
function awaitedOf(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View): ReplicaId[] {
  if (stayingOf(record, view).length >= record.spec.replicas || isFull(view)) return [];
  const coming = record.replicas.filter(({ replica, leaving }) => {
    const sight = rm.sights.get(replica);
    if (leaving || sight === undefined || memberOf(view, replica) !== undefined) return false;
    return !isInCrashLoop(rm, nowMs, group, replica) && roomShortOf(sight) === null;
  });
  return coming.map(({ replica }) => replica);
}

/** Nothing waits without a word. */
export function tellRemovalWait(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, view: View, effects: RmEffect[]): void {
  const wait = removalWait(rm, nowMs, group, record, view);
  const said = wait?.text ?? "";
  if (said === group.removalWaitSaid) return;
  group.removalWaitSaid = said;
  if (wait !== null) announce(effects, "removal-waits", wait.text, { group: group.group, replica: wait.replica });
}

function removalWait(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  view: View,
): { readonly replica: ReplicaId; readonly text: string } | null {
  const { leader } = view;
  if (isLeaving(record, leader) && bestFollower(rm, nowMs, record, view) === null)
    return {
      replica: leader,
      text: `${leader} is to leave, and leads group ${group.group} until another member that is to stay is alive and well`,
    };
  const leaving = leavingFollower(record, view);
  if (leaving === undefined) return null;
  const awaited = awaitedOf(rm, nowMs, group, record, view);
  const staying = stayingOf(record, view).length;
  if (awaited.length === 0) return null;
  const { replica } = leaving;
  const enough = wordsOfEnough(awaited, record.spec.replicas - staying);
  const text = `${replica} is to leave, and stays until ${enough} caught up: without it group ${group.group} would have ${staying} of the ${record.spec.replicas} members that are wanted`;
  return { replica, text };
}

/** So many of these are enough. */
function wordsOfEnough(awaited: readonly ReplicaId[], count: number): string {
  if (count >= awaited.length) return `${awaited.join(" and ")} ${awaited.length === 1 ? "has" : "have"}`;
  return count === 1 ? `${awaited.join(" or ")} has` : `${count} of ${awaited.join(", ")} have`;
}
