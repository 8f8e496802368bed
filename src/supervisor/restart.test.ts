import { expect, test } from "vitest";
import { createPresence, noteDue, noteStep, stamp } from "../detection/absence.js";
import { whyKill } from "./restart.js";

const TIMEOUT_MS = 2_000;
const TICK_MS = 200;

interface Silence {
  readonly ticksAtMs: readonly number[];
  readonly stopped?: boolean;
  readonly starvedShare?: number;
}

/** A component that never answers from 0 on. Returns when it is killed, or Infinity. */
function killedAtMs({ ticksAtMs, stopped = false, starvedShare = 0 }: Silence): number {
  const presence = createPresence();
  const since = stamp(presence, 0);
  noteDue(presence, TICK_MS);
  for (const nowMs of ticksAtMs) {
    noteStep(presence, nowMs);
    noteDue(presence, nowMs + TICK_MS);
    const signs = { stoppedSince: stopped ? since : null, unansweredSince: stopped ? null : since, starvedMs: starvedShare * nowMs };
    if (whyKill(signs, presence, nowMs, TIMEOUT_MS) !== null) return nowMs;
  }
  return Number.POSITIVE_INFINITY;
}

const everyTick = (untilMs: number): number[] => Array.from({ length: untilMs / TICK_MS }, (_, index) => (index + 1) * TICK_MS);

test("a component that is silent or stopped for the time-out is killed", () => {
  expect(killedAtMs({ ticksAtMs: everyTick(10_000) })).toBe(TIMEOUT_MS);
  expect(killedAtMs({ stopped: true, ticksAtMs: everyTick(10_000) })).toBe(TIMEOUT_MS);
});

test("a supervisor that was away itself has seen no silence in that time", () => {
  const ticksAtMs = everyTick(10_000).map((ms) => (ms === TICK_MS ? ms : ms + 5_000));
  for (const stopped of [false, true]) expect(killedAtMs({ stopped, ticksAtMs })).toBe(5_000 + TIMEOUT_MS);
});

test("a supervisor that is late at every tick counts only the time in which it was there", () => {
  expect(killedAtMs({ ticksAtMs: everyTick(1_800).map((ms) => ms * 10) })).toBe(Number.POSITIVE_INFINITY);
});

test("a component that others keep from the processor is given as much more time, within bounds", () => {
  expect(killedAtMs({ starvedShare: 0.5, ticksAtMs: everyTick(20_000) })).toBe(2 * TIMEOUT_MS);
  // A loop without end on a machine at ten times its load.
  expect(killedAtMs({ starvedShare: 0.9, ticksAtMs: everyTick(30_000) })).toBe(5 * TIMEOUT_MS);
  expect(killedAtMs({ stopped: true, starvedShare: 0.9, ticksAtMs: everyTick(10_000) })).toBe(TIMEOUT_MS);
});
