import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Executor } from "../../service/executor.js";
import type { Pulse } from "../../vocabulary/verdict.js";
import type { ReplicaDisk } from "../shell/replica-disk.js";
import { createStuckWatch } from "../shell/stuck-watch.js";

/** The kernel adds it up over all threads, which takes longer than the rest of an answer. */
const MEMORY_LOOK_MS = 1_000;

/** Gathers the proof of progress that goes with every heartbeat answer (DESIGN section 7). */
export function createPulse(executor: Executor, disk: ReplicaDisk, monotonicMs: () => number, stepCount: () => number): () => Pulse {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const stuckMs = createStuckWatch(executor);
  let heapBytes = 0;
  let memoryLookAtMs = Number.NEGATIVE_INFINITY;

  return () => {
    const nowMs = monotonicMs();
    if (nowMs - memoryLookAtMs >= MEMORY_LOOK_MS) {
      heapBytes = process.memoryUsage.rss();
      memoryLookAtMs = nowMs;
    }
    const eventLoopDelayMs = Math.max(0, delay.max / 1e6 - 10);
    delay.reset();
    return {
      workCount: executor.workCount() + stepCount(),
      eventLoopDelayMs: Number.isFinite(eventLoopDelayMs) ? eventLoopDelayMs : 0,
      heapBytes,
      oldestFsyncMs: disk.oldestWriteMs(nowMs),
      stuckMs: stuckMs(nowMs),
      executing: executor.executing(),
    };
  };
}
