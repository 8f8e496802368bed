import { createChance } from "./chance.js";
import { FAULTS } from "./faults.js";
import { resume } from "./network.js";
import { putRightStoreBack } from "./old-store.js";
import type { Plan } from "./plan.js";
import type { Scene } from "./scene.js";
import { after, continueProcess, endProcess, mark, note } from "./world.js";

/** One strike of a fault. `number` tells it from the others of its run, and decides what it does. */
export interface Strike {
  readonly number: number;
  readonly kind: string;
  readonly atMs: number;
}

/** The whole storm of a seed: each fault of the plan strikes at random moments around its mean distance, until the storm is over. */
export function drawStrikes(seed: number, plan: Plan): Strike[] {
  const strikes: Strike[] = [];
  for (const { kind, everyMs } of plan.faults) {
    const chance = createChance(seed, `strikes of ${kind}`);
    let atMs = plan.stormFromMs + everyMs * chance.between(0.2, 1.8);
    for (; atMs < plan.stormUntilMs; atMs += everyMs * chance.between(0.2, 1.8)) strikes.push({ number: 0, kind, atMs });
  }
  strikes.sort((a, b) => a.atMs - b.atMs);
  return strikes.map((strike, i) => ({ ...strike, number: i + 1 }));
}

/** Lets them strike. Each has its own chance: without one of them the others do what they did. */
export function beginStorm(scene: Scene): void {
  const { world, plan } = scene.installation;
  for (const { number, kind, atMs } of drawStrikes(world.seed, plan)) {
    const fault = FAULTS[kind];
    if (fault === undefined) throw new RangeError(`no fault ${kind}`);
    after(world, atMs, () => {
      if (scene.over || (plan.strikes !== null && !plan.strikes.includes(number))) return;
      note(world, "storm", kind, () => `strike ${number}`);
      if (fault(scene, createChance(world.seed, `strike ${number}`))) mark(world, `fault-${kind}`);
    });
  }
}

/** Everything heals: networks, disks, machines, processes. */
export function endStorm(scene: Scene): void {
  scene.over = true;
  const { world, network, failpoints, store } = scene.installation;
  note(world, "storm", "over", () => "everything heals");
  failpoints.clear();
  scene.installation.deadly = null;
  store.unknownProbability = 0;
  network.cuts.clear();
  network.slow.clear();
  network.damage = null;
  for (const host of world.hosts.values()) {
    host.powered = true;
    for (const disk of host.disks.values()) {
      disk.faults.failProbability = 0;
      disk.faults.full = false;
      disk.faults.slowness = 1;
    }
  }
  for (const process of world.processes.values()) {
    process.slowness = 1;
    process.ambush = null;
    continueProcess(world, process);
  }
  resume(world, network);
  putRightStoreBack(scene.installation);
  endDeposed(scene);
}

/** One that another has followed finds out when it writes, or loses its lease: it does not stay for ever because nothing needs writing. */
function endDeposed(scene: Scene): void {
  const { world, rm, store, supervised } = scene.installation;
  const process = supervised.get("rm");
  if (rm !== null && process !== undefined && rm.term() < (store.content?.term ?? 0)) endProcess(world, process, null, "SIGKILL");
}
