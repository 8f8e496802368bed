import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { failureText, reportOfRun } from "../../src/sim/batch.js";
import { runSeed } from "../../src/sim/run.js";
import { parseSeedLine, shaped } from "../../src/sim/shape.js";
import { drawPlan } from "../../src/sim/swarm.js";

const lines = readFileSync(fileURLToPath(new URL("./seeds.txt", import.meta.url)), "utf8")
  .split("\n")
  .filter((line) => line.trim() !== "" && !line.startsWith("#"));

test.for(lines)("seed %s", async (line) => {
  const kept = parseSeedLine(line);
  if (typeof kept === "string") throw new Error(kept);
  const { seed, shape } = kept;
  const report = reportOfRun(await runSeed(seed, { plan: shaped(drawPlan(seed), shape) }));
  if (report.failure !== null) console.error(failureText(report));
  expect(report.failure?.rule ?? null).toBeNull();
});

test("there are seeds to run again", () => {
  expect(lines.length).toBeGreaterThan(0);
});
