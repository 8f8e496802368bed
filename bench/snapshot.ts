import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "troupe/client";
import type ballast from "./lib/ballast.js";
import { type BareMap, bareMap } from "./lib/bare-map.js";
import { median, rangeOf, rounded, tableOf } from "./lib/figures.js";
import { type Installation, leaderOf } from "./lib/installation.js";
import { type Clients, fill, NEVER, type Phase, SOON, startBallast, startClients, stateOptions } from "./lib/large-state.js";
import type { ProcessFigures } from "./lib/probes.js";
import { rawFileRate, rawSocketRate } from "./lib/raw-rates.js";
import { record, say, sayHead } from "./lib/report.js";

const RAW_SIZE_BYTES = 256 * 1024 * 1024;
const LOOK_AGAIN_MS = 20;
const WAIT_MS = 300_000;

/** A snapshot as it was seen on the disk, from its first byte to its own name. */
interface Written {
  readonly replica: string;
  readonly seconds: number;
  readonly sizeMb: number;
}

/** Snapshot and transfer of a large state while clients work. */
export async function main(args: readonly string[]): Promise<void> {
  const options = stateOptions(
    "snapshot",
    1_000,
    {
      style: { default: "active", means: "warm-passive or active" },
      replicas: { default: "3", means: "with one, nothing is transferred or killed" },
      clients: { default: "8", means: "each with one request at a time, and a pause of 2 ms" },
      seconds: { default: "10", means: "of the measurement before anything happens" },
      suspicion: { default: "150", means: "ms of silence after which a server is suspected; more where the machine has other work" },
      trials: { default: "3", means: "kills of the leader, without a snapshot and in the middle of one" },
      phases: { default: "snapshot,transfer,kill", means: "what is measured" },
    },
    args,
  );
  const entries = options.count("entries");
  const sizeBytes = options.count("size");
  const dataFolder = options.text("dir");
  const style = options.text("style");
  const replicas = options.count("replicas");
  const wanted = options.text("phases").split(",");
  const stateMb = (entries * sizeBytes) / 1e6;
  sayHead(`Snapshot and transfer: ${entries} entries of ${sizeBytes} bytes, ${style}, ${replicas} replicas, durability disk`, dataFolder);
  const raw = { fileMbPerSecond: await rawFileRate(dataFolder, RAW_SIZE_BYTES), socketMbPerSecond: await rawSocketRate(RAW_SIZE_BYTES) };
  // Before the installation: its processes would take the processors, and the memory.
  const bare = await bareMap(join(dataFolder, `probes-bare-${process.pid}`), entries, sizeBytes, options.count("seconds"));
  const { installation, probes } = await startBallast(options, "loop-probe", { style, replicas });
  const phases: Phase[] = [];
  const written: Written[] = [];
  try {
    await installation.change(NEVER);
    await installation.changeDetector({ suspicionTimeoutMs: options.count("suspicion") });
    const filler = await connect<typeof ballast>(installation.clientUrl);
    await fill(filler, entries, sizeBytes);
    await filler.close();
    const clients = await startClients(installation, probes, options.count("clients"), entries, sizeBytes);
    // The first of this size, whose length nobody knows; those after it are taken in turns.
    await snapshotEverywhere(installation, []);
    phases.push(await clients.during("before", () => pause(options.count("seconds") * 1_000)));
    if (wanted.includes("snapshot")) phases.push(await clients.during("snapshots", () => snapshotEverywhere(installation, written)));
    if (wanted.includes("transfer") && replicas > 1) phases.push(await transfer(installation, clients, replicas));
    if (wanted.includes("kill") && replicas > 1) phases.push(...(await kills(installation, clients, options.count("trials"))));
    await clients.stop();
  } finally {
    await installation.stop();
  }
  report(phases, bare, written, stateMb, raw);
  const figures = { stateMb, ...raw, bare, written, phases };
  record(
    options.is("record"),
    "snapshot",
    { entries, sizeBytes, style, replicas, suspicionMs: options.count("suspicion"), trials: options.count("trials") },
    dataFolder,
    figures,
  );
}

function foldersOf(installation: Installation): Map<string, string> {
  const folder = join(installation.dir, "replicas");
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== "set-aside");
  return new Map(names.map(({ name }) => [name, join(folder, name, "data")]));
}

function newestIn(folder: string): string {
  const names = readdirSync(folder).filter((file) => /^snapshot-\d/.test(file));
  return names.sort().at(-1) ?? "";
}

function isWriting(folder: string): boolean {
  return readdirSync(folder).some((file) => file.startsWith("snapshot-new-"));
}

/** Has each replica take one, in whatever order they do. */
async function snapshotEverywhere(installation: Installation, written: Written[]): Promise<void> {
  const folders = [...foldersOf(installation)];
  const before = new Map(folders.map(([replica, folder]) => [replica, newestIn(folder)]));
  const since = new Map<string, number>();
  const done = new Set<string>();
  await installation.change({ ...NEVER, ...SOON });
  for (const endMs = performance.now() + WAIT_MS; done.size < folders.length; await pause(LOOK_AGAIN_MS)) {
    if (performance.now() > endMs) throw new Error("not every replica took a snapshot");
    for (const [replica, folder] of folders) {
      const newest = newestIn(folder);
      const fromMs = since.get(replica);
      if (fromMs === undefined && isWriting(folder)) since.set(replica, performance.now());
      if (done.has(replica) || newest === before.get(replica)) continue;
      done.add(replica);
      const seconds = (performance.now() - (fromMs ?? performance.now())) / 1_000;
      written.push({ replica, seconds, sizeMb: statSync(join(folder, newest)).size / 1e6 });
    }
  }
  await installation.change(NEVER);
  // One that had begun again in the meantime is part of what is measured.
  while (folders.some(([, folder]) => isWriting(folder))) await pause(LOOK_AGAIN_MS);
}

