import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "troupe/client";
import type kv from "../examples/kv/kv.js";
import type { GroupStatus } from "../src/vocabulary/admin.js";
import { median, rangeOf, rounded, tableOf } from "./lib/figures.js";
import { type Installation, leaderOf, startInstallation } from "./lib/installation.js";
import { inFlight, stateOptions } from "./lib/large-state.js";
import { record, say, sayHead, tell } from "./lib/report.js";

const IN_FLIGHT = 256;
/** A checkpoint each so many entries, or as good as never. */
const OFTEN = 1_000;
const NEVER = 10_000_000;
const WAIT_MS = 120_000;

interface Trial {
  /** What the next leader said of itself before the strike. */
  readonly loadBytes: number;
  readonly replayEntries: number;
  readonly replayBytes: number;
  /** From the strike to the first answer. */
  readonly outageMs: number;
  /** The same with backups that hold the state, in the same run. */
  readonly warmOutageMs: number;
  /** Raw limit: the snapshot's file is read, and nothing done with it. */
  readonly readMs: number;
}

interface Row {
  readonly entries: number;
  readonly log: number;
  readonly trials: readonly Trial[];
}

export async function main(args: readonly string[]): Promise<void> {
  const own = {
    entries: { default: "1000,10000,100000", means: "sizes of the state, a Map, one after the other" },
    log: { default: "0,50000", means: "how many entries are written after the last checkpoint" },
    trials: { default: "5", means: "kills of the leader for each size, in each style" },
  };
  const options = stateOptions("promotion", 100, own, args);
  const list = (name: string): number[] => options.text(name).split(",").map(Number);
  const value = "v".repeat(options.count("size"));
  const dataFolder = options.text("dir");
  sayHead("Promotion of a cold backup: kill -9 of the leader, 3 replicas, durability disk", dataFolder);
  const rows: Row[] = [];
  for (const log of list("log")) {
    const installation = await startInstallation({ service: "kv", style: "cold-passive", replicas: 3, durability: "disk", dataFolder });
    try {
      let filled = 0;
      for (const entries of list("entries")) {
        const trials: Trial[] = [];
        while (trials.length < options.count("trials")) {
          const trial = await measure(installation, filled, entries, log, value);
          trials.push(trial);
          filled = entries;
          tell(`${entries} entries, ${log} behind the checkpoint: ${rounded(trial.outageMs)} ms, warm ${rounded(trial.warmOutageMs)} ms`);
        }
        rows.push({ entries, log, trials });
      }
    } finally {
      await installation.stop();
    }
  }
  say(
    tableOf(
      ["entries", "snapshot MB", "to replay", "replay MB", "strike to answer ms", "warm-passive ms", "cold / warm", "read of the file ms"],
      rows.map(cellsOf),
    ),
  );
  const settings = { entries: list("entries"), log: list("log"), sizeBytes: options.count("size"), trials: options.count("trials") };
  record(options.is("record"), "promotion", settings, dataFolder, { rows });
}

function cellsOf({ entries, trials }: Row): (string | number)[] {
  const of = (key: keyof Trial): number[] => trials.map((trial) => trial[key]);
  const [loadMb, replayMb] = [median(of("loadBytes")) / 1e6, median(of("replayBytes")) / 1e6];
  return [
    entries,
    rounded(loadMb),
    median(of("replayEntries")),
    rounded(replayMb),
    rangeOf(of("outageMs")),
    rangeOf(of("warmOutageMs")),
    rounded(median(of("outageMs")) / median(of("warmOutageMs"))),
    rangeOf(of("readMs")),
  ];
}

async function measure(installation: Installation, from: number, entries: number, log: number, value: string): Promise<Trial> {
  const client = await connect<typeof kv>(installation.clientUrl);
  await change(installation, { checkpointEntries: OFTEN });
  await put(client, value, from, entries);
  // Written over until the backups have a snapshot of all of it: it is shipped when it saves as much log as it is large.
  for (let round = 0; round < 40; round += 1) {
    await put(client, value, 0, Math.min(entries, 2 * OFTEN));
    if (Math.max(...(await backups(installation)).map((cold) => cold.replayEntries)) < entries / 2 + 2 * OFTEN) break;
    await pause(100);
  }
  await change(installation, { checkpointEntries: NEVER });
  await pause(300);
  await put(client, value, 0, log, entries);
  await pause(500);
  const before = await backups(installation);
  const replayEntries = Math.max(...before.map((cold) => cold.replayEntries));
  const next = before.find((cold) => cold.replayEntries === replayEntries);
  const readMs = readSnapshot(installation, next?.replica ?? "");
  const outageMs = await strike(installation, client);
  await change(installation, { style: "warm-passive", checkpointEntries: 10_000 });
  await until(installation, (group) => group.style === "warm-passive" && group.serving);
  const warmOutageMs = await strike(installation, client);
  await change(installation, { style: "cold-passive" });
  await until(installation, (group) => group.style === "cold-passive" && coldOf(group).length === group.members.length - 1);
  await client.close();
  const { loadBytes = 0, replayBytes = 0 } = next ?? {};
  return { loadBytes, replayEntries, replayBytes, outageMs, warmOutageMs, readMs };
}

/** Puts keys `from` to `through`, modulo `size`. */
async function put(client: Client<typeof kv>, value: string, from: number, through: number, size = through): Promise<void> {
  await inFlight(IN_FLIGHT, from, through, (number) => client.put({ key: `key-${number % size}`, value }));
}

async function strike(installation: Installation, client: Client<typeof kv>): Promise<number> {
  const { pid } = leaderOf(await installation.untilWhole());
  await client.put({ key: "probe", value: "before" });
  const strikeMs = performance.now();
  process.kill(pid, "SIGKILL");
  // Asked again where the promotion outlasts a request's time-out.
  for (let answered = false; !answered; )
    answered = await client.put({ key: "probe", value: "after" }).then(
      () => true,
      () => false,
    );
  const outageMs = performance.now() - strikeMs;
  await installation.untilWhole(pid);
  return outageMs;
}

function urlOf(installation: Installation): string {
  return installation.clientUrl.replace("troupe:", "http:").replace(/\/[^/]*$/, "");
}

async function change(installation: Installation, body: object): Promise<void> {
  const response = await fetch(`${urlOf(installation)}/v1/admin/groups/${installation.group}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`refused: ${await response.text()}`);
}

async function statusOf(installation: Installation): Promise<GroupStatus> {
  const response = await fetch(`${urlOf(installation)}/v1/status`);
  const { groups } = (await response.json()) as { readonly groups: readonly GroupStatus[] };
  const group = groups[0];
  if (group === undefined) throw new Error("no group");
  return group;
}

async function until(installation: Installation, holds: (group: GroupStatus) => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!holds(await statusOf(installation))) {
    if (performance.now() > endMs) throw new Error(`still ${JSON.stringify(await statusOf(installation))}`);
    await pause(50);
  }
}

function coldOf(group: GroupStatus) {
  return group.members.flatMap(({ replica, cold }) => (cold === undefined ? [] : [{ ...cold, replica }]));
}

async function backups(installation: Installation) {
  // Reports come each 100 ms.
  await pause(250);
  return coldOf(await statusOf(installation));
}

function readSnapshot(installation: Installation, replica: string): number {
  const folder = join(installation.dir, "replicas", replica, "data");
  const name = readdirSync(folder).find((each) => each.startsWith("snapshot-"));
  const fromMs = performance.now();
  if (name !== undefined) readFileSync(join(folder, name));
  return performance.now() - fromMs;
}
