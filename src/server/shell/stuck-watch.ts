import type { Executor } from "../../service/executor.js";

/**
 * For how long the executor has had work and finished none. Work that was not there at the last look began after it, at the earliest: between
 * two looks there may be an hour, of a detector or of this machine that was away.
 */
export function createStuckWatch(executor: Pick<Executor, "workCount" | "idle">): (nowMs: number) => number {
  let lastWork = -1;
  let wasIdle = true;
  let sinceMs = 0;
  return (nowMs) => {
    const work = executor.workCount();
    const isIdle = executor.idle();
    if (work !== lastWork || wasIdle || isIdle) sinceMs = nowMs;
    lastWork = work;
    wasIdle = isIdle;
    return nowMs - sinceMs;
  };
}
