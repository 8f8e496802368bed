/**
 * Whose turn it is to take a checkpoint. All replicas come to it at the same index, and a large snapshot keeps disk and processor busy for
 * seconds: so they take turns, followers first and the leader last, each for so long as a snapshot of its size takes. Snapshots of a group
 * are of about one size, so nobody has to ask; one that takes longer than thought costs speed, not safety. The same measure keeps a large
 * state from being written again and again: a round of turns passes between two snapshots of a replica.
 */
import type { View } from "../../vocabulary/view.js";
import type { Replica, Turn } from "./state.js";

function viewOf({ stance, activeView }: Replica): View | null {
  return stance.kind === "waiting" ? activeView : (stance.view ?? activeView);
}

/** Place in the round, and how many there are in it. Backups of cold-passive take none. */
function placeOf(replica: Replica): { readonly place: number; readonly count: number } {
  const view = viewOf(replica);
  if (view === null || view.style === "cold-passive") return { place: 0, count: 1 };
  const followers = view.members.filter(({ replica: member }) => member !== view.leader);
  const at = followers.findIndex((member) => member.replica === replica.config.replica);
  return { place: at === -1 ? followers.length : at, count: view.members.length };
}

/** What a snapshot of the size of the last one takes; 0 for all that are small. */
function shareMs({ snapshot, bounds }: Replica): number {
  return Math.floor((snapshot?.sizeBytes ?? 0) / bounds.snapshotBytesPerMs);
}

/** From when on a checkpoint that is wanted may begin. */
function turnMs(replica: Replica, nowMs: number): number {
  const ms = shareMs(replica);
  if (ms === 0) return nowMs;
  const { place, count } = placeOf(replica);
  const { wantedAtMs, finishedAtMs } = replica.turns;
  return Math.max((wantedAtMs ?? nowMs) + place * ms, (finishedAtMs ?? Number.NEGATIVE_INFINITY) + (count - 1) * ms);
}

export function isTurn({ replica, nowMs }: Turn): boolean {
  return nowMs >= turnMs(replica, nowMs);
}

export function noteFinished({ replica, nowMs }: Turn): void {
  replica.turns.finishedAtMs = shareMs(replica) > 0 || intervalMs(replica) > 0 ? nowMs : null;
}

/** So much time between two checkpoints brings one about by itself; 0: none does. */
function intervalMs({ knobs }: Replica): number {
  return knobs.checkpointIntervalMs ?? 0;
}

export function isTimeUp({ replica, nowMs }: Turn): boolean {
  const ms = intervalMs(replica);
  if (ms === 0) return false;
  // Of the time before the process nothing is known.
  replica.turns.finishedAtMs ??= nowMs;
  return nowMs - replica.turns.finishedAtMs >= ms;
}

/** At the end of each turn. `wanted`: there is a reason for a checkpoint; `possible`: one would have something to hold. */
export function settleTurns({ replica, nowMs }: Turn, wanted: boolean, possible: boolean): void {
  const { turns } = replica;
  turns.wakeMs = Number.POSITIVE_INFINITY;
  if (!wanted) {
    turns.wantedAtMs = null;
    const ms = intervalMs(replica);
    const dueMs = (turns.finishedAtMs ?? nowMs) + ms;
    if (possible && ms > 0 && dueMs > nowMs) turns.wakeMs = dueMs;
    return;
  }
  if (turnMs(replica, nowMs) <= nowMs) return;
  turns.wantedAtMs ??= nowMs;
  turns.wakeMs = turnMs(replica, nowMs);
}
