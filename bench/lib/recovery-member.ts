// One start of a replica on a log without a snapshot: what its store reads and checks, and what its service does again. Prints figures.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import kv from "../../examples/kv/kv.js";
import { createExecutor } from "../../src/service/executor.js";
import { serviceMachine } from "../../src/service/service-machine.js";
import type { Entry } from "../../src/vocabulary/entry.js";
import { openLog } from "./replica-log.js";

export interface RecoveryFigures {
  /** All files of the log read, and nothing done with them. */
  readonly readMs: number;
  readonly recoverMs: number;
  readonly replayMs: number;
  readonly entries: number;
  readonly peakMb: number;
}

const folder = process.argv[2] ?? "";

function recover(): Promise<readonly Entry[]> {
  return new Promise((resolve, reject) => {
    const log = openLog(folder, (result) => {
      if (result.kind === "recovered") resolve(result.entries);
      else reject(new Error(JSON.stringify(result)));
    });
    log.submit({ kind: "recover" });
  });
}

function replay(entries: readonly Entry[]): void {
  const executor = createExecutor(serviceMachine(kv), { onCompletion: () => {} });
  for (const { index, body } of entries) {
    if (body.kind !== "request") continue;
    const { operation, input, nowMs, seed } = body;
    const requestKey = `s:1.1.a:${index}`;
    executor.submit({ kind: "execute", ticket: index, requestKey, operation, input, nowMs, seed, settled: true, limitMs: 0 });
  }
}

const startMs = performance.now();
for (const name of readdirSync(folder).filter((each) => each.startsWith("segment-"))) readFileSync(join(folder, name));
const readAtMs = performance.now();
const entries = await recover();
const recoveredMs = performance.now();
replay(entries);
const figures: RecoveryFigures = {
  readMs: readAtMs - startMs,
  recoverMs: recoveredMs - readAtMs,
  replayMs: performance.now() - recoveredMs,
  entries: entries.length,
  peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
