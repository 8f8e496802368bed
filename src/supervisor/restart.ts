import { type Presence, presentSince, type Stamp } from "../detection/absence.js";

/** When and after what a component is started again. Holds no state of the protocol: only lives and delays. */
export const RESTART_DELAY_MS_MIN = 20;
export const RESTART_DELAY_MS_MAX = 2_000;
/** Who lived so long has done its work and is not in a crash loop: a start takes a fraction of it. Clients may be waiting for this component. */
const STEADY_LIFE_MS = 2_000;

/** How long to wait before the next start. Doubles from life to life, unless the last one was long. */
export function restartDelayMs(lastDelayMs: number, livedMs: number): number {
  if (livedMs >= STEADY_LIFE_MS) return RESTART_DELAY_MS_MIN;
  return Math.min(RESTART_DELAY_MS_MAX, Math.max(RESTART_DELAY_MS_MIN, lastDelayMs * 2));
}

export interface LifeSigns {
  /** Since when the kernel calls it stopped. */
  readonly stoppedSince: Stamp | null;
  /** Since when a probe waits for its answer; null when none is open, or when this process has never answered one. */
  readonly unansweredSince: Stamp | null;
  /** How much of the time since then it was ready to run, and others had the processor. */
  readonly starvedMs: number;
}

/** So many time-outs at most are forgiven: a loop without end waits for the processor like everybody, and must be found on a busy machine too. */
const FORGIVEN_TIMEOUTS_MAX = 4;

/**
 * Why a component must be killed and started again, or null. Time in which the supervisor itself was away does not count, nor does time in
 * which the component could not have answered, since it was given no processor: a new process would have to wait for it as well.
 */
export function whyKill(signs: LifeSigns, presence: Presence, nowMs: number, silenceTimeoutMs: number): string | null {
  if (signs.stoppedSince !== null && presentSince(presence, signs.stoppedSince, nowMs) >= silenceTimeoutMs)
    return `stopped for more than ${silenceTimeoutMs} ms`;
  const forgivenMs = Math.min(signs.starvedMs, FORGIVEN_TIMEOUTS_MAX * silenceTimeoutMs);
  if (signs.unansweredSince !== null && presentSince(presence, signs.unansweredSince, nowMs) - forgivenMs >= silenceTimeoutMs)
    return `has not answered for more than ${silenceTimeoutMs} ms`;
  return null;
}
