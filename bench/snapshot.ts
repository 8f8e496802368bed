import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "troupe/client";
import type ballast from "./lib/ballast.js";
import { quantile, rounded, tableOf } from "./lib/figures.js";
import { type Installation, leaderOf, startInstallation } from "./lib/installation.js";
import { readOptions } from "./lib/options.js";
import { askProbes, type ProcessFigures, probeEnvironment } from "./lib/probes.js";
import { rawFileRate, rawSocketRate } from "./lib/raw-rates.js";
import { DATA_FOLDER, PROJECT, record, say, sayHead, tell } from "./lib/report.js";

const FILL_ENTRIES = 1_000;
const NEVER = 10_000_000;
/** The least that can be asked for. */
const SOON = 100;
const RAW_SIZE_BYTES = 256 * 1024 * 1024;

interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly gapMs: number;
  readonly perSecond: number;
  readonly processes: readonly ProcessFigures[];
}

/** Snapshot and transfer of a large state while clients work. */
export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "snapshot",
    {
      entries: { default: "1000000", means: "entries of the state, a Map" },
      size: { default: "1000", means: "bytes of each value" },
      style: { default: "active", means: "warm-passive or active" },
      clients: { default: "8", means: "each with one request at a time, and a pause of 2 ms" },
      seconds: { default: "10", means: "of the measurement before anything happens" },
      dir: { default: DATA_FOLDER, means: "where data go" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  const entries = options.count("entries");
  const sizeBytes = options.count("size");
  const dataFolder = options.text("dir");
  const style = options.text("style");
  const stateMb = (entries * sizeBytes) / 1e6;
  sayHead(`Snapshot and transfer: ${entries} entries of ${sizeBytes} bytes, ${style}, 3 replicas, durability disk`, dataFolder);
  const raw = { fileMbPerSecond: await rawFileRate(dataFolder, RAW_SIZE_BYTES), socketMbPerSecond: await rawSocketRate(RAW_SIZE_BYTES) };
  const probes = join(dataFolder, `probes-${process.pid}`);
  const installation = await startInstallation({
    service: join(PROJECT, "bench/lib/ballast.ts"),
    group: "ballast",
    style,
    replicas: 3,
    durability: "disk",
    dataFolder,
    env: probeEnvironment(probes, "loop-probe"),
  });
  const phases: Phase[] = [];
  let transferSeconds = 0;
  let snapshotSeconds = 0;
  try {
    await installation.untilWhole();
    await installation.change({ checkpointEntries: NEVER });
    await fill(installation, entries, sizeBytes);
    const clients = await startClients(installation, options.count("clients"), entries, sizeBytes);
    const during = async (name: string, body: () => Promise<void>): Promise<number> => {
      await askProbes(probes, installation.dir);
      clients.begin();
      const fromMs = performance.now();
      await body();
      const seconds = (performance.now() - fromMs) / 1_000;
      phases.push({ name, seconds: rounded(seconds), ...clients.end(seconds), processes: await askProbes(probes, installation.dir) });
      tell(`${name}: ${seconds.toFixed(1)} s`);
      return seconds;
    };
    await during("before", () => pause(options.count("seconds") * 1_000));
    snapshotSeconds = await during("snapshot on all", () => snapshotEverywhere(installation, 3));
    transferSeconds = await during("transfer", async () => {
      await installation.change({ replicas: 4 });
      await installation.untilWhole();
    });
    await installation.change({ replicas: 3 });
    await installation.untilWhole();
    await during("kill of the leader", () => killLeader(installation));
    await during("kill during a snapshot", async () => {
      await installation.change({ checkpointEntries: SOON });
      await pause(500);
      await installation.change({ checkpointEntries: NEVER });
      await killLeader(installation);
    });
    await clients.stop();
  } finally {
    await installation.stop();
  }
  report(phases, stateMb, raw, snapshotSeconds, transferSeconds);
  const figures = { stateMb, ...raw, phases };
  record(options.is("record"), "snapshot", { entries, sizeBytes, style }, dataFolder, figures);
}

async function fill(installation: Installation, entries: number, sizeBytes: number): Promise<void> {
  const client = await connect<typeof ballast>(installation.clientUrl);
  const fromMs = performance.now();
  for (let from = 0; from < entries; from += FILL_ENTRIES) {
    await client.fill({ from, count: Math.min(FILL_ENTRIES, entries - from), sizeBytes });
    if (from % (100 * FILL_ENTRIES) === 0) tell(`${from} entries`);
  }
  tell(`filled in ${((performance.now() - fromMs) / 1_000).toFixed(1)} s`);
  await client.close();
}

interface Clients {
  begin(): void;
  end(seconds: number): Pick<Phase, "p50Ms" | "p99Ms" | "gapMs" | "perSecond">;
  stop(): Promise<void>;
}

async function startClients(installation: Installation, count: number, entries: number, sizeBytes: number): Promise<Clients> {
  let tookMs: number[] = [];
  let lastMs = performance.now();
  let gapMs = 0;
  let isOver = false;
  const work = async (client: Client<typeof ballast>, number: number): Promise<void> => {
    for (let at = number; !isOver; at += count) {
      const fromMs = performance.now();
      await client.put({ number: (at * 7_919) % entries, sizeBytes }).catch((error) => tell(String(error)));
      const nowMs = performance.now();
      tookMs.push(nowMs - fromMs);
      gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
      await pause(2);
    }
    await client.close();
  };
  const workers: Promise<void>[] = [];
  for (let number = 0; number < count; number += 1) workers.push(work(await connect<typeof ballast>(installation.clientUrl), number));
  return {
    begin() {
      tookMs = [];
      gapMs = 0;
      lastMs = performance.now();
    },
    end: (seconds) => ({
      p50Ms: rounded(quantile(tookMs, 0.5)),
      p99Ms: rounded(quantile(tookMs, 0.99)),
      gapMs: rounded(gapMs),
      perSecond: Math.round(tookMs.length / seconds),
    }),
    async stop() {
      isOver = true;
      await Promise.all(workers);
    },
  };
}

/** The index of each replica's newest published snapshot. */
function snapshotsOf(installation: Installation): Map<string, string> {
  const folder = join(installation.dir, "replicas");
  const replicas = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== "set-aside");
  return new Map(
    replicas.map(({ name }) => {
      const names = readdirSync(join(folder, name, "data")).filter((file) => /^snapshot-\d/.test(file));
      return [name, names.sort().at(-1) ?? ""];
    }),
  );
}

