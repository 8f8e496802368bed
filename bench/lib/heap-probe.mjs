// Loaded into every process of an installation: SIGUSR2 collects garbage and writes what is left, to $TROUPE_BENCH_PROBES/<pid>.json.
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const folder = process.env.TROUPE_BENCH_PROBES;

if (folder !== undefined) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.on("SIGUSR2", () => {
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    const path = join(folder, `${process.pid}.json`);
    writeFileSync(`${path}.new`, JSON.stringify({ usedBytes: heapUsed + external, residentBytes: rss }));
    renameSync(`${path}.new`, path);
  });
}
