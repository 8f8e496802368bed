import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, isSameProcess, processState } from "../../../src/runtime/process-info.js";
import { untilTrue } from "./wait.js";

/** One process of an installation: what /proc knows it by for good. */
export interface KnownProcess {
  readonly name: string;
  readonly pid: number;
  readonly startTime: number;
}

const STRIKE_TIMEOUT_MS = 5_000;

/** The process that now has this name (`gfd`, `rm`, `lfd`, `gateway`, `up`, or a replica's), or null when it is between two lives. */
export function processNamed(dir: string, name: string): KnownProcess | null {
  try {
    const record: KnownProcess = JSON.parse(readFileSync(join(dir, "run", "processes", `${name}.json`), "utf8"));
    return isAlive(record.pid, record.startTime) ? record : null;
  } catch {
    return null;
  }
}

/** All that run now, by name. */
export function processesOf(dir: string): KnownProcess[] {
  const names = readdirSync(join(dir, "run", "processes")).filter((file) => file.endsWith(".json"));
  return names.flatMap((file) => processNamed(dir, file.slice(0, -".json".length)) ?? []);
}

/** Every process of the machine whose command line names the folder, whether anybody has recorded it or not. Zombies have none. */
export function processesNaming(dir: string): { pid: number; command: string }[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      return command.includes(dir) && Number(entry) !== process.pid ? [{ pid: Number(entry), command }] : [];
    } catch {
      return [];
    }
  });
}

/** A fault that was seen from outside to have struck. */
export interface Struck extends KnownProcess {
  readonly atMs: number;
}

/** Kills processes in the same moment and waits until the kernel says that each is gone. */
export async function killAll(dir: string, names: readonly string[]): Promise<readonly Struck[]> {
  const targets = names.map((name) => mustRun(dir, name));
  const atMs = performance.now();
  for (const { pid } of targets) process.kill(pid, "SIGKILL");
  for (const target of targets)
    await untilTrue(
      `the kernel says that ${target.name} (${target.pid}) is dead`,
      STRIKE_TIMEOUT_MS,
      () => !isAlive(target.pid, target.startTime),
    );
  return targets.map((target) => ({ ...target, atMs }));
}

export async function kill(dir: string, name: string): Promise<Struck> {
  const [struck] = await killAll(dir, [name]);
  if (struck === undefined) throw new Error(`${name} was not struck`);
  return struck;
}

/** Stops a process and waits until the kernel calls it stopped. */
export async function freeze(dir: string, name: string): Promise<Struck> {
  const target = mustRun(dir, name);
  const atMs = performance.now();
  process.kill(target.pid, "SIGSTOP");
  await untilTrue(`the kernel calls ${name} (${target.pid}) stopped`, STRIKE_TIMEOUT_MS, () => processState(target.pid) === "stopped");
  return { ...target, atMs };
}

/** Waits until the kernel says that a thread of the process waits for a disk, and cannot be interrupted. */
export function untilHangs({ name, pid }: KnownProcess): Promise<void> {
  const isWaiting = (thread: string): boolean => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("D");
  };
  const what = `the kernel says that a thread of ${name} (${pid}) waits for its disk`;
  return untilTrue(what, STRIKE_TIMEOUT_MS, () => readdirSync(`/proc/${pid}/task`).some(isWaiting));
}

/** Lets a stopped process go on. Throws when it is not there, or not stopped, any more: then the fault was not the one that was meant. */
export function thaw(target: KnownProcess): void {
  if (!isSameProcess(target.pid, target.startTime)) throw new Error(`${target.name} (${target.pid}) was to be continued, and is gone`);
  if (processState(target.pid) !== "stopped") throw new Error(`${target.name} (${target.pid}) was to be continued, and is not stopped`);
  process.kill(target.pid, "SIGCONT");
}

/** The same, for the end of a scenario, where it may have been killed meanwhile. */
export function thawIfThere(target: KnownProcess): void {
  if (isAlive(target.pid, target.startTime)) process.kill(target.pid, "SIGCONT");
}

function mustRun(dir: string, name: string): KnownProcess {
  const found = processNamed(dir, name);
  if (found === null) throw new Error(`${name} does not run, so that no fault can strike it`);
  return found;
}
