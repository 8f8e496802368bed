/**
 * An accrual detector (Hayashibara et al. 2004) whose scale is the observed gaps between arrivals. The original evaluates a normal
 * distribution; `Math.exp` and `Math.log` differ between versions of Node, and what is simulated must not, so suspicion here is the
 * quotient of the silence and a threshold made from mean, mean deviation and maximum of the window (as the time-out of TCP, RFC 6298).
 */
export interface Arrivals {
  /** Ring of the last gaps, in milliseconds. */
  readonly gapsMs: number[];
  nextSlot: number;
}

export const ARRIVALS_WINDOW = 64;
/** Below so many gaps nothing is known about what is usual: the time-out setting alone decides. */
export const ARRIVALS_MIN = 8;
const DEVIATIONS = 8;
const MAXIMUM_FACTOR = 2;

export function createArrivals(): Arrivals {
  return { gapsMs: [], nextSlot: 0 };
}

export function noteGap(arrivals: Arrivals, gapMs: number): void {
  if (!(gapMs >= 0)) return;
  if (arrivals.gapsMs.length < ARRIVALS_WINDOW) {
    arrivals.gapsMs.push(gapMs);
    return;
  }
  arrivals.gapsMs[arrivals.nextSlot] = gapMs;
  arrivals.nextSlot = (arrivals.nextSlot + 1) % ARRIVALS_WINDOW;
}

/** After the interval was set anew the old gaps say nothing. */
export function forgetGaps(arrivals: Arrivals): void {
  arrivals.gapsMs.length = 0;
  arrivals.nextSlot = 0;
}

/**
 * The silence in milliseconds that counts as suspicious. It follows what is observed, between two thirds of the time-out and the
 * time-out itself: a quiet history makes the detector quicker, never so quick that the setting loses its meaning, and a noisy one
 * never makes it slower than the setting.
 */
export function suspicionThresholdMs(arrivals: Arrivals, suspicionTimeoutMs: number): number {
  const count = arrivals.gapsMs.length;
  if (count < ARRIVALS_MIN) return suspicionTimeoutMs;
  let sumMs = 0;
  let maximumMs = 0;
  for (const gapMs of arrivals.gapsMs) {
    sumMs += gapMs;
    maximumMs = Math.max(maximumMs, gapMs);
  }
  const meanMs = sumMs / count;
  let deviationSumMs = 0;
  for (const gapMs of arrivals.gapsMs) deviationSumMs += Math.abs(gapMs - meanMs);
  const observedMs = Math.max(meanMs + (DEVIATIONS * deviationSumMs) / count, MAXIMUM_FACTOR * maximumMs);
  return Math.min(suspicionTimeoutMs, Math.max(quickestMs(suspicionTimeoutMs), observedMs));
}

/** Two thirds of the time-out: with the default of 150 ms this is `stoppedGraceMs`, 100 ms. */
export function quickestMs(suspicionTimeoutMs: number): number {
  return (suspicionTimeoutMs * 2) / 3;
}
