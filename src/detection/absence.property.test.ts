import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ABSENCE_TOLERANCE_MS, createPresence, noteDue, noteStep, presentSince, stamp } from "./absence.js";

const INTERVAL_MS = 20;

describe("own absence", () => {
  test("time that the detector was away is in no silence; time that it was present is in full", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 50 }), (lateness) => {
        const presence = createPresence();
        let nowMs = 1_000;
        noteDue(presence, nowMs + INTERVAL_MS);
        const start = stamp(presence, nowMs);
        let presentMs = 0;
        for (const lateMs of lateness) {
          nowMs += INTERVAL_MS + lateMs;
          noteStep(presence, nowMs);
          noteStep(presence, nowMs);
          presentMs += INTERVAL_MS + (lateMs > ABSENCE_TOLERANCE_MS ? 0 : lateMs);
          noteDue(presence, nowMs + INTERVAL_MS);
        }
        expect(presentSince(presence, start, nowMs)).toBe(presentMs);
      }),
    );
  });

  test("events that come before the wake-up are no absence, however many", () => {
    const presence = createPresence();
    noteDue(presence, 100);
    for (let nowMs = 0; nowMs <= 100; nowMs += 1) expect(noteStep(presence, nowMs)).toBe(0);
    expect(noteStep(presence, 1_100)).toBe(1_000);
  });

  test("a detector that asked for no wake-up was not away, whatever the time", () => {
    const presence = createPresence();
    expect(noteStep(presence, 1e9)).toBe(0);
  });
});
