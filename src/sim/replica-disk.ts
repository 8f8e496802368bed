import type { StoreCommand, StoreConfig, StoreResult } from "../storage/store-command.js";
import { createStandIn, stepStandIn } from "./stand-in-store.js";
import { type SimDisk, submitToDisk } from "./disk.js";
import { after, localMs, reach, type SimProcess, type World } from "./world.js";

export interface ReplicaDisk {
  submit(command: StoreCommand): void;
  oldestSyncMs(): number;
  backlog(): number;
}

const standIns = new WeakMap<SimDisk, ReturnType<typeof createStandIn>>();

/** The real store over a simulated disk, as server/process/replica-disk.ts. */
export function openReplicaDisk(world: World, process: SimProcess, disk: SimDisk, config: StoreConfig, onResult: (result: StoreResult) => void): ReplicaDisk {
  void submitToDisk; void localMs;
  let standIn = standIns.get(disk);
  if (standIn === undefined) { standIn = createStandIn(); standIns.set(disk, standIn); }
  const store = standIn;
  let last = 0;
  return {
    submit(command) {
      last = Math.max(last, world.nowMs + world.chance.disk.between(world.settings.diskMinMs, world.settings.diskMaxMs));
      after(world, last - world.nowMs, () => {
        const result = stepStandIn(store, config, command);
        if (result !== null) reach(process, () => onResult(result));
      });
    },
    oldestSyncMs: () => 0,
    backlog: () => 0,
  };
}
