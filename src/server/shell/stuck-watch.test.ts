import { expect, test } from "vitest";
import { createStuckWatch } from "./stuck-watch.js";

test("a handler that runs at the first look after an hour is not stuck, and one that runs on is", () => {
  let work = 0;
  let idle = true;
  const stuckMs = createStuckWatch({ workCount: () => work, idle: () => idle });
  expect(stuckMs(1_000)).toBe(0);
  idle = false;
  expect(stuckMs(3_600_000)).toBe(0);
  expect(stuckMs(3_600_500)).toBe(500);
  // It ended, and the next one began.
  work = 1;
  expect(stuckMs(7_200_000)).toBe(0);
  expect(stuckMs(7_200_300)).toBe(300);
  idle = true;
  expect(stuckMs(7_200_600)).toBe(0);
});
