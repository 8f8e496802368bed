// Loaded into every process of an installation: measures how long its event loop was held up. SIGUSR2 writes the longest time and begins
// anew, to $TROUPE_BENCH_PROBES/<pid>.json. `ownMsMax` is without the time that the thread stood in line for a processor: on a machine that
// does other work as well, that is what the process itself is to blame for. `busyMsMax` is what the thread computed alone: it is also without
// the time in which it slept until another thread (of V8's, of the pool) or the disk was through. `longCount` stalls were longer than 10 ms of own.
import { openSync, readSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";

const folder = process.env.TROUPE_BENCH_PROBES;
const RESOLUTION_MS = 1;
const TICK_MS = 2;
const MOMENT_MS = 0.3;
const TRIES_MAX = 20;
const LONG_MS = 10;

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
  const usage = usageOf();
  let ownMsMax = 0;
  let busyMsMax = 0;
  let longCount = 0;
  let atMs = performance.now();
  let [busy, waited] = usage();
  const tick = () => {
    let nowMs = performance.now();
    let [nowBusy, nowWaited] = usage();
    // Both of one moment: a thread that has to stand in line between the two would be blamed for it in the next tick.
    for (let tries = 0; performance.now() - nowMs > MOMENT_MS && tries < TRIES_MAX; tries += 1) {
      nowMs = performance.now();
      [nowBusy, nowWaited] = usage();
    }
    const ownMs = nowMs - atMs - TICK_MS - (nowWaited - waited);
    ownMsMax = Math.max(ownMsMax, ownMs);
    busyMsMax = Math.max(busyMsMax, nowBusy - busy);
    if (ownMs > LONG_MS) longCount += 1;
    atMs = nowMs;
    busy = nowBusy;
    waited = nowWaited;
    setTimeout(tick, TICK_MS).unref();
  };
  tick();
  process.on("SIGUSR2", () => {
    const found = { stallMsMax: delay.max / 1e6 - RESOLUTION_MS, ownMsMax, busyMsMax, longCount, gcMsMax, majorCount };
    const path = join(folder, `${process.pid}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(found));
    renameSync(`${path}.new`, path);
    delay.reset();
    gcMsMax = 0;
    majorCount = 0;
    ownMsMax = 0;
    busyMsMax = 0;
    longCount = 0;
  });
}

/** Reads how long the main thread has run, and stood in line, since it began (schedstat); always 0 where that is not known. */
function usageOf() {
  let file = -1;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  } catch {
    return () => [0, 0];
  }
  const bytes = Buffer.alloc(96);
  return () => {
    const [ranNs, waitedNs] = bytes.latin1Slice(0, readSync(file, bytes, 0, bytes.length, 0)).split(" ");
    return [Number(ranNs) / 1e6, Number(waitedNs) / 1e6];
  };
}