async function snapshotEverywhere(installation: Installation, count: number): Promise<void> {
  const before = snapshotsOf(installation);
  await installation.change({ checkpointEntries: SOON });
  // One is begun by each at once, and none after it.
  await pause(300);
  await installation.change({ checkpointEntries: NEVER });
  for (let newer = 0; newer < count; await pause(50)) {
    newer = [...snapshotsOf(installation)].filter(([replica, name]) => name > (before.get(replica) ?? "")).length;
  }
}

async function killLeader(installation: Installation): Promise<void> {
  const { pid } = leaderOf(await installation.untilServing());
  process.kill(pid, "SIGKILL");
  await installation.untilWhole(pid);
}

function report(phases: readonly Phase[], stateMb: number, raw: Record<string, number>, snapshotSeconds: number, transferSeconds: number) {
  say("clients:");
  const rows = phases.map(({ name, seconds, perSecond, p50Ms, p99Ms, gapMs }) => [name, seconds, perSecond, p50Ms, p99Ms, gapMs]);
  say(tableOf(["phase", "seconds", "op/s", "p50 ms", "p99 ms", "longest gap ms"], rows));
  say("\nlongest stall of the event loop / longest pause for garbage, ms; highest memory, MB:");
  const names = [...new Set(phases.flatMap(({ processes }) => processes.map(({ name }) => name)))];
  const cellOf = (phase: Phase, name: string): string => {
    const found = phase.processes.find((each) => each.name === name);
    return found === undefined ? "-" : `${found.stallMs.toFixed(0)} / ${found.gcMs.toFixed(0)}; ${found.peakMb}`;
  };
  say(
    tableOf(
      ["process", ...phases.map(({ name }) => name)],
      names.map((name) => [name, ...phases.map((phase) => cellOf(phase, name))]),
    ),
  );
  const rate = (seconds: number): string => (stateMb / seconds).toFixed(0);
  say(
    `\nstate ${stateMb} MB; snapshot ${rate(snapshotSeconds)} MB/s on each of 3 at once (raw file: ${raw.fileMbPerSecond?.toFixed(0)} MB/s),`,
  );
  say(`transfer with relaunch and admission ${rate(transferSeconds)} MB/s (raw socket: ${raw.socketMbPerSecond?.toFixed(0)} MB/s)`);
}
