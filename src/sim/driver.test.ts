/** That what befalls a process between two effects of its core does so there. */
import { describe, expect, test } from "vitest";
import { hostId } from "../vocabulary/ids.js";
import { createSimDriver } from "./driver.js";
import { run } from "./scene.test-harness.js";
import { drawPlan } from "./swarm.js";
import { addHost, continueProcess, createWorld, endProcess, type SimProcess, startProcess, stopProcess, type World } from "./world.js";

interface Core {
  readonly world: World;
  readonly process: SimProcess;
  /** What it did, and what it heard. */
  readonly done: string[];
  hear(kind: string): void;
  run(): void;
}

/** A core that answers each event with three effects, and one that it is woken by: with one more. */
function newCore(): Core {
  const world = createWorld(1, drawPlan(1).settings, null);
  const process = startProcess(world, addHost(world, hostId("a")), "p", null);
  const done: string[] = [];
  let wakeMs = Number.POSITIVE_INFINITY;
  const driver = createSimDriver<{ kind: string }, { kind: string }>(world, process, {
    step(nowMs, { kind }, effects) {
      if (kind === "woken") wakeMs = Number.POSITIVE_INFINITY;
      else wakeMs = nowMs + 5;
      effects.push(...(kind === "woken" ? ["woken"] : [1, 2, 3].map((i) => `${kind}${i}`)).map((name) => ({ kind: name })));
    },
    nextWakeMs: () => wakeMs,
    wake: () => ({ kind: "woken" }),
    perform: ({ kind }) => void done.push(kind),
    performed: () => void done.push("-"),
  });
  run(world, 100);
  done.length = 0;
  return { world, process, done, hear: (kind) => driver.push({ kind }), run: () => run(world, 100) };
}

describe("between two effects", () => {
  test("a process dies, and does nothing more", () => {
    const { world, process, done, hear, run } = newCore();
    process.ambush = { effectsLeft: 2, strike: () => endProcess(world, process, null, "SIGKILL") };
    hear("a");
    run();
    expect(done).toEqual(["a1", "a2"]);
  });

  test("a process stops, and goes on there before all else", () => {
    const { world, process, done, hear, run } = newCore();
    process.ambush = { effectsLeft: 1, strike: () => stopProcess(world, process) };
    hear("a");
    run();
    expect(done).toEqual(["a1"]);
    hear("b");
    run();
    expect(done).toEqual(["a1"]);
    continueProcess(world, process);
    expect(done).toEqual(["a1", "a2", "a3", "-"]);
    run();
    expect(done).toEqual(["a1", "a2", "a3", "-", "b1", "b2", "b3", "-", "woken", "-"]);
  });

  test("a process that was stopped there is stopped once more in the same turn", () => {
    const { world, process, done, hear, run } = newCore();
    const strike = (): void => stopProcess(world, process);
    process.ambush = { effectsLeft: 1, strike };
    hear("a");
    run();
    hear("b");
    process.ambush = { effectsLeft: 1, strike };
    continueProcess(world, process);
    run();
    expect(done).toEqual(["a1", "a2"]);
    continueProcess(world, process);
    run();
    expect(done).toEqual(["a1", "a2", "a3", "-", "b1", "b2", "b3", "-", "woken", "-"]);
  });

  test("a process that is killed while it is stopped there does nothing more", () => {
    const { world, process, done, hear, run } = newCore();
    process.ambush = { effectsLeft: 1, strike: () => stopProcess(world, process) };
    hear("a");
    run();
    endProcess(world, process, null, "SIGKILL");
    continueProcess(world, process);
    run();
    expect(done).toEqual(["a1"]);
  });
});
