import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "troupe/client";
import type ballast from "./ballast.js";
import { quantile, rounded } from "./figures.js";
import { type Installation, startInstallation } from "./installation.js";
import { type OptionTable, type Options, readOptions } from "./options.js";
import { askProbes, type ProcessFigures, probeEnvironment } from "./probes.js";
import { DATA_FOLDER, PROJECT, tell } from "./report.js";

/** What several measurements of a large state have in common: their options, an installation of a service that can be filled, and clients. */

const FILL_ENTRIES = 1_000;
const FILL_TRIES = 5;
/** As good as never, and as soon as can be asked for. */
export const NEVER = { checkpointEntries: 10_000_000, checkpointBytes: 1_000_000_000 };
export const SOON = { checkpointEntries: 100 };

/** `own` adds to what all have, or takes its place. */
export function stateOptions(name: string, sizeBytes: number, own: OptionTable, args: readonly string[]): Options {
  const common: OptionTable = {
    entries: { default: "1000000", means: "entries of the state, a Map" },
    size: { default: String(sizeBytes), means: "bytes of each value" },
    dir: { default: DATA_FOLDER, means: "where data go" },
    record: { default: false, means: "append the result to bench/history.ndjson" },
  };
  return readOptions(name, { ...common, ...own }, args);
}

/** An installation of the ballast service with a probe in each process, and the folder that the probes write to. */
export async function startBallast(
  options: Options,
  probe: "loop-probe" | "heap-probe",
  made: { readonly style: string; readonly replicas: number },
): Promise<{ readonly installation: Installation; readonly probes: string }> {
  const dataFolder = options.text("dir");
  const probes = join(dataFolder, `probes-${process.pid}`);
  const installation = await startInstallation({
    ...made,
    service: join(PROJECT, "bench/lib/ballast.ts"),
    group: "ballast",
    durability: "disk",
    dataFolder,
    env: probeEnvironment(probes, probe),
  });
  await installation.untilWhole();
  return { installation, probes };
}

/** Requests for the numbers from `from` to below `through`, so many at a time. */
export async function inFlight(count: number, from: number, through: number, ask: (number: number) => Promise<unknown>): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    for (let number = next++; number < through; number = next++) await ask(number);
  };
  await Promise.all(Array.from({ length: count }, work));
}

export async function fill(client: Client<typeof ballast>, entries: number, sizeBytes: number): Promise<void> {
  const fromMs = performance.now();
  for (let from = 0; from < entries; from += FILL_ENTRIES) {
    const piece = { from, count: Math.min(FILL_ENTRIES, entries - from), sizeBytes };
    // The same again where nobody knows whether it was done: it is the same state.
    for (let tries = 0; !(await client.fill(piece).then(() => true, failed(tries))); ) tries += 1;
    if (from % (100 * FILL_ENTRIES) === 0) tell(`${from} entries`);
  }
  tell(`filled in ${((performance.now() - fromMs) / 1_000).toFixed(1)} s`);
}

function failed(tries: number): (error: unknown) => false {
  return (error) => {
    if (tries >= FILL_TRIES) throw error;
    return false;
  };
}

export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly gapMs: number;
  readonly perSecond: number;
  readonly processes: readonly ProcessFigures[];
}

export interface Clients {
  /** What clients and processes saw while `body` ran. */
  during(name: string, body: () => Promise<void>): Promise<Phase>;
  stop(): Promise<void>;
}

/** Clients that put to the state, each with one request at a time and a pause of 2 ms. */
export async function startClients(
  installation: Installation,
  probes: string,
  count: number,
  entries: number,
  sizeBytes: number,
): Promise<Clients> {
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
    async during(name, body) {
      await askProbes(probes, installation.dir);
      tookMs = [];
      gapMs = 0;
      lastMs = performance.now();
      const fromMs = lastMs;
      await body();
      const nowMs = performance.now();
      const seconds = (nowMs - fromMs) / 1_000;
      // Nobody was answered since: that is a gap as well.
      const gap = Math.max(gapMs, nowMs - lastMs);
      const took = tookMs;
      tell(`${name}: ${seconds.toFixed(1)} s, gap ${gap.toFixed(0)} ms`);
      return {
        name,
        seconds: rounded(seconds),
        p50Ms: rounded(quantile(took, 0.5)),
        p99Ms: rounded(quantile(took, 0.99)),
        gapMs: rounded(gap),
        perSecond: Math.round(took.length / seconds),
        processes: await askProbes(probes, installation.dir),
      };
    },
    async stop() {
      isOver = true;
      await Promise.all(workers);
    },
  };
}
