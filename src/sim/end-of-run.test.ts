/** That a run ends with a look at every server there is, and with what is found there. */
import { expect, test, vi } from "vitest";
import { InvariantViolation } from "../vocabulary/assert.js";
import { runSeed } from "./run.js";
import { drawPlan } from "./swarm.js";

const looked = vi.hoisted(() => ({ since: [] as string[], finds: (): void => {} }));

vi.mock("../server/core/invariants.js", async (importOriginal) => {
  const original = await importOriginal<typeof import("../server/core/invariants.js")>();
  return {
    ...original,
    checkAll(replica: Parameters<typeof original.checkAll>[0]) {
      original.checkAll(replica);
      looked.since.push(replica.config.replica);
      looked.finds();
    },
  };
});

const drawn = drawPlan(3);
const plan = {
  ...{ ...drawn, faults: [], hostCount: 3, stormUntilMs: 1_000, clientCount: 2, threadsPerClient: 2, thinkMs: 10, slowHandlers: false },
  spec: { ...drawn.spec, replicas: 3, durability: "disk" as const },
};

test("after all that happened, each server is looked over, and what is found is a violation", { timeout: 60_000 }, async () => {
  let lines = 0;
  const passed = await runSeed(3, {
    plan,
    print() {
      lines += 1;
      looked.since.length = 0;
    },
  });
  expect(passed.violation).toBeNull();
  expect([...new Set(looked.since)]).toHaveLength(3);
  looked.finds = () => {
    if (lines === 0) throw new InvariantViolation("L1 violated: at the end");
  };
  const { violation } = await runSeed(3, {
    plan,
    print() {
      lines -= 1;
    },
  });
  expect(violation?.rule).toBe("L1 violated: at the end");
});
