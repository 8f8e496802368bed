import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "troupe/client";
import type counter from "../examples/counter/counter.js";
import type kv from "../examples/kv/kv.js";
import { quantile, rounded, summaryOf, tableOf } from "./lib/figures.js";
import { type Installation, leaderOf, startInstallation } from "./lib/installation.js";
import { messageSizesOf } from "./lib/message-sizes.js";
import { readOptions } from "./lib/options.js";
import { endProfiles, profileEnvironment, selfTimes, startProfiles } from "./lib/profile.js";
import { measureSyncs } from "./lib/raw-disk.js";
import { type MessageSizes, measureRelay } from "./lib/relay.js";
import { DATA_FOLDER, record, say, sayHead, tell } from "./lib/report.js";

type Service = "kv" | "counter";

interface Level {
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly leaderCpu: number;
  readonly clientCpu: number;
}

interface RawLevel {
  readonly inFlight: number;
  readonly relay: { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number };
  readonly durableRelay: { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number };
  /** As many entries in each sync as are in flight, three files at once. */
  readonly diskPerSecond: number;
  readonly syncMs: number;
}

interface Plan {
  readonly replicas: number;
  readonly durability: "disk" | "memory";
  readonly levels: readonly number[];
  readonly clients: number;
  readonly seconds: number;
  readonly dataFolder: string;
  readonly profiles: string | null;
}

const SAMPLES: Readonly<Record<Service, MessageSizes>> = {
  kv: messageSizesOf("kv", "put", { key: "key-123", value: "v".repeat(100) }, undefined),
  counter: messageSizesOf("counter", "add", 1, 100_000),
};
/** As many replicas as share the disk. */
const STREAMS = 3;
const WARM_UP_MS = 1_500;
const PROFILE_ROWS = 30;

