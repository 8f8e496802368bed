import { expect, test } from "vitest";
import { failureText, reportOfRun } from "./batch.js";
import { runSeed } from "./run.js";
import { drawPlan, withSlowHandlers } from "./swarm.js";

test("S1-S9: no violation with handlers that take their time", { timeout: 240_000 }, async () => {
  const marks = new Map<string, number>();
  for (let seed = 1; seed <= 8; seed += 1) {
    const report = reportOfRun(await runSeed(seed, { plan: withSlowHandlers(drawPlan(seed)) }));
    if (report.failure !== null) console.error(failureText(report));
    expect(report.failure?.rule ?? null, `seed ${seed}`).toBeNull();
    for (const [name, count] of report.marks) marks.set(name, (marks.get(name) ?? 0) + count);
  }
  for (const name of ["handler-timed-out", "handler-taken-back", "outcome-refused-handler-timeout"])
    expect(marks.get(name) ?? 0, name).toBeGreaterThan(0);
  expect(marks.get("outcome-ok") ?? 0).toBeGreaterThan(1_000);
});
