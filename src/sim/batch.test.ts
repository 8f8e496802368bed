import { describe, expect, test } from "vitest";
import { addToBatch, batchText, createBatch, MARKS_FROM_SEEDS, MARKS_WANTED, missingMarks, reportOfRun, type SeedReport } from "./batch.js";
import type { Plan } from "./plan.js";
import { runSeed } from "./run.js";
import { drawPlan } from "./swarm.js";

const PASSED: SeedReport = {
  ...{ seed: 1, digest: "", counted: true, closed: false, virtualMs: 1_000, recoveryMs: 500, completedCount: 200 },
  marks: MARKS_WANTED.map((name) => [name, 1] as const),
  failure: null,
};

describe("a batch", () => {
  test("is blind where a mark stays at zero, once it is large enough to say so", () => {
    const batch = createBatch();
    const [unreached, ...marks] = PASSED.marks;
    for (let i = 1; i < MARKS_FROM_SEEDS; i++) addToBatch(batch, { ...PASSED, marks });
    expect(missingMarks(batch)).toEqual([]);
    addToBatch(batch, { ...PASSED, marks });
    expect(missingMarks(batch)).toEqual([unreached?.[0]]);
    addToBatch(batch, PASSED);
    expect(missingMarks(batch)).toEqual([]);
  });

  test("does not count what was too little", () => {
    const batch = createBatch();
    for (const counted of [true, false, true]) addToBatch(batch, { ...PASSED, counted });
    expect(batchText(batch)).toMatch(/^3 seeds \(2 counted\)/);
  });
});

describe("a run in which too little happened passes, and does not count:", () => {
  const faults = ["kill-server", "kill-gfd", "connection-reset"].map((kind) => ({ kind, everyMs: 400 }));
  const whole: Plan = { ...drawPlan(3), faults, clientCount: 3, threadsPerClient: 2, thinkMs: 10, slowHandlers: false };
  const three: Plan = { ...whole, spec: { ...whole.spec, replicas: 3, durability: "disk" }, hostCount: 3 };
  const cases: readonly (readonly [string, Plan, boolean])[] = [
    ["enough of all", three, true],
    ["two kinds of fault", { ...three, faults: faults.slice(0, 2) }, false],
    ["two kinds of fault and a change by hand", { ...three, faults: [...faults.slice(0, 2), { kind: "hand-over", everyMs: 400 }] }, false],
    ["few operations", { ...three, clientCount: 1, threadsPerClient: 1, thinkMs: 2_000 }, false],
    [
      "no view change",
      {
        ...three,
        faults: ["kill-client", "pause-client", "last-words"].map((kind) => ({ kind, everyMs: 900 })),
        spec: { ...three.spec, replicas: 1 },
        hostCount: 1,
      },
      false,
    ],
  ];
  test.for(cases)("%s", { timeout: 60_000 }, async ([, plan, counted]) => {
    const report = reportOfRun(await runSeed(3, { plan }));
    expect(report.failure).toBeNull();
    expect(report.counted).toBe(counted);
  });
});
