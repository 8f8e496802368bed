import { describe, expect, test } from "vitest";
import { addToBatch, createBatch, failureText, MARKS_FROM_SEEDS, missingMarks, reportOfRun } from "./batch.js";
import { FAULTS } from "./faults.js";
import { runSeed } from "./run.js";

const FROM = 1_000;
const COUNT = MARKS_FROM_SEEDS;
const PART = 25;

/** What is to be seen beside the marks that every batch insists on: each kind of fault, and what has a check of its own. */
const ALSO_WANTED = [
  ...Object.keys(FAULTS).map((kind) => `fault-${kind}`),
  ..."message-replayed client-restarted call-recovered key-retried read-session-resumed answer-compared order-compared".split(" "),
  ..."recover-rebuild recover-refused closed-by-loss".split(" "),
];

describe("the swarm", () => {
  const batch = createBatch();

  // In parts, so that each is well within the time of a test.
  test.for(Array.from({ length: COUNT / PART }, (_, i) => FROM + i * PART))(
    "S1-S9: no violation in 25 seeds from %i",
    { timeout: 240_000 },
    async (from) => {
      for (let seed = from; seed < from + PART; seed++) {
        const report = reportOfRun(await runSeed(seed));
        addToBatch(batch, report);
        if (report.failure !== null) console.error(failureText(report));
        expect(report.failure?.rule ?? null, `seed ${seed}`).toBeNull();
      }
    },
  );

  test("the batch reached everything that it has to", () => {
    expect(batch.seedCount).toBe(COUNT);
    expect(missingMarks(batch)).toEqual([]);
    expect(ALSO_WANTED.filter((name) => !batch.marks.has(name))).toEqual([]);
    expect(batch.countedCount).toBeGreaterThan(COUNT * 0.8);
  });
});
