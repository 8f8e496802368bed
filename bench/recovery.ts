import { execFile } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "troupe/client";
import type kv from "../examples/kv/kv.js";
import type { Entry } from "../src/vocabulary/entry.js";
import { median, rangeOf, rounded, tableOf } from "./lib/figures.js";
import { leaderOf, startInstallation } from "./lib/installation.js";
import { readOptions } from "./lib/options.js";
import { askLoop, probeEnvironment } from "./lib/probes.js";
import type { RecoveryFigures } from "./lib/recovery-member.js";
import { openLog, putEntry, putInput } from "./lib/replica-log.js";
import { DATA_FOLDER, record, say, sayHead, tell } from "./lib/report.js";

/** Bundled beside this. */
const MEMBER = join(dirname(fileURLToPath(import.meta.url)), "recovery-member.mjs");
const VALUE_SIZE_BYTES = 1_000;
const KEYS = 10_000;
const BATCH_ENTRIES = 256;
const NEVER = 10_000_000;
const IN_FLIGHT = 128;

interface Row {
  readonly logMb: number;
  readonly trials: readonly RecoveryFigures[];
}

interface RealTrial {
  /** From the strike to the first answer. */
  readonly outageMs: number;
  /** The longest that the event loop of the process that started was held up, from its start until it served. */
  readonly stallMs: number;
  /** Of that what it was not kept from by others. */
  readonly ownMs: number;
}

interface RealRow {
  readonly logMb: number;
  readonly style: string;
  readonly trials: readonly RealTrial[];
}

/** How long a start takes, by the size of the log that it finds. */
export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "recovery",
    {
      sizes: { default: "10,100,1000", means: "of the log without a snapshot, in MB of entries with values of 1000 bytes" },
      real: { default: "1,10,50", means: "MB written by clients behind a checkpoint, before the only replica of a group is killed" },
      trials: { default: "5", means: "starts on each log" },
      dir: { default: DATA_FOLDER, means: "where data go" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  const dataFolder = options.text("dir");
  const list = (name: string): number[] => options.text(name).split(",").map(Number);
  sayHead("Recovery: a replica starts on its log", dataFolder);
  const rows: Row[] = [];
  const count = options.count("trials");
  for (const logMb of list("sizes")) {
    const trials = await measureStore(join(dataFolder, `recovery-${process.pid}`), logMb, count);
    rows.push({ logMb, trials });
    tell(`${logMb} MB: ${rangeOf(trials.map(({ recoverMs }) => recoverMs))} ms`);
  }
  say(
    tableOf(
      ["log MB", "entries", "read of the files ms", "recovered ms", "replayed ms", "MB/s", "times the read", "peak MB"],
      rows.map(cellsOf),
    ),
  );
  const real: RealRow[] = [];
  for (const style of ["warm-passive", "active"]) real.push(...(await measureReal(style, list("real"), count, dataFolder)));
  say("\nkill -9 of the only replica of a group:");
  say(
    tableOf(
      ["style", "written behind the checkpoint MB", "strike to answer ms", "longest stall ms", "of its own ms"],
      real.map(realCellsOf),
    ),
  );
  record(options.is("record"), "recovery", { valueBytes: VALUE_SIZE_BYTES, trials: count }, dataFolder, { rows, real });
}

function cellsOf({ logMb, trials }: Row): (string | number)[] {
  const of = (key: keyof RecoveryFigures): number[] => trials.map((trial) => trial[key]);
  const startMs = median(of("recoverMs")) + median(of("replayMs"));
  return [
    logMb,
    median(of("entries")),
    ...([of("readMs"), of("recoverMs"), of("replayMs")] as const).map(rangeOf),
    rounded((1_000 * logMb) / startMs),
    rounded(startMs / median(of("readMs"))),
    median(of("peakMb")),
  ];
}

function realCellsOf({ style, logMb, trials }: RealRow): (string | number)[] {
  const of = (key: keyof RealTrial): string => rangeOf(trials.map((trial) => trial[key]));
  return [style, logMb, of("outageMs"), of("stallMs"), of("ownMs")];
}

async function measureStore(folder: string, logMb: number, count: number): Promise<RecoveryFigures[]> {
  mkdirSync(folder, { recursive: true });
  try {
    await writeLog(folder, (logMb * 1e6) / VALUE_SIZE_BYTES);
    const trials: RecoveryFigures[] = [];
    while (trials.length < count) {
      const { stdout } = await promisify(execFile)(process.execPath, [MEMBER, folder]);
      trials.push(JSON.parse(stdout));
    }
    return trials;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** In batches, as under load. */
function writeLog(folder: string, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let lastIndex = 0;
    const giveBatch = (): void => {
      const entries: Entry[] = [];
      while (entries.length < BATCH_ENTRIES && lastIndex < count) {
        lastIndex += 1;
        entries.push(putEntry(lastIndex, putInput(lastIndex % KEYS, VALUE_SIZE_BYTES)));
      }
      log.submit({ kind: "persist", ticket: lastIndex, truncateAfter: null, entries });
    };
    const log = openLog(folder, (result) => {
      if (result.kind === "failed" || result.kind === "damaged") reject(new Error(JSON.stringify(result)));
      if (result.kind === "persisted" && result.ticket >= count) resolve();
      else if (result.kind === "persisted" || result.kind === "recovered") giveBatch();
    });
    log.submit({ kind: "recover" });
  });
}

/** Everything that a start is: a process, its data, a view. */
async function measureReal(style: string, sizes: readonly number[], count: number, dataFolder: string): Promise<RealRow[]> {
  const probes = join(dataFolder, `probes-${process.pid}`);
  const env = probeEnvironment(probes, "loop-probe");
  const installation = await startInstallation({ service: "kv", style, replicas: 1, durability: "disk", dataFolder, env });
  try {
    const { pid } = leaderOf(await installation.untilWhole());
    await installation.change({ checkpointEntries: NEVER });
    const client = await connect<typeof kv>(installation.clientUrl);
    const rows: RealRow[] = [];
    let written = 0;
    let killed = pid;
    for (const logMb of sizes) {
      const through = (logMb * 1e6) / VALUE_SIZE_BYTES;
      const work = async (): Promise<void> => {
        for (let key = written++; key < through; key = written++)
          await client.put({ key: `key-${key % KEYS}`, value: "v".repeat(VALUE_SIZE_BYTES) });
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, work));
      written = through;
      const trials: RealTrial[] = [];
      while (trials.length < count) {
        const strikeMs = performance.now();
        process.kill(killed, "SIGKILL");
        await client.put({ key: "probe", value: "after" });
        const outageMs = performance.now() - strikeMs;
        tell(`${style}, ${logMb} MB: ${rounded(outageMs)} ms`);
        killed = leaderOf(await installation.untilWhole(killed)).pid;
        const loop = await askLoop(probes, "server", killed);
        if (loop === null) throw new Error(`process ${killed} does not tell how long its event loop was held up`);
        trials.push({ outageMs, stallMs: loop.stallMs, ownMs: loop.ownMs });
      }
      rows.push({ logMb, style, trials });
    }
    await client.close();
    return rows;
  } finally {
    await installation.stop();
    rmSync(probes, { recursive: true, force: true });
  }
}
