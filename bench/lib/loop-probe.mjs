// Loaded into every process of an installation: measures how long its event loop was held up. SIGUSR2 writes the longest time and begins
// anew, to $TROUPE_BENCH_PROBES/<pid>.json. `ownMsMax` is without the time that the thread stood in line for a processor: on a machine that
// does other work as well, that is what the process itself is to blame for.
import { openSync, readSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";

const folder = process.env.TROUPE_BENCH_PROBES;
const RESOLUTION_MS = 1;
const TICK_MS = 2;
const MOMENT_MS = 0.3;
const TRIES_MAX = 20;

if (folder !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let gcMsMax = 0;
  let majorCount = 0;
  new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries()) {
      gcMsMax = Math.max(gcMsMax, duration);
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) majorCount += 1;
    }
  }).observe({ entryTypes: ["gc"] });
  const waitedMs = waitingOf();
  let ownMsMax = 0;
  let atMs = performance.now();
  let waited = waitedMs();
  const tick = () => {
    let nowMs = performance.now();
    let nowWaited = waitedMs();
    // Both of one moment: a thread that has to stand in line between the two would be blamed for it in the next tick.
    for (let tries = 0; performance.now() - nowMs > MOMENT_MS && tries < TRIES_MAX; tries += 1) {
      nowMs = performance.now();
      nowWaited = waitedMs();
    }
    ownMsMax = Math.max(ownMsMax, nowMs - atMs - TICK_MS - (nowWaited - waited));
    atMs = nowMs;
    waited = nowWaited;
    setTimeout(tick, TICK_MS).unref();
  };
  tick();
  process.on("SIGUSR2", () => {
    const found = { stallMsMax: delay.max / 1e6 - RESOLUTION_MS, ownMsMax, gcMsMax, majorCount };
    const path = join(folder, `${process.pid}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(found));
    renameSync(`${path}.new`, path);
    delay.reset();
    gcMsMax = 0;
    majorCount = 0;
    ownMsMax = 0;
  });
}

/** Reads how long the main thread has stood in line since it began (the second number of schedstat); always 0 where that is not known. */
function waitingOf() {
  let file = -1;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  } catch {
    return () => 0;
  }
  const bytes = Buffer.alloc(96);
  return () => Number(bytes.latin1Slice(0, readSync(file, bytes, 0, bytes.length, 0)).split(" ")[1]) / 1e6;
}
