import { createReplicaStore, stepStore } from "../storage/replica-store.js";
import type { StoreCommand, StoreConfig, StoreResult } from "../storage/store-command.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import { type SimDisk, submitToDisk } from "./disk.js";
import { localMs, type SimProcess, type World } from "./world.js";

export interface ReplicaDisk {
  submit(command: StoreCommand): void;
  oldestSyncMs(): number;
  backlog(): number;
}

/** The real store over a simulated disk, as server/process/replica-disk.ts. */
export function openReplicaDisk(
  world: World,
  process: SimProcess,
  disk: SimDisk,
  config: StoreConfig,
  onResult: (result: StoreResult) => void,
): ReplicaDisk {
  const store = createReplicaStore(config);
  const syncsSince = new Map<number, number>();
  const inputs: (StoreCommand | DiskCompletion)[] = [];
  let running = false;
  let unfinished = 0;

  function perform(operation: DiskOperation): void {
    if (operation.kind === "sync") syncsSince.set(operation.ticket, localMs(world, process.host));
    unfinished += 1;
    submitToDisk(world, process, disk, operation, (completion) => {
      unfinished -= 1;
      syncsSince.delete(completion.ticket);
      feed(completion);
    });
  }

  function feed(input: StoreCommand | DiskCompletion): void {
    inputs.push(input);
    if (running) return;
    running = true;
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      const operations: DiskOperation[] = [];
      const results: StoreResult[] = [];
      stepStore(store, next, operations, results);
      for (const operation of operations) perform(operation);
      for (const result of results) onResult(result);
    }
    running = false;
  }

  return {
    submit: feed,
    oldestSyncMs() {
      const oldest = syncsSince.values().next();
      return oldest.done ? 0 : localMs(world, process.host) - oldest.value;
    },
    backlog: () => unfinished,
  };
}
