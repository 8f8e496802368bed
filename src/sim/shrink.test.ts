import { describe, expect, test } from "vitest";
import type { Plan } from "./plan.js";
import { runSeed } from "./run.js";
import { parseSeedLine, type Shape, shaped, shapeText, WHOLE } from "./shape.js";
import { shrink } from "./shrink.js";
import { drawStrikes } from "./storm.js";
import { drawPlan } from "./swarm.js";
import { timelineOf } from "./timeline.js";

/** Disks that lie: what was confirmed is gone when the power goes. */
function lying(seed: number): Plan {
  const drawn = drawPlan(seed);
  return {
    ...drawn,
    settings: { ...drawn.settings, diskLiesFromMs: 1_500 },
    spec: { ...drawn.spec, durability: "disk" },
    stormUntilMs: 3_800,
    faults: [
      { kind: "power-off", everyMs: 400 },
      { kind: "connection-reset", everyMs: 400 },
    ],
  };
}

describe("a run that fails", () => {
  test("is cut down to few strikes, which break the same rule, and whose story ends with it", { timeout: 120_000 }, async () => {
    let runs = 25;
    let shrunk = null;
    let seed = 0;
    while (shrunk === null) {
      seed += 1;
      shrunk = await shrink(seed, lying(seed), () => runs-- > 0);
    }
    const plan = shaped(lying(seed), shrunk.shape);
    expect(shrunk.violation.rule).toMatch(/^S5/);
    expect(shrunk.strikesBefore).toBeGreaterThan(5);
    expect(plan.strikes?.length).toBeLessThan(shrunk.strikesBefore / 2);
    expect((await runSeed(seed, { plan })).violation).toEqual(shrunk.violation);
    const timeline = await timelineOf(seed, plan);
    expect(timeline.at(-1)).toContain("VIOLATION S5");
    expect(timeline.some((line) => line.includes("power-off"))).toBe(true);
  });

  test("without one strike of it, the others come as they came", async () => {
    const plan = drawPlan(5);
    const strikes = drawStrikes(5, plan).map(({ number }) => number);
    const lines: string[] = [];
    await runSeed(5, {
      plan: { ...plan, strikes: strikes.slice(1) },
      print: (text, line) => void (line.place === "storm" && lines.push(text)),
    });
    expect(lines.filter((line) => line.includes("strike "))).toHaveLength(strikes.length - 1);
  });
});

describe("a line that keeps a seed", () => {
  test("is read as it is written", () => {
    const shape: Shape = { strikes: [3, 17], clients: 1, threads: null, replicas: 2, hosts: null, without: ["bounds", "codec"] };
    expect(parseSeedLine(`42 ${shapeText(shape)} what it was`)).toEqual({ seed: 42, shape, why: "what it was" });
    expect(parseSeedLine("42 strikes=none x=y")).toBe('"x=y" says nothing');
    expect(parseSeedLine("7 a word with = in it")).toEqual({ seed: 7, shape: WHOLE, why: "a word with = in it" });
    expect(parseSeedLine("seven")).toMatch("a line begins with a seed");
    expect(parseSeedLine("7 without=gravity")).toBe("a run cannot do without gravity");
  });
});
