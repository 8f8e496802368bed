/**
 * How fast the group gets its work done while much of it waits. A queue that is bounded in number alone is a long one where handlers are
 * slow: what is admitted would time out there, after having kept everybody else waiting (Huang et al., Metastable Failures, OSDI 2022).
 */
export interface Pace {
  sinceMs: number;
  sinceIndex: number;
  /** Entries applied in a millisecond; Infinity while that is not known or nothing holds anybody up. */
  perMs: number;
}

/** With fewer requests than this nobody is refused for the time that they take: bursts, and stalls of a moment, are no overload. */
export const PACED_REQUESTS_MIN = 256;
const WINDOW_MS = 500;
/** What is admitted should be answered in about so long: a fraction of the default time-out of a client. */
const WAIT_MS = 2_000;

export function createPace(nowMs: number): Pace {
  return { sinceMs: nowMs, sinceIndex: 0, perMs: Number.POSITIVE_INFINITY };
}

/** Notes where the group is, and says how many requests may wait. Asked at each admission. */
export function requestsMax(pace: Pace, nowMs: number, appliedIndex: number, pendingCount: number): number {
  if (pendingCount < PACED_REQUESTS_MIN) {
    pace.sinceMs = nowMs;
    pace.sinceIndex = appliedIndex;
    pace.perMs = Number.POSITIVE_INFINITY;
    return Number.POSITIVE_INFINITY;
  }
  if (nowMs - pace.sinceMs >= WINDOW_MS) {
    // No progress at all is no pace: the group waits for a quorum, and not for its handlers.
    if (appliedIndex > pace.sinceIndex) pace.perMs = (appliedIndex - pace.sinceIndex) / (nowMs - pace.sinceMs);
    pace.sinceMs = nowMs;
    pace.sinceIndex = appliedIndex;
  }
  return Math.max(PACED_REQUESTS_MIN, pace.perMs * WAIT_MS);
}
