/**
 * An accrual detector (Hayashibara et al. 2004) whose scale is the observed gaps between arrivals. The original evaluates a normal
 * distribution; `Math.exp` and `Math.log` differ between versions of Node, and what is simulated must not, so suspicion here is the
 * quotient of the silence and a threshold made from mean, mean deviation and maximum of the window (as the time-out of TCP, RFC 6298).
 */
export interface Arrivals {
  /** Ring of the last gaps, in milliseconds. */
  readonly gapsMs: number[];
  nextSlot: number;
  /** What the gaps say, until another one comes: it is asked for at every step of a detector, and for each that is watched. */
  usualMs: number | null;
}

export const ARRIVALS_WINDOW = 64;
/** Below so many gaps nothing is known about what is usual: the time-out setting alone decides. */
export const ARRIVALS_MIN = 8;
const DEVIATIONS = 8;
const MAXIMUM_FACTOR = 2;

export function createArrivals(): Arrivals {
  return { gapsMs: [], nextSlot: 0, usualMs: null };
}

export function noteGap(arrivals: Arrivals, gapMs: number): void {
  if (!(gapMs >= 0)) return;
  arrivals.usualMs = null;
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
  arrivals.usualMs = null;
}

/**
 * The silence in milliseconds that counts as suspicious. It follows what is observed, between two thirds of the time-out and the
 * time-out itself: a quiet history makes the detector quicker, never so quick that the setting loses its meaning, and a noisy one
 * never makes it slower than the setting.
 */
export function suspicionThresholdMs(arrivals: Arrivals, suspicionTimeoutMs: number): number {
  if (arrivals.gapsMs.length < ARRIVALS_MIN) return suspicionTimeoutMs;
  arrivals.usualMs ??= usualSilenceMs(arrivals.gapsMs);
  return Math.min(suspicionTimeoutMs, Math.max(quickestMs(suspicionTimeoutMs), arrivals.usualMs));
}

/** The longest silence that such gaps do not make suspicious. */
function usualSilenceMs(gapsMs: readonly number[]): number {
  let sumMs = 0;
  let maximumMs = 0;
  for (const gapMs of gapsMs) {
    sumMs += gapMs;
    maximumMs = Math.max(maximumMs, gapMs);
  }
  const meanMs = sumMs / gapsMs.length;
  let deviationSumMs = 0;
  for (const gapMs of gapsMs) deviationSumMs += Math.abs(gapMs - meanMs);
  return Math.max(meanMs + (DEVIATIONS * deviationSumMs) / gapsMs.length, MAXIMUM_FACTOR * maximumMs);
}

/** Two thirds of the time-out: with the default of 150 ms this is `stoppedGraceMs`, 100 ms. */
export function quickestMs(suspicionTimeoutMs: number): number {
  return (suspicionTimeoutMs * 2) / 3;
}
