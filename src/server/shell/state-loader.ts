import type { Executor } from "../../service/executor.js";
import type { StoreResult } from "../../storage/store-command.js";
import type { ReplicaDisk } from "./replica-disk.js";
import type { Later } from "./snapshot-writer.js";

export interface StateLoader {
  /** From the newest snapshot; one at a time. */
  start(done: () => void): void;
  /** Whether the snapshot that is installed next is loaded as well. */
  expectInstall(load: boolean): void;
  /** A snapshot was installed: loads it if it was asked for, then `done`. */
  onInstalled(done: () => void): void;
  onSlice(result: Extract<StoreResult, { kind: "state-slice" }>): void;
}

/** Streams a snapshot's state from the store into the executor, a slice at a time. */
export function createStateLoader(executor: Executor, disk: ReplicaDisk, later: Later): StateLoader {
  let onLoaded = (): void => {};
  let loadsInstalled = true;

  function start(done: () => void): void {
    onLoaded = done;
    executor.beginRestore();
    disk.submit({ kind: "load-state", ticket: 0 });
  }

  return {
    start,
    expectInstall(load) {
      loadsInstalled = load;
    },
    onInstalled(done) {
      if (loadsInstalled) start(done);
      else done();
    },
    onSlice(result) {
      if (result.bytes.length > 0) executor.restoreSlice(result.bytes);
      if (!result.last) {
        // The next slice in a later turn: heartbeats are answered while a large state is loaded.
        later(0, () => disk.submit({ kind: "load-more", ticket: 0 }));
        return;
      }
      executor.finishRestore();
      onLoaded();
    },
  };
}
