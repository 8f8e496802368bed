import { REPLICA_TIMINGS } from "../server/core/state.js";
import { createLedger } from "./checkers/ledger.js";
import { createWatch } from "./checkers/watch.js";
import { createInstallation } from "./installation.js";
import type { Scene } from "./scene.js";
import { drawPlan } from "./swarm.js";
import { createWorld, runUntil, type World } from "./world.js";

/** Hosts `host-1` to `host-N` and `main`, of which nothing runs. */
export function newScene(hostCount: number): Scene {
  const drawn = drawPlan(1);
  const plan = { ...drawn, hostCount, settings: { ...drawn.settings, wallDriftMax: 0 } };
  const world = createWorld(1, plan.settings, null);
  const ledger = createLedger(world, plan.spec.group, plan.spec.durability, REPLICA_TIMINGS);
  return { installation: createInstallation(world, plan, createWatch(ledger)), ledger, clients: () => [], over: false };
}

/** Lets time pass where no handler waits for anything. */
export function run(world: World, forMs: number): void {
  for (const _ of runUntil(world, world.nowMs + forMs)) throw new Error("nothing here is asynchronous");
}
