import { sameEpoch } from "../../vocabulary/epoch.js";
import { holdsIncarnation, memberOf, type View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import type { GroupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { currentIncarnation, reportOf } from "./observation.js";
import { placeOrder } from "./order.js";
import { lifeOf } from "./sight.js";
import { type GroupState, type Rm, type Sight, type ViewChange, wakeAt } from "./state.js";
import { hasTold } from "./succession.js";

/**
 * Suspicion never kills by itself (PROTOCOL section 8): only a process that no active view names any more, and that stays suspected for
 * `killGraceMs` after that. Never one that is paused on purpose.
 */
export function killShed(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const view = record.activeView;
  if (group.change !== null) return;
  if (view === null) return killUnused(rm, nowMs, group, record, effects);
  if (group.activeEpoch === null || !sameEpoch(group.activeEpoch, view.epoch)) return;
  const due = suspects(rm, group, (sight) => !isNamed(view, sight));
  killAfter(rm, nowMs, group, due, rm.config.timing.killGraceMs, "in no active view", effects);
}

/**
 * Before the first view nobody has acknowledged anything (S4): who hangs then holds nothing that is needed, and a small group would wait for
 * it for ever. As long as the first view waits for the late it may be merely late. No attempt at that view is under way, and a process whose
 * kill is ordered takes part in none.
 */
function killUnused(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const { killGraceMs, firstViewMs } = rm.config.timing;
  const due = suspects(rm, group, (sight) => isUnused(record, sight));
  killAfter(rm, nowMs, group, due, Math.max(killGraceMs, firstViewMs), "not needed before the first view", effects);
}

/** The store may be older than the group (S1e). With `disk` a process comes back with what it holds; with `memory` its own word is needed. */
function isUnused(record: GroupRecord, sight: Sight): boolean {
  return record.spec.durability === "disk" || sight.bootId === null || reportOf(sight)?.activeView === null;
}

function killAfter(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  due: readonly Sight[],
  graceMs: number,
  why: string,
  effects: RmEffect[],
): void {
  group.kills = group.kills.filter((kill) => due.some((sight) => lifeOf(sight) === kill.life));
  for (const sight of due) {
    const life = lifeOf(sight);
    if (group.kills.some((kill) => kill.life === life)) continue;
    group.kills.push({ replica: sight.replica, life, dueMs: nowMs + graceMs });
  }
  for (const kill of group.kills) {
    const sight = rm.sights.get(kill.replica);
    if (sight === undefined) continue;
    if (nowMs < kill.dueMs) wakeAt(rm, nowMs, kill.dueMs);
    else killProcess(rm, nowMs, sight, `suspected (${sight.reason}) and ${why}`, effects);
  }
}

/** With `disk` only: no view change can succeed without an answer, and a process that does not answer is restarted with its log. */
export function killLastResort(
  rm: Rm,
  nowMs: number,
  group: GroupState,
  record: GroupRecord,
  change: ViewChange,
  effects: RmEffect[],
): void {
  if (record.spec.durability !== "disk") return;
  const awaited = suspects(
    rm,
    group,
    (sight) =>
      change.asked.some((member) => member.replica === sight.replica && !hasTold(group, member)) && !change.answers.has(sight.replica),
  );
  if (awaited.length === 0) return;
  const dueMs = change.beganMs + rm.config.timing.killGraceMs;
  if (nowMs < dueMs) {
    wakeAt(rm, nowMs, dueMs);
    return;
  }
  for (const sight of awaited)
    killProcess(rm, nowMs, sight, `suspected (${sight.reason}), and no view change succeeds without its answer`, effects);
}

function suspects(rm: Rm, group: GroupState, wanted: (sight: Sight) => boolean): Sight[] {
  return [...rm.sights.values()].filter(
    (sight) => sight.group === group.group && sight.verdict === "suspected" && !sight.paused && wanted(sight),
  );
}

function isNamed(view: View, sight: Sight): boolean {
  const incarnation = currentIncarnation(sight);
  return incarnation === null ? memberOf(view, sight.replica) !== undefined : holdsIncarnation(view, sight.replica, incarnation);
}

function killProcess(rm: Rm, nowMs: number, sight: Sight, reason: string, effects: RmEffect[]): void {
  const { replica, bootId, group, host } = sight;
  const ordered = placeOrder(
    rm,
    nowMs,
    { host, group, replica, purpose: "kill" },
    (ticket) => ({ kind: "kill-replica", ticket, replica, bootId, discard: false, reason }),
    effects,
  );
  if (ordered !== null) announce(effects, "kill-ordered", `${replica} is killed: ${reason}`, { group, replica, host });
}
