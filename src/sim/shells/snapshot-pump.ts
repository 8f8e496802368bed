import type { ReplicaEffect } from "../../server/core/effect.js";
import type { Executor } from "../../service/executor.js";
import type { ReplicaDisk } from "../replica-disk.js";
import { type SimProcess, timer, type World } from "../world.js";

type CaptureEffect = Extract<ReplicaEffect, { kind: "capture-snapshot" }>;

const DISK_BACKLOG_MAX = 16;

/** As server/process/snapshot-writer.ts: moves a capture from the executor to the store, a little each turn. */
export function createSnapshotPump(world: World, process: SimProcess, executor: Executor, store: ReplicaDisk) {
  let ticket = 0;
  let running: { close(): void } | null = null;

  function start(effect: CaptureEffect): void {
    ticket = effect.ticket;
    const capture = executor.capture();
    running = capture;
    const { index, epoch, ageMs, generation } = effect.point;
    store.submit({ kind: "begin-snapshot", index, epoch, ageMs, generation, table: effect.table });
    const pump = (): void => {
      if (running !== capture) return;
      if (store.backlog() > DISK_BACKLOG_MAX) {
        timer(world, process, 1, pump);
        return;
      }
      const bytes = capture.next();
      if (bytes === null) {
        capture.close();
        running = null;
        return store.submit({ kind: "finish-snapshot" });
      }
      store.submit({ kind: "snapshot-slice", bytes });
      timer(world, process, 0.05, pump);
    };
    pump();
  }

  return {
    start,
    ticket: () => ticket,
    abort(): void {
      if (running === null) return;
      running.close();
      running = null;
      store.submit({ kind: "abort-snapshot" });
    },
  };
}