export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "throughput",
    {
      "in-flight": { default: "1,16,64,256", means: "requests under way at once, one measurement each" },
      style: { default: "warm-passive,active", means: "styles to measure" },
      service: { default: "kv,counter", means: "kv (put of a 100-byte value) and counter (add)" },
      seconds: { default: "5", means: "of each measurement, after a warm-up" },
      clients: { default: "1", means: "clients (connections) that share the requests in flight" },
      replicas: { default: "3", means: "size of the group" },
      durability: { default: "disk", means: "disk (every acknowledgement after an fdatasync) or memory" },
      "cpu-prof": { default: "", means: "a folder for CPU profiles of the servers; prints where the leader spends its time" },
      dir: { default: DATA_FOLDER, means: "where data go" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  const plan: Plan = {
    replicas: options.count("replicas"),
    durability: options.text("durability") === "memory" ? "memory" : "disk",
    levels: options.text("in-flight").split(",").map(Number),
    clients: options.count("clients"),
    seconds: options.count("seconds"),
    dataFolder: options.text("dir"),
    profiles: options.text("cpu-prof") === "" ? null : options.text("cpu-prof"),
  };
  sayHead(
    `Throughput: ${plan.replicas} replicas, durability ${plan.durability}, ${plan.clients} client(s) in one process`,
    plan.dataFolder,
  );
  const figures: object[] = [];
  for (const service of options.text("service").split(",") as Service[]) {
    const raw = await measureRaw(SAMPLES[service], plan);
    say(rawReportOf(service, raw));
    for (const style of options.text("style").split(",")) {
      const levels = await measureSystem(service, style, plan);
      say(reportOf(service, style, levels, raw, plan.durability));
      figures.push({ service, style, levels });
    }
    figures.push({ service, raw, sizes: SAMPLES[service] });
  }
  const { replicas, durability, seconds, clients } = plan;
  record(options.is("record"), "throughput", { replicas, durability, seconds, clients }, plan.dataFolder, figures);
}

async function measureRaw(sizes: MessageSizes, { levels, dataFolder, seconds }: Plan): Promise<RawLevel[]> {
  const measured: RawLevel[] = [];
  const durationMs = seconds * 500;
  for (const inFlight of levels) {
    tell(`raw limits at ${inFlight} in flight`);
    const run = { sizes, inFlight, warmUpMs: 500, durationMs };
    const relay = await measureRelay({ ...run, folder: null });
    const durable = await measureRelay({ ...run, folder: dataFolder });
    const syncsMs = await measureSyncs(dataFolder, STREAMS, inFlight * sizes.entryBytes, 1_000);
    const syncMs = summaryOf(syncsMs).median;
    const rate = (samples: readonly number[]) => ({
      perSecond: Math.round((samples.length * 1_000) / durationMs),
      p50Ms: rounded(quantile(samples, 0.5)),
      p99Ms: rounded(quantile(samples, 0.99)),
    });
    measured.push({
      inFlight,
      relay: rate(relay),
      durableRelay: rate(durable),
      diskPerSecond: Math.round((inFlight * syncsMs.length) / STREAMS),
      syncMs,
    });
  }
  return measured;
}

async function measureSystem(service: Service, style: string, plan: Plan): Promise<Level[]> {
  const { replicas, durability, dataFolder, profiles } = plan;
  const env = profiles === null ? {} : profileEnvironment(profiles);
  const installation = await startInstallation({ service, style, replicas, durability, dataFolder, env });
  try {
    const levels: Level[] = [];
    for (const inFlight of plan.levels) {
      tell(`${service}, ${style}, ${inFlight} in flight`);
      levels.push(await measureLevel(installation, service, style, inFlight, plan));
    }
    return levels;
  } finally {
    await installation.stop();
  }
}

async function measureLevel(installation: Installation, service: Service, style: string, inFlight: number, plan: Plan): Promise<Level> {
  const status = await installation.untilWhole();
  const leader = leaderOf(status);
  const work = await startWork(installation.clientUrl, service, inFlight, Math.min(plan.clients, inFlight));
  await pause(WARM_UP_MS);
  const servers = status.members.flatMap(({ replica, pid }) => (pid === null ? [] : [{ replica, pid }]));
  if (plan.profiles !== null) startProfiles(servers);
  work.tookMs.length = 0;
  const fromMs = performance.now();
  const leaderFromMs = cpuMsOf(leader.pid);
  const clientFrom = process.cpuUsage();
  await pause(plan.seconds * 1_000);
  const tookMs = [...work.tookMs];
  const durationMs = performance.now() - fromMs;
  const leaderMs = cpuMsOf(leader.pid) - leaderFromMs;
  const client = process.cpuUsage(clientFrom);
  const isSame = leaderOf(await installation.untilWhole()).pid === leader.pid;
  if (!isSame) say(`NOTE: ${service}, ${style}, ${inFlight} in flight: the leader changed during the measurement.`);
  if (plan.profiles !== null) {
    const paths = await endProfiles(plan.profiles, servers, `${service}-${style}-${inFlight}`);
    const path = paths.get(leader.replica);
    if (path !== undefined)
      say(`Leader ${leader.replica}, ${service}, ${style}, ${inFlight} in flight (${path}):\n${selfTimes(path, PROFILE_ROWS)}\n`);
  }
  await work.stop();
  return {
    inFlight,
    perSecond: Math.round((tookMs.length * 1_000) / durationMs),
    p50Ms: rounded(quantile(tookMs, 0.5)),
    p99Ms: rounded(quantile(tookMs, 0.99)),
    leaderCpu: isSame ? rounded(leaderMs / durationMs) : Number.NaN,
    clientCpu: rounded((client.user + client.system) / 1_000 / durationMs),
  };
}

interface Work {
  readonly tookMs: number[];
  stop(): Promise<void>;
}

/** Each of so many workers sends its next request when it has the answer to its last. */
async function startWork(url: string, service: Service, inFlight: number, clientCount: number): Promise<Work> {
  const tookMs: number[] = [];
  let isOver = false;
  const loop = async (request: () => Promise<unknown>): Promise<void> => {
    while (!isOver) {
      const fromMs = performance.now();
      await request();
      tookMs.push(performance.now() - fromMs);
    }
  };
  const clients = await Promise.all(Array.from({ length: clientCount }, () => connectTo(url, service)));
  const workers = Array.from({ length: inFlight }, (_, number) => {
    const client = clients[number % clients.length];
    return client === undefined ? Promise.resolve() : loop(client.request);
  });
  return {
    tookMs,
    async stop() {
      isOver = true;
      await Promise.all(workers);
      for (const client of clients) await client.close();
    },
  };
}

interface Connected {
  readonly request: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

async function connectTo(url: string, service: Service): Promise<Connected> {
  if (service === "counter") {
    const client: Client<typeof counter> = await connect<typeof counter>(url);
    return { request: () => client.add(1), close: () => client.close() };
  }
  const client: Client<typeof kv> = await connect<typeof kv>(url);
  const value = "v".repeat(100);
  let number = 0;
  return {
    request: () => {
      number = (number + 1) % 1_000;
      return client.put({ key: `key-${number}`, value });
    },
    close: () => client.close(),
  };
}

const TICK_MS = 10;

/** Processor time of a process; NaN where there is no /proc. */
function cpuMsOf(pid: number): number {
  try {
    const fields =
      readFileSync(join("/proc", String(pid), "stat"), "utf8")
        .split(") ")[1]
        ?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}

function reportOf(service: Service, style: string, levels: readonly Level[], raw: readonly RawLevel[], durability: string): string {
  const share = (part: number, of: number | undefined): string => (of === undefined ? "-" : `${((100 * part) / of).toPrecision(2)} %`);
  const rows = levels.map(({ inFlight, perSecond, p50Ms, p99Ms, leaderCpu, clientCpu }, position) => {
    const limit = raw[position];
    const shares = [limit?.relay.perSecond, limit?.durableRelay.perSecond, limit?.diskPerSecond].map((of) => share(perSecond, of));
    return [inFlight, perSecond, p50Ms, p99Ms, leaderCpu, clientCpu, ...shares];
  });
  const head = ["in flight", "ops/s", "p50 ms", "p99 ms", "leader cpu", "client cpu", "of relay", "of durable relay", "of disk"];
  return `${service}, ${style}, durability ${durability}\n${tableOf(head, rows)}\n`;
}

function rawReportOf(service: Service, raw: readonly RawLevel[]): string {
  const { requestBytes, entryBytes, ackBytes, replyBytes } = SAMPLES[service];
  const sizes = `request ${requestBytes} bytes, entry ${entryBytes}, acknowledgement ${ackBytes}, reply ${replyBytes}`;
  const rows = raw.map(({ inFlight, relay, durableRelay, diskPerSecond, syncMs }) => [
    ...[inFlight, relay.perSecond, relay.p50Ms, relay.p99Ms],
    ...[durableRelay.perSecond, durableRelay.p50Ms, durableRelay.p99Ms, diskPerSecond, rounded(syncMs)],
  ]);
  const head = ["in flight", "relay ops/s", "p50 ms", "p99 ms", "durable relay ops/s", "p50 ms", "p99 ms", "disk ops/s", "sync ms"];
  return `${service}, raw limits (${sizes})\n${tableOf(head, rows)}\n`;
}
