import { openReplicaDisk as openOver, type ReplicaDisk } from "../server/shell/replica-disk.js";
import type { StoreConfig, StoreResult } from "../storage/store-command.js";
import { submitToDisk } from "./disk.js";
import type { SimDisk } from "./disk-state.js";
import { localMs, type SimProcess, type World } from "./world.js";

/** The replica's store over a simulated disk. */
export function openReplicaDisk(
  world: World,
  process: SimProcess,
  disk: SimDisk,
  config: StoreConfig,
  onResult: (result: StoreResult) => void,
): ReplicaDisk {
  const over = {
    submit: (...[operation, done]: Parameters<Parameters<typeof openOver>[1]["submit"]>) =>
      submitToDisk(world, process, disk, operation, done),
  };
  return openOver(config, over, () => localMs(world, process.host), onResult);
}
