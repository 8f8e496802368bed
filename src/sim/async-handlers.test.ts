import { expect, test } from "vitest";
import { checkLinearizability } from "../checker/linearizability.js";
import { modelNamed } from "../checker/models/index.js";
import { defineService } from "../service/define-service.js";
import { serviceMachine } from "../service/service-machine.js";
import { drained } from "./drained.js";
import type { Guest } from "./guest.js";
import { lifeOf, type RunResult } from "./run.js";
import { WORKLOADS } from "./services.js";
import { drawPlan } from "./swarm.js";
import { after, mark, type World } from "./world.js";

/** The register, with handlers that wait in the middle of a change: for nothing, for some milliseconds, or for longer than they may. */
function slowRegister(world: World) {
  const pause = (): Promise<void> | null => {
    const { workload } = world.chance;
    if (workload.happens(0.3)) return null;
    const forMs = workload.happens(0.03) ? 1_000 : workload.between(0.1, 8);
    return new Promise((resolve) => {
      after(world, forMs, resolve);
    });
  };
  return defineService({
    name: "register",
    state: () => ({ values: new Map<string, string>(), halfDone: false }),
    operations: {
      async put(state, { key, value }: { key: string; value: string }) {
        state.halfDone = true;
        state.values.set(key, value);
        await pause();
        state.halfDone = false;
      },
      async append(state, { key, value }: { key: string; value: string }) {
        state.halfDone = true;
        const before = state.values.get(key) ?? "";
        await pause();
        state.values.set(key, before + value);
        state.halfDone = false;
        return before + value;
      },
      async compareAndSet(state, { key, expected, value }: { key: string; expected: string | null; value: string }) {
        if ((state.values.get(key) ?? null) !== expected) return false;
        state.values.set(key, value);
        await pause();
        return true;
      },
      async remove(state, { key }: { key: string }) {
        await pause();
        return state.values.delete(key);
      },
    },
    queries: { get: (state, key: string) => state.values.get(key) ?? null },
    invariants: { "nothing is half done": (state) => !state.halfDone },
  });
}

async function runSlow(seed: number): Promise<RunResult> {
  const drawn = drawPlan(seed);
  const { opening, closing, next } = WORKLOADS.register;
  const guest: Guest = {
    opening,
    closing,
    next,
    machine: (world) => {
      const machine = serviceMachine(slowRegister(world));
      return {
        ...machine,
        abandon(why) {
          mark(world, why.startsWith("exceeded") ? "handler-timed-out" : "handler-taken-back");
          machine.abandon(why);
        },
      };
    },
  };
  const service = { ...drawn.spec.service, name: "register", styles: ["warm-passive"] as const };
  const spec = { ...drawn.spec, service, style: "warm-passive" as const, handlerTimeoutMs: 100 };
  const life = lifeOf(seed, { plan: { ...drawn, workload: "register", guest, spec } });
  for (;;) {
    const turn = life.next();
    if (turn.done === true) return turn.value;
    await drained();
  }
}

test("S1-S9: no violation with handlers that take their time", { timeout: 240_000 }, async () => {
  const marks = new Map<string, number>();
  const model = modelNamed("register");
  if (model === undefined) throw new Error("there is no model of a register");
  for (let seed = 1; seed <= 8; seed += 1) {
    const result = await runSlow(seed);
    if (result.violation !== null) console.error(result.tail.join("\n"));
    expect(result.violation, `seed ${seed}`).toBeNull();
    // A seed whose group stays closed, as it must, has open ends.
    if (!result.closed)
      expect(checkLinearizability(result.records, model, { exploredMax: 200_000 }).verdict, `seed ${seed}`).not.toBe("violation");
    for (const [name, count] of result.marks) marks.set(name, (marks.get(name) ?? 0) + count);
  }
  for (const name of ["handler-timed-out", "handler-taken-back", "outcome-refused-handler-timeout"])
    expect(marks.get(name) ?? 0, name).toBeGreaterThan(0);
  expect(marks.get("outcome-ok") ?? 0).toBeGreaterThan(1_000);
});
