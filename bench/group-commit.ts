import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ReplicaDisk } from "../src/server/shell/replica-disk.js";
import type { StoreResult } from "../src/storage/store-command.js";
import { quantile, rounded, tableOf } from "./lib/figures.js";
import { readOptions } from "./lib/options.js";
import { measureSyncs } from "./lib/raw-disk.js";
import { openLog, putEntry, putInput } from "./lib/replica-log.js";
import { DATA_FOLDER, record, say, sayHead } from "./lib/report.js";

const ENTRY_SIZE_BYTES = 250;
const INPUT = putInput(123, 100);

/** The log of one replica, in this process: entries that wait for its disk become one batch. */
export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "group-commit",
    {
      waiting: { default: "1,16,64,256,1024", means: "entries that wait to be persisted at once, each given by itself" },
      seconds: { default: "3", means: "of each measurement" },
      dir: { default: DATA_FOLDER, means: "where data go" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  const dataFolder = options.text("dir");
  const seconds = options.count("seconds");
  sayHead("Group commit: one replica's write-ahead log, entries of 250 bytes", dataFolder);
  const rows: { waiting: number; perSecond: number; p50Ms: number; p99Ms: number; rawPerSecond: number; rawSyncMs: number }[] = [];
  for (const waiting of options.text("waiting").split(",").map(Number)) {
    const rawMs = await measureSyncs(dataFolder, 1, waiting * ENTRY_SIZE_BYTES, 1_000);
    const tookMs = await measureLog(join(dataFolder, `log-${process.pid}`), waiting, seconds * 1_000);
    rows.push({
      waiting,
      perSecond: Math.round(tookMs.length / seconds),
      p50Ms: rounded(quantile(tookMs, 0.5)),
      p99Ms: rounded(quantile(tookMs, 0.99)),
      rawPerSecond: waiting * rawMs.length,
      rawSyncMs: rounded(quantile(rawMs, 0.5)),
    });
  }
  const cells = rows.map((row) => [...Object.values(row), `${((100 * row.perSecond) / row.rawPerSecond).toFixed(0)} %`]);
  say(tableOf(["waiting", "entries/s", "p50 ms", "p99 ms", "raw entries/s", "raw sync ms", "of raw"], cells));
  record(options.is("record"), "group-commit", { seconds }, dataFolder, rows);
}

/** Persists one entry for each one that is done, so that always `waiting` of them are under way. Returns how long each took, in ms. */
async function measureLog(folder: string, waiting: number, durationMs: number): Promise<number[]> {
  mkdirSync(folder, { recursive: true });
  try {
    return await new Promise((resolve, reject) => {
      const tookMs: number[] = [];
      const givenMs = new Map<number, number>();
      let lastIndex = 0;
      let endMs = Number.POSITIVE_INFINITY;
      const give = (): void => {
        lastIndex += 1;
        givenMs.set(lastIndex, performance.now());
        log.submit({ kind: "persist", ticket: lastIndex, truncateAfter: null, entries: [putEntry(lastIndex, INPUT)] });
      };
      const onResult = (result: StoreResult): void => {
        if (result.kind === "failed" || result.kind === "damaged") reject(new Error(JSON.stringify(result)));
        if (result.kind === "recovered") {
          endMs = performance.now() + durationMs;
          for (let each = 0; each < waiting; each += 1) give();
        }
        if (result.kind !== "persisted") return;
        const nowMs = performance.now();
        tookMs.push(nowMs - (givenMs.get(result.ticket) ?? nowMs));
        givenMs.delete(result.ticket);
        if (nowMs < endMs) give();
        else if (givenMs.size === 0) resolve(tookMs);
      };
      const log: ReplicaDisk = openLog(folder, onResult);
      log.submit({ kind: "recover" });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
