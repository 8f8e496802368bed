import { epochText } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { announce } from "./announce.js";
import type { RmEffect } from "./effect.js";
import type { Damping, GroupState, Rm, ViewChange } from "./state.js";

/** S1b: every attempt has an epoch of its own, of this term. */
export function startAttempt(rm: Rm, nowMs: number, group: GroupState, change: ViewChange, startMs: number): void {
  group.counter += 1;
  change.epoch = [rm.store.stored.term, group.counter];
  change.attempt += 1;
  change.phase = "sealing";
  change.answers = new Map();
  change.strangers = new Map();
  change.view = null;
  change.leaderBootId = null;
  change.attemptMs = Math.max(nowMs, startMs);
  change.resendMs = change.attemptMs;
  change.deadlineMs = Number.POSITIVE_INFINITY;
  change.quorumMs = null;
  change.sealedMs = null;
  change.ledMs = null;
  change.writtenMs = null;
}

/** The attempt failed: the next starts from the same last active view (S4), at once the first time, then with a growing wait. */
export function retryChange(rm: Rm, nowMs: number, group: GroupState, change: ViewChange, reason: string, effects: RmEffect[]): void {
  const { timing } = rm.config;
  group.failures += 1;
  const waitMs = group.failures < 2 ? 0 : backoffMs(timing.attemptMsMin, timing.attemptMsMax, group.failures - 2);
  announce(effects, "attempt-failed", `group ${group.group}: attempt ${epochText(change.epoch)} failed: ${reason}; next in ${waitMs} ms`, {
    group: group.group,
    data: { epoch: epochText(change.epoch), attempt: change.attempt },
  });
  const learner = change.aim.admit;
  if (learner !== null) {
    // A failed admission returns at once to the old membership, and that replica waits longer (PROTOCOL section 4).
    dampAdmission(rm, nowMs, group, learner.replica);
    announce(effects, "admission-failed", `${learner.replica} was not admitted: ${reason}`, {
      group: group.group,
      replica: learner.replica,
    });
    change.aim = { ...change.aim, admit: null, cause: "restart" };
  }
  startAttempt(rm, nowMs, group, change, nowMs + waitMs);
}

/** A replica that has been well for so many times its last wait begins anew: a false suspicion now and then is no ping-pong. */
const WELL_WAITS = 10;

/** Each failure soon after the last one doubles the wait of that replica. */
export function dampAdmission(rm: Rm, nowMs: number, group: GroupState, replica: ReplicaId): void {
  const damping: Damping = group.admissions.get(replica) ?? { failures: 0, untilMs: 0 };
  if (damping.failures > 0 && nowMs - damping.untilMs >= WELL_WAITS * admissionWaitMs(rm, damping.failures)) damping.failures = 0;
  damping.failures += 1;
  damping.untilMs = nowMs + admissionWaitMs(rm, damping.failures);
  group.admissions.set(replica, damping);
}

/** From when on it may be admitted. Where nobody is served without it there is nothing to be kept from ping-pong: the first wait is enough. */
export function admissionDueMs(rm: Rm, group: GroupState, replica: ReplicaId, isServed: boolean): number {
  const { failures, untilMs } = group.admissions.get(replica) ?? { failures: 1, untilMs: 0 };
  return isServed ? untilMs : untilMs - admissionWaitMs(rm, failures) + admissionWaitMs(rm, 1);
}

function admissionWaitMs({ config: { timing } }: Rm, failures: number): number {
  return backoffMs(timing.admissionMsMin, timing.admissionMsMax, failures - 1);
}

/** `min` doubled `times` times, at most `max`. */
export function backoffMs(min: number, max: number, times: number): number {
  return Math.min(max, min * (1 << Math.min(Math.max(times, 0), 20)));
}
