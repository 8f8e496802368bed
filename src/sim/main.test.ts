import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runSimulation, takeSeeds } from "./main.js";

let said = "";

beforeEach(() => {
  said = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
  vi.spyOn(process.stdout, "write").mockImplementation(() => true);
});

afterEach(() => vi.restoreAllMocks());

test.each([
  ["--seeds", "0"],
  ["--seeds", "1.5"],
  ["--seeds", "1e300"],
  ["--from", "-1"],
  ["--seed", "0.5"],
  ["--seed", "9007199254740992"],
  ["--workers", "0"],
  ["--minutes", "0"],
  ["--minutes", "Infinity"],
])("%s=%s is refused, in words", async (option, value) => {
  expect(await runSimulation([`${option}=${value}`])).toBe(2);
  expect(said).toMatch(new RegExp(`^${option} wants a .*number .*, not "${value}"`));
});

test("as many seeds are run as fit, however long that is, and no more than were asked for", () => {
  let nowMs = 1_000;
  const clock = (): number => nowMs;
  const month = takeSeeds({ from: 7, seeds: 1_000, minutes: 40_000 }, clock);
  expect([month(), month()]).toEqual([7, 8]);
  nowMs += 40_000 * 60_000 - 1;
  expect(month()).toBe(9);
  nowMs += 1;
  expect(month()).toBeNull();

  const last = takeSeeds({ from: Number.MAX_SAFE_INTEGER, seeds: 1, minutes: null }, clock);
  expect([last(), last()]).toEqual([Number.MAX_SAFE_INTEGER, null]);
});
