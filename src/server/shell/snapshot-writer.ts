import type { Executor } from "../../service/executor.js";
import type { ReplicaDisk } from "./replica-disk.js";
import type { ReplicaEffect } from "../core/effect.js";
import { endCapture, type TableCapture, takeRows } from "../core/table-capture.js";

type CaptureEffect = Extract<ReplicaEffect, { kind: "capture-snapshot" }>;

/** While the disk has more than this to do, a capture waits: it would only fill memory. */
const DISK_BACKLOG_MAX = 16;

/** Runs something so many milliseconds from now; 0: when everything that waits in this turn has had its go. */
export type Later = (delayMs: number, run: () => void) => void;

export interface SnapshotWriter {
  start(effect: CaptureEffect): void;
  /** The ticket of the capture that the store has just published. */
  takeFinished(): number;
  /** Gives up a capture that is under way, if any (a transfer replaces the state). */
  abort(): void;
}

/** Moves a capture from the executor to the store, a little each turn: state is read lazily, with before-images for what is written meanwhile. */
export function createSnapshotWriter(executor: Executor, disk: ReplicaDisk, later: Later): SnapshotWriter {
  let ticket = 0;
  let running: { close(): void } | null = null;
  let table: TableCapture | null = null;

  function start(effect: CaptureEffect): void {
    ticket = effect.ticket;
    const capture = executor.capture();
    running = capture;
    table = effect.table;
    const { index, epoch, ageMs, generation } = effect.point;
    disk.submit({ kind: "begin-snapshot", index, epoch, ageMs, generation, table: { sessions: [], keys: [] } });
    const pump = (): void => {
      if (running !== capture) return;
      if (disk.backlog() > DISK_BACKLOG_MAX) {
        later(1, pump);
        return;
      }
      // First the table, which changes with every request; then the state.
      const rows = takeRows(effect.table);
      if (rows !== null) {
        disk.submit({ kind: "snapshot-table", rows });
        later(0, pump);
        return;
      }
      const bytes = capture.next();
      if (bytes === null) {
        capture.close();
        running = null;
        disk.submit({ kind: "finish-snapshot" });
        return;
      }
      disk.submit({ kind: "snapshot-slice", bytes });
      // One slice a turn: requests do not wait for a snapshot.
      later(0, pump);
    };
    pump();
  }

  return {
    start,
    takeFinished: () => ticket,
    abort() {
      if (running === null) return;
      running.close();
      running = null;
      if (table !== null) endCapture(table);
      disk.submit({ kind: "abort-snapshot" });
    },
  };
}
