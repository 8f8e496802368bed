import { FAULTS, type Scene } from "./faults.js";
import { resume } from "./network.js";
import { after, continueProcess, endProcess, mark, note } from "./world.js";

/** Lets the plan's faults strike, each at random moments around its mean distance, until the storm is over. */
export function beginStorm(scene: Scene): void {
  const { world, plan } = scene.installation;
  for (const { kind, everyMs } of plan.faults) {
    const fault = FAULTS[kind];
    if (fault === undefined) throw new RangeError(`no fault ${kind}`);
    const chance = world.chance.faults;
    const strike = (): void => {
      if (scene.over) return;
      note(world, "storm", kind, () => "");
      if (fault(scene, chance)) mark(world, `fault-${kind}`);
      after(world, everyMs * chance.between(0.2, 1.8), strike);
    };
    after(world, plan.stormFromMs + everyMs * chance.between(0.2, 1.8), strike);
  }
}

/** Everything heals: networks, disks, machines, processes. */
export function endStorm(scene: Scene): void {
  scene.over = true;
  const { world, network, failpoints, store } = scene.installation;
  note(world, "storm", "over", () => "everything heals");
  failpoints.clear();
  store.unknownProbability = 0;
  network.cuts.clear();
  network.slow.clear();
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
    process.effectsLeft = Number.POSITIVE_INFINITY;
    continueProcess(world, process);
  }
  resume(world, network);
  endDeposed(scene);
}

/** One that another has followed finds out when it writes, or loses its lease: it does not stay for ever because nothing needs writing. */
function endDeposed(scene: Scene): void {
  const { world, rm, store, supervised } = scene.installation;
  const process = supervised.get("rm");
  if (rm !== null && process !== undefined && rm.term() < (store.content?.term ?? 0)) endProcess(world, process, null, "SIGKILL");
}
