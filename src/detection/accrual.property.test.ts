import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ARRIVALS_MIN, ARRIVALS_WINDOW, createArrivals, forgetGaps, noteGap, quickestMs, suspicionThresholdMs } from "./accrual.js";

const gaps = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 200 });
const timeouts = fc.double({ min: 2, max: 300_000, noNaN: true });

function arrivalsAfter(history: readonly number[]) {
  const arrivals = createArrivals();
  for (const gapMs of history) noteGap(arrivals, gapMs);
  return arrivals;
}

describe("accrual detector", () => {
  test("is never slower than the time-out setting and never quicker than two thirds of it", () => {
    fc.assert(
      fc.property(gaps, timeouts, (history, timeoutMs) => {
        const thresholdMs = suspicionThresholdMs(arrivalsAfter(history), timeoutMs);
        expect(thresholdMs).toBeLessThanOrEqual(timeoutMs);
        expect(thresholdMs).toBeGreaterThanOrEqual(quickestMs(timeoutMs));
      }),
    );
  });

  test("a gap in the window, seen again, is not suspicious unless it reaches the time-out", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: ARRIVALS_MIN, maxLength: ARRIVALS_WINDOW }),
        timeouts,
        (history, timeoutMs) => {
          const thresholdMs = suspicionThresholdMs(arrivalsAfter(history), timeoutMs);
          for (const gapMs of history) expect(gapMs < thresholdMs || thresholdMs === timeoutMs || gapMs === 0).toBe(true);
        },
      ),
    );
  });

  test("only the last gaps count: what came before the window is forgotten", () => {
    fc.assert(
      fc.property(
        gaps,
        fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: ARRIVALS_WINDOW, maxLength: ARRIVALS_WINDOW }),
        (old, recent) => {
          expect(suspicionThresholdMs(arrivalsAfter([...old, ...recent]), 150)).toBeCloseTo(
            suspicionThresholdMs(arrivalsAfter(recent), 150),
            6,
          );
        },
      ),
    );
  });

  test("asking in between changes nothing, and what is forgotten says nothing", () => {
    fc.assert(
      fc.property(gaps, gaps, timeouts, (before, after, timeoutMs) => {
        const asked = createArrivals();
        for (const gapMs of [...before, ...after]) {
          noteGap(asked, gapMs);
          suspicionThresholdMs(asked, timeoutMs);
        }
        expect(suspicionThresholdMs(asked, timeoutMs)).toBe(suspicionThresholdMs(arrivalsAfter([...before, ...after]), timeoutMs));
        forgetGaps(asked);
        for (const gapMs of after) noteGap(asked, gapMs);
        expect(suspicionThresholdMs(asked, timeoutMs)).toBe(suspicionThresholdMs(arrivalsAfter(after), timeoutMs));
      }),
    );
  });

  test("with too little history the setting alone decides; a steady one makes it quicker, a noisy one does not", () => {
    expect(suspicionThresholdMs(arrivalsAfter([20, 20, 20]), 150)).toBe(150);
    expect(suspicionThresholdMs(arrivalsAfter(Array.from({ length: 20 }, () => 20)), 150)).toBe(100);
    expect(suspicionThresholdMs(arrivalsAfter([...Array.from({ length: 20 }, () => 20), 62]), 150)).toBeCloseTo(124, 6);
    expect(suspicionThresholdMs(arrivalsAfter([...Array.from({ length: 20 }, () => 20), 90]), 150)).toBe(150);
  });
});
