import { describe, expect, test } from "vitest";
import type { Pulse } from "../vocabulary/verdict.js";
import { createPulseHistory, judgePulse, pulseLimits, SLOW_ANSWERS, STEADY_ANSWERS } from "./pulse.js";

const limits = pulseLimits(150, 5_000);

function pulse(change: Partial<Pulse> = {}): Pulse {
  return { workCount: 1, eventLoopDelayMs: 1, heapBytes: 1, oldestFsyncMs: 0, stuckMs: 0, executing: null, ...change };
}

describe("pulse", () => {
  test("an answering process whose work waits and does not get done is stuck, though its loop turns, and the request is named", () => {
    const history = createPulseHistory();
    const finding = judgePulse(history, pulse({ workCount: 8, stuckMs: 5_160, executing: "key-1" }), limits);
    expect(finding).toEqual({ kind: "stuck", reason: "no progress for 5160 ms while work waits, executing key-1" });
    expect(judgePulse(history, pulse({ workCount: 9, stuckMs: 0 }), limits).kind).toBe("well");
  });

  test("work that waits within a handler's time limit is no standstill, nor is having nothing to do", () => {
    const history = createPulseHistory();
    for (let stuckMs = 0; stuckMs <= 5_150; stuckMs += 50) expect(judgePulse(history, pulse({ stuckMs }), limits).kind).toBe("well");
    for (let count = 0; count < 100; count += 1) expect(judgePulse(history, pulse({ workCount: 9 }), limits).kind).toBe("well");
  });

  test.each([
    ["a slow disk", { oldestFsyncMs: 1_500 }, "a write or flush to disk"],
    ["a late event loop", { eventLoopDelayMs: 400 }, "the event loop"],
  ])("%s degrades after several answers in a row, keeps its first reason, and is forgiven slowly", (_what, change, words) => {
    const history = createPulseHistory();
    for (let count = 1; count < SLOW_ANSWERS; count += 1) expect(judgePulse(history, pulse(change), limits).kind).toBe("well");
    const finding = judgePulse(history, pulse(change), limits);
    expect(finding).toMatchObject({ kind: "slow", reason: expect.stringContaining(words) });
    expect(judgePulse(history, pulse({ eventLoopDelayMs: 900 }), limits)).toEqual(finding);
    for (let count = 1; count < STEADY_ANSWERS; count += 1) expect(judgePulse(history, pulse(), limits).kind).toBe("slow");
    expect(judgePulse(history, pulse(), limits).kind).toBe("well");
  });
});
