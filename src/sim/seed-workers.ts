import { setFlagsFromString } from "node:v8";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { reportOfRun, type SeedReport } from "./batch.js";
import { runSeed } from "./run.js";

/** A run makes little that lives and much that does not: with the default of 16 MB a seventh of the time goes into collecting it. */
const YOUNG_SIZE_MB = 192;

/**
 * Each thread compiles all of the code for itself, much of it again and again: over a third of the processor time of sixty seeds. Quick code at
 * once and little inlining in the optimised code cost less than they lose. Young objects are copied by the seed's own thread: the helper
 * threads would take a processor from another seed.
 */
const ENGINE_FLAGS = ["--always-sparkplug", "--max-inlined-bytecode-size-cumulative=100", "--no-parallel-scavenge"];

/** Runs seeds on so many threads at a time until `take` has no more. Rejects when a thread dies. */
export async function startSeedWorkers(count: number, take: () => number | null, done: (report: SeedReport) => void): Promise<void> {
  // They hold for the whole process: threads have none of their own.
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_SIZE_MB } }),
  );
  try {
    await Promise.all(workers.map((worker) => feed(worker, take, done)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function feed(worker: Worker, take: () => number | null, done: (report: SeedReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const seed = take();
      if (seed === null) resolve();
      else worker.postMessage(seed);
    };
    worker.on("message", (report: SeedReport) => {
      done(report);
      next();
    });
    worker.on("error", reject);
    next();
  });
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on("message", (seed: unknown) => {
    if (typeof seed === "number") void runSeed(seed).then((result) => port.postMessage(reportOfRun(result)));
  });
}
