import { createReplicaStore, roomNeededBytes, stepStore } from "../../storage/replica-store.js";
import type { StoreCommand, StoreConfig, StoreResult } from "../../storage/store-command.js";
import type { DiskCompletion, DiskOperation } from "../../vocabulary/disk.js";

/** What performs disk operations: the real disk, or one in memory. */
export interface Disk {
  submit(operation: DiskOperation, done: (completion: DiskCompletion) => void): void;
}

/** The replica's store on a disk. */
export interface ReplicaDisk {
  submit(command: StoreCommand): void;
  /** Age of the oldest write or flush that the disk has not finished, for pulses; 0 when none is under way. */
  oldestWriteMs(nowMs: number): number;
  /** Operations that the disk has not finished: whoever produces in the background waits while there are many. */
  backlog(): number;
  /** What the next segment and the next snapshot will take. */
  roomNeededBytes(): number;
}

/** A file system that is frozen holds up the write, and no flush is ever asked for. How long reading or removing takes is a matter of size. */
const PERSISTING: ReadonlySet<DiskOperation["kind"]> = new Set(["create", "write", "sync", "sync-folder"]);

/** Runs the pure store over `disk`. Results arrive from within `submit` or from a later turn, in order. */
export function openReplicaDisk(
  config: StoreConfig,
  disk: Disk,
  monotonicMs: () => number,
  onResult: (result: StoreResult) => void,
): ReplicaDisk {
  const store = createReplicaStore(config);
  const writesSince = new Map<number, number>();
  const inputs: (StoreCommand | DiskCompletion)[] = [];
  let running = false;
  let unfinished = 0;

  function perform(operation: DiskOperation): void {
    if (PERSISTING.has(operation.kind)) writesSince.set(operation.ticket, monotonicMs());
    unfinished += 1;
    disk.submit(operation, (completion) => {
      unfinished -= 1;
      writesSince.delete(completion.ticket);
      feed(completion);
    });
  }

  // A disk in memory completes at once: what comes in while a step runs waits its turn.
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
    oldestWriteMs(nowMs) {
      const oldest = writesSince.values().next();
      return oldest.done ? 0 : nowMs - oldest.value;
    },
    backlog: () => unfinished,
    roomNeededBytes: () => roomNeededBytes(store),
  };
}
