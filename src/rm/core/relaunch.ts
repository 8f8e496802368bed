import type { ReplicaId } from "../../vocabulary/ids.js";
import { announce } from "./announce.js";
import { backoffMs } from "./attempt.js";
import type { RmEffect } from "./effect.js";
import { lifeOf } from "./sight.js";
import type { Order } from "./order-record.js";
import { type GroupState, type Rm, type Sight, type Starts, wakeAt } from "./state.js";

export function startsOf(group: GroupState, replica: ReplicaId): Starts {
  let starts = group.starts.get(replica);
  if (starts === undefined) {
    starts = { pendingTicket: null, afterLife: null, orderedMs: null, shortLives: 0, dueMs: null, crashLoop: false, lastReason: "" };
    group.starts.set(replica, starts);
  }
  return starts;
}

/** Who has lived longer than those before is out of it, though that is not noted before its next death. */
export function isInCrashLoop(rm: Rm, nowMs: number, group: GroupState, replica: ReplicaId): boolean {
  if (group.starts.get(replica)?.crashLoop !== true) return false;
  const sight = rm.sights.get(replica);
  return sight === undefined || sight.verdict === "gone" || nowMs - sight.bornMs < rm.config.timing.shortLifeMs;
}

/**
 * May the dead process of this replica be started now? A first death is followed by a start at once; a process that dies young again and
 * again is started with a growing wait, and reported as a crash loop.
 */
export function startIsDue(rm: Rm, nowMs: number, group: GroupState, sight: Sight, effects: RmEffect[]): boolean {
  const starts = startsOf(group, sight.replica);
  if (starts.pendingTicket !== null) return false;
  const life = lifeOf(sight);
  if (starts.afterLife === life && starts.orderedMs !== null) {
    // Ordered already; its death has not been told yet, or it never came to life.
    const againMs = starts.orderedMs + rm.config.timing.startTimeoutMs;
    if (nowMs < againMs) {
      wakeAt(rm, nowMs, againMs);
      return false;
    }
    starts.afterLife = null;
  }
  if (starts.dueMs === null) noteEnd(rm, nowMs, group, sight, starts, effects);
  const dueMs = starts.dueMs ?? nowMs;
  if (nowMs < dueMs) wakeAt(rm, nowMs, dueMs);
  return nowMs >= dueMs;
}

function noteEnd(rm: Rm, nowMs: number, group: GroupState, sight: Sight, starts: Starts, effects: RmEffect[]): void {
  const { timing } = rm.config;
  const life = starts.orderedMs === null ? "long" : howItDied(rm, nowMs, group, sight);
  starts.shortLives = life === "long" ? 0 : starts.shortLives + 1;
  starts.lastReason = sight.reason;
  // Who is killed as soon as it is back may have been unlucky: the second time in a row tells.
  const waits = life === "as-member" ? starts.shortLives - 1 : starts.shortLives;
  starts.dueMs = nowMs + (waits <= 0 ? 0 : backoffMs(timing.relaunchMsMin, timing.relaunchMsMax, waits - 1));
  const loops = starts.shortLives >= timing.crashLoopAfter;
  if (loops && !starts.crashLoop) {
    const when = life === "as-member" ? "each admission to a view" : "each start";
    const text = `${sight.replica} dies right after ${when} (${starts.shortLives} times, last: ${sight.reason}); it is started again every ${timing.relaunchMsMax} ms at most. See its log: troupe logs ${sight.replica}`;
    announce(effects, "crash-loop", text, {
      group: group.group,
      replica: sight.replica,
      host: sight.host,
      data: { times: starts.shortLives },
    });
  }
  starts.crashLoop = loops;
}

/** A life in which it was admitted to a view was a good one, however short, unless it ended right after that. */
function howItDied(rm: Rm, nowMs: number, group: GroupState, sight: Sight): "young" | "as-member" | "long" {
  const { shortLifeMs, shortMemberMs } = rm.config.timing;
  const diedMs = sight.verdict === "gone" ? sight.verdictSinceMs : nowMs;
  const admittedMs = group.admittedMs.get(sight.replica) ?? Number.NEGATIVE_INFINITY;
  if (admittedMs >= sight.bornMs) return diedMs - admittedMs < shortMemberMs ? "as-member" : "long";
  // One that never came to register was no life, however long its start took.
  return sight.bootId === null || diedMs - sight.bornMs < shortLifeMs ? "young" : "long";
}

export function noteStartOrdered(nowMs: number, group: GroupState, sight: Sight, ticket: number): void {
  const starts = startsOf(group, sight.replica);
  starts.pendingTicket = ticket;
  starts.afterLife = lifeOf(sight);
  starts.orderedMs = nowMs;
  starts.dueMs = null;
}

export function onStartAnswered(rm: Rm, nowMs: number, order: Order, error: string | null, effects: RmEffect[]): void {
  const group = rm.groups.get(order.group);
  if (group === undefined) return;
  const { timing } = rm.config;
  const starts = startsOf(group, order.replica);
  starts.pendingTicket = null;
  starts.orderedMs = nowMs;
  if (error === null) {
    announce(effects, "started", `${order.replica} was started on ${order.host}`, {
      group: order.group,
      replica: order.replica,
      host: order.host,
    });
    return;
  }
  starts.shortLives += 1;
  starts.lastReason = error;
  starts.afterLife = null;
  starts.dueMs = nowMs + backoffMs(timing.relaunchMsMin, timing.relaunchMsMax, starts.shortLives - 1);
  starts.crashLoop = starts.shortLives >= timing.crashLoopAfter;
}