async function transfer(installation: Installation, clients: Clients, replicas: number): Promise<Phase> {
  const phase = await clients.during("transfer", async () => {
    await installation.change({ replicas: replicas + 1 });
    await installation.untilWhole(undefined, replicas + 1);
  });
  await installation.change({ replicas });
  await installation.untilWhole(undefined, replicas);
  return phase;
}

const USUAL_KILL = "kill of the leader";
const KILL_DURING = "kill during its snapshot";

/** The leader is killed as usual, and then in the middle of its snapshot, in turns. */
async function kills(installation: Installation, clients: Clients, trials: number): Promise<Phase[]> {
  const phases: Phase[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await untilQuiet(installation);
    phases.push(await clients.during(USUAL_KILL, () => killLeader(installation)));
    await untilQuiet(installation);
    phases.push(await killDuringSnapshot(installation, clients));
  }
  return phases;
}

/** Each replica has its state, and none writes a snapshot. */
async function untilQuiet(installation: Installation): Promise<void> {
  await installation.untilWarm();
  while ([...foldersOf(installation).values()].some(isWriting)) await pause(LOOK_AGAIN_MS);
  await pause(2_000);
}

async function killDuringSnapshot(installation: Installation, clients: Clients): Promise<Phase> {
  const leader = leaderOf(await installation.untilWhole());
  const folder = foldersOf(installation).get(leader.replica) ?? "";
  await installation.change({ ...NEVER, ...SOON });
  for (const endMs = performance.now() + WAIT_MS; !isWriting(folder) && performance.now() < endMs; ) await pause(LOOK_AGAIN_MS);
  const phase = await clients.during(KILL_DURING, async () => {
    await pause(500);
    if (!isWriting(folder)) throw new Error("the snapshot was over too soon to kill its leader in the middle of it");
    await killLeader(installation);
  });
  await installation.change(NEVER);
  return phase;
}

async function killLeader(installation: Installation): Promise<void> {
  const { pid } = leaderOf(await installation.untilServing());
  process.kill(pid, "SIGKILL");
  await installation.untilWhole(pid);
}

function report(phases: readonly Phase[], bare: BareMap, written: readonly Written[], stateMb: number, raw: Record<string, number>) {
  say("clients:");
  const rows = phases.map(({ name, seconds, perSecond, p50Ms, p99Ms, gapMs }) => [name, seconds, perSecond, p50Ms, p99Ms, gapMs]);
  say(tableOf(["phase", "seconds", "op/s", "p50 ms", "p99 ms", "longest gap ms"], rows));
  const gapsOf = (kill: string): number[] => phases.filter(({ name }) => name === kill).map(({ gapMs }) => gapMs);
  const [usual, during] = [gapsOf(USUAL_KILL), gapsOf(KILL_DURING)];
  if (usual.length > 0)
    say(
      `gap at a ${USUAL_KILL} ${rangeOf(usual)} ms, at a ${KILL_DURING} ${rangeOf(during)} ms: ${rounded(median(during) / median(usual))} times`,
    );
  say(
    "\nstalls of the event loop, ms: longest without the waiting for a processor (how many above 10) / computed alone / with the waiting / longest pause for garbage (collections of the whole heap); highest memory, MB:",
  );
  const names = [...new Set(phases.flatMap(({ processes }) => processes.map(({ name }) => name)))];
  const cellOf = (phase: Phase, name: string): string => {
    const found = phase.processes.find((each) => each.name === name);
    return found === undefined ? "-" : cellText(found);
  };
  say(
    tableOf(
      ["process", ...phases.map(({ name }) => name)],
      names.map((name) => [name, ...phases.map((phase) => cellOf(phase, name))]),
    ),
  );
  say("\nthe floor, a process with the same Map and as many puts, and nothing of Troupe:");
  for (const [what, found] of [
    ["puts", bare.puts],
    ["puts, and collections of the whole heap", bare.collections],
  ] as const)
    say(`  ${what}: ${found === null ? "-" : cellText(found)}`);
  say(`\nstate ${stateMb} MB; raw file ${raw.fileMbPerSecond?.toFixed(0)} MB/s, raw socket ${raw.socketMbPerSecond?.toFixed(0)} MB/s`);
  for (const { replica, seconds, sizeMb } of written)
    say(`${replica} wrote a snapshot of ${sizeMb.toFixed(0)} MB in ${seconds.toFixed(1)} s: ${(sizeMb / seconds).toFixed(0)} MB/s`);
  const transferred = phases.find(({ name }) => name === "transfer");
  if (transferred !== undefined) say(`transfer with launch and admission: ${(stateMb / transferred.seconds).toFixed(0)} MB/s`);
}

function cellText({ ownMs, longCount, busyMs, stallMs, gcMs, majorCount, peakMb }: ProcessFigures): string {
  const [own, busy, stall, gc] = [ownMs, busyMs, stallMs, gcMs].map((ms) => ms.toFixed(0));
  return `${own} (${longCount}) / ${busy} / ${stall} / ${gc} (${majorCount}); ${peakMb}`;
}
