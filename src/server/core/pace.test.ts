import { expect, it } from "vitest";
import { createPace, PACED_REQUESTS_MIN, requestsMax } from "./pace.js";

it("lets few requests wait however slow the group is", () => {
  const pace = createPace(0);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 100)
    expect(requestsMax(pace, nowMs, 1, PACED_REQUESTS_MIN - 1)).toBe(Number.POSITIVE_INFINITY);
});

it("lets many wait only as far as two seconds of work go", () => {
  const pace = createPace(0);
  expect(requestsMax(pace, 0, 100, 1_000)).toBe(Number.POSITIVE_INFINITY);
  expect(requestsMax(pace, 600, 400, 1_000)).toBeCloseTo(((400 - 0) / 600) * 2_000);
  // A faster half second is believed.
  expect(requestsMax(pace, 1_200, 1_600, 1_000)).toBe(4_000);
  expect(requestsMax(pace, 1_300, 1_700, 1_000)).toBe(4_000);
});

it("never fewer than the smallest queue, and takes a stop for no pace", () => {
  const pace = createPace(0);
  expect(requestsMax(pace, 1_000, 10, 1_000)).toBe(PACED_REQUESTS_MIN);
  expect(requestsMax(pace, 2_000, 2_010, 1_000)).toBe(4_000);
  expect(requestsMax(pace, 3_000, 2_010, 1_000)).toBe(4_000);
});

it("begins anew once the queue is short", () => {
  const pace = createPace(0);
  expect(requestsMax(pace, 1_000, 10, 1_000)).toBe(PACED_REQUESTS_MIN);
  expect(requestsMax(pace, 1_100, 12, 3)).toBe(Number.POSITIVE_INFINITY);
  expect(requestsMax(pace, 1_200, 14, 1_000)).toBe(Number.POSITIVE_INFINITY);
});
