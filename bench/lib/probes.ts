import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { PROJECT } from "./report.js";

/** What a process was seen to do since it was asked last. */
export interface ProcessFigures {
  readonly name: string;
  /** The longest time that its event loop was held up, without and with the waiting for a processor, and its longest pause for garbage. */
  readonly ownMs: number;
  readonly stallMs: number;
  /** How often it was held up for more than 10 ms without the waiting, and the longest time that it computed alone. */
  readonly longCount: number;
  readonly busyMs: number;
  /** How often the whole heap was collected. */
  readonly majorCount: number;
  readonly gcMs: number;
  /** Resident memory at its highest. */
  readonly peakMb: number;
}

/** For the environment of the processes. */
export function probeEnvironment(folder: string, probe: "loop-probe" | "heap-probe"): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true });
  const preload = pathToFileURL(join(PROJECT, `bench/lib/${probe}.mjs`)).href;
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${preload}`.trim(), TROUPE_BENCH_PROBES: resolve(folder) };
}

/** Asks every process of an installation, and lets each begin anew. */
export async function askProbes(folder: string, dir: string): Promise<ProcessFigures[]> {
  const asked = processesOf(dir).map(async ({ name, pid }): Promise<ProcessFigures[]> => {
    const found = await askLoop(folder, name, pid);
    return found === null ? [] : [found];
  });
  return (await Promise.all(asked)).flat();
}

/** Asks one process with a loop probe, and lets it begin anew. */
export async function askLoop(folder: string, name: string, pid: number): Promise<ProcessFigures | null> {
  const found = await askProcess<LoopFound>(folder, pid);
  if (found === null) return null;
  const { ownMsMax: ownMs, busyMsMax: busyMs, longCount, majorCount, stallMsMax: stallMs, gcMsMax: gcMs } = found;
  return { name, ownMs, busyMs, longCount, majorCount, stallMs, gcMs, peakMb: takePeak(pid) };
}

interface LoopFound {
  readonly stallMsMax: number;
  readonly ownMsMax: number;
  readonly busyMsMax: number;
  readonly longCount: number;
  readonly gcMsMax: number;
  readonly majorCount: number;
}

/** What a process holds after garbage was collected, which stops it for a while, in bytes. */
export async function askHeap(folder: string, pid: number): Promise<number> {
  const found = await askProcess<{ usedBytes: number }>(folder, pid);
  if (found === null) throw new Error(`process ${pid} gave no answer`);
  return found.usedBytes;
}

/** What the probe of a process writes when it is asked; null if it does not. */
async function askProcess<Found>(folder: string, pid: number): Promise<Found | null> {
  const path = join(folder, `${pid}.json`);
  rmSync(path, { force: true });
  process.kill(pid, "SIGUSR2");
  for (let look = 0; look < 250 && !existsSync(path); look += 1) await pause(20);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}

/** Reads the highest resident size, and begins anew. */
function takePeak(pid: number): number {
  try {
    const kb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    return Math.round(kb / 1024);
  } catch {
    return 0;
  }
}

function processesOf(dir: string): { name: string; pid: number }[] {
  const folder = join(dir, "run", "processes");
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.flatMap((file) => {
    try {
      const { pid } = JSON.parse(readFileSync(join(folder, file), "utf8"));
      process.kill(pid, 0);
      return [{ name: file.slice(0, -".json".length), pid: Number(pid) }];
    } catch {
      return [];
    }
  });
}
