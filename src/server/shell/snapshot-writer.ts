import type { Executor } from "../../service/executor.js";
import { LIMITS } from "../../vocabulary/limit.js";
import type { ReplicaDisk } from "./replica-disk.js";
import type { ReplicaEffect } from "../core/effect.js";
import { endCapture, type TableCapture, takeRows } from "../core/table-capture.js";

type CaptureEffect = Extract<ReplicaEffect, { kind: "capture-snapshot" }>;

/** Between two slices: requests do not wait for a snapshot, nor the log's syncs for its writes. */
const SLICE_PAUSE_MS = 1;

/** Runs something so many milliseconds from now; 0: when everything that waits in this turn has had its go. */
export type Later = (delayMs: number, run: () => void) => void;

export interface SnapshotWriter {
  start(effect: CaptureEffect): void;
  /** The store takes the next piece. */
  onRoom(): void;
  /** The ticket of the capture that the store has just published. */
  takeFinished(): number;
  /** Gives up a capture that is under way, if any (a transfer replaces the state). */
  abort(): void;
}

interface Running {
  readonly capture: ReturnType<Executor["capture"]>;
  readonly table: TableCapture;
}

/**
 * Moves a capture from the executor to the store: state is read lazily, with before-images for what is written meanwhile. One slice at a
 * time, and the next when the disk has it; all are made in the same memory, since garbage of the size of the state would cost collections.
 */
export function createSnapshotWriter(executor: Executor, disk: ReplicaDisk, later: Later): SnapshotWriter {
  let ticket = 0;
  let running: Running | null = null;
  let room: Uint8Array | undefined;

  function takeNext(): void {
    if (running === null) return;
    // First the table, which changes with every request; then the state.
    const rows = takeRows(running.table);
    if (rows !== null) return disk.submit({ kind: "snapshot-table", rows });
    room ??= new Uint8Array(LIMITS.snapshotSliceBytes);
    const bytes = running.capture.next(room);
    if (bytes !== null) return disk.submit({ kind: "snapshot-slice", bytes });
    running.capture.close();
    running = null;
    room = undefined;
    disk.submit({ kind: "finish-snapshot" });
  }

  return {
    start(effect) {
      ticket = effect.ticket;
      running = { capture: executor.capture(), table: effect.table };
      disk.submit({ kind: "begin-snapshot", ...effect.point, table: { sessions: [], keys: [] } });
    },
    onRoom() {
      const current = running;
      later(SLICE_PAUSE_MS, () => {
        if (running === current) takeNext();
      });
    },
    takeFinished: () => ticket,
    abort() {
      if (running === null) return;
      running.capture.close();
      endCapture(running.table);
      running = null;
      // The disk may still be reading from it.
      room = undefined;
      disk.submit({ kind: "abort-snapshot" });
    },
  };
}
