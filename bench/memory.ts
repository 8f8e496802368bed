import { rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Client, connect } from "troupe/client";
import type ballast from "./lib/ballast.js";
import { rounded, tableOf } from "./lib/figures.js";
import type { Installation } from "./lib/installation.js";
import { fill, inFlight, startBallast, stateOptions } from "./lib/large-state.js";
import type { Options } from "./lib/options.js";
import { askHeap } from "./lib/probes.js";
import { record, say, sayHead, tell } from "./lib/report.js";

/** More than a replica keeps of its log in memory: what the filling left there is gone after them. */
const SMALL_PUTS = 20_000;
const IN_FLIGHT = 64;
const PATIENCE_MS = 10_000;

interface Row {
  readonly style: string;
  readonly role: string;
  /** After garbage was collected: of the process with a state of nothing, and with all entries. */
  readonly emptyMb: number;
  readonly fullMb: number;
  readonly bytesAnEntry: number;
  readonly timesBare: number;
}

/** What an entry of a large Map costs in memory, in the server processes of each style and in a bare Map. */
export async function main(args: readonly string[]): Promise<void> {
  const styles = { styles: { default: "warm-passive,active,cold-passive", means: "one after the other, two replicas each" } };
  const options = stateOptions("memory", 100, styles, args);
  const entries = options.count("entries");
  const sizeBytes = options.count("size");
  const dataFolder = options.text("dir");
  sayHead(`Memory: ${entries} entries of ${sizeBytes} bytes in one Map, the heap after collection`, dataFolder);
  const bareBytes = measureBare(entries, sizeBytes) / entries;
  say(`bare Map: ${rounded(bareBytes)} bytes an entry, key and value included\n`);
  const rows: Row[] = [];
  for (const style of options.text("styles").split(",")) {
    const found = await measureStyle(style, options);
    rows.push(...found.map((row) => ({ ...row, timesBare: rounded(row.bytesAnEntry / bareBytes) })));
    tell(`${style} is measured`);
  }
  const cells = rows.map((row) => [`${row.style} ${row.role}`, row.emptyMb, row.fullMb, row.bytesAnEntry, row.timesBare]);
  say(tableOf(["process", "empty MB", "full MB", "bytes an entry", "times a bare Map"], cells));
  record(options.is("record"), "memory", { entries, sizeBytes }, dataFolder, { bareBytes: rounded(bareBytes), rows });
}

/** The same keys and values, each a string of its own. */
function measureBare(entries: number, sizeBytes: number): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  const map = new Map<string, string>();
  // Through bytes: a padded string would be a tree of parts.
  const flat = (text: string): string => Buffer.from(text, "latin1").toString("latin1");
  for (let number = 0; number < entries; number += 1) map.set(flat(`key-${number}`), flat(String(number).padStart(sizeBytes, "v")));
  const after = used();
  if (map.size !== entries) throw new Error("entries are missing");
  return after - before;
}

async function measureStyle(style: string, options: Options): Promise<Omit<Row, "timesBare">[]> {
  const entries = options.count("entries");
  const sizeBytes = options.count("size");
  const { installation, probes } = await startBallast(options, "heap-probe", { style, replicas: 2 });
  try {
    // A process that collects a large heap at once would be taken for one that hangs.
    await installation.changeDetector({ suspicionTimeoutMs: PATIENCE_MS });
    const client = await connect<typeof ballast>(installation.clientUrl);
    await smallPuts(client, sizeBytes);
    const empty = await heapsOf(installation, probes);
    await fill(client, entries, sizeBytes);
    await smallPuts(client, sizeBytes);
    const full = await heapsOf(installation, probes);
    await client.close();
    return [...full].map(([replica, { role, bytes }]) => {
      const emptyBytes = empty.get(replica)?.bytes ?? 0;
      const bytesAnEntry = rounded((bytes - emptyBytes) / entries);
      return { style, role, emptyMb: rounded(emptyBytes / 1e6), fullMb: rounded(bytes / 1e6), bytesAnEntry };
    });
  } finally {
    await installation.stop();
    rmSync(probes, { recursive: true, force: true });
  }
}

async function smallPuts(client: Client<typeof ballast>, sizeBytes: number): Promise<void> {
  await inFlight(IN_FLIGHT, 0, SMALL_PUTS, () => client.put({ number: 0, sizeBytes }));
  // A snapshot that is under way holds what was overwritten meanwhile.
  await pause(3_000);
}

async function heapsOf(installation: Installation, probes: string): Promise<ReadonlyMap<string, { role: string; bytes: number }>> {
  const { members, leader } = await installation.untilWhole();
  const heaps = new Map<string, { role: string; bytes: number }>();
  for (const { replica, pid } of members) {
    if (pid === null) continue;
    heaps.set(replica, { role: replica === leader ? "leader" : "follower", bytes: await askHeap(probes, pid) });
  }
  return heaps;
}
