// Loaded into every process of an installation: measures how long its event loop was held up. SIGUSR2 writes the longest time and begins
// anew, to $TROUPE_BENCH_PROBES/<pid>.json.
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";

const folder = process.env.TROUPE_BENCH_PROBES;
const RESOLUTION_MS = 1;

if (folder !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let gcMsMax = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMsMax = Math.max(gcMsMax, duration);
  }).observe({ entryTypes: ["gc"] });
  process.on("SIGUSR2", () => {
    const found = { stallMsMax: delay.max / 1e6 - RESOLUTION_MS, p99Ms: delay.percentile(99) / 1e6 - RESOLUTION_MS, gcMsMax };
    const path = join(folder, `${process.pid}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(found));
    renameSync(`${path}.new`, path);
    delay.reset();
    gcMsMax = 0;
  });
}
