import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { join } from "node:path";

/** The project's folder: the programs that are measured are its `bin` and `dist`. */
export const PROJECT = process.env.TROUPE_BENCH_PROJECT ?? process.cwd();

/** Where data go unless `--dir` says otherwise: on the disk of the project, since /tmp may be memory, where a sync costs nothing. */
export const DATA_FOLDER = join(PROJECT, ".cache", "bench");

const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs (memory: a sync costs nothing!)"],
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x794c7630, "overlay"],
]);

export function machineOf(dataFolder: string): Record<string, string | number> {
  mkdirSync(dataFolder, { recursive: true });
  const type = statfsSync(dataFolder).type;
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    node: process.version,
    kernel: release(),
    fileSystem: FILE_SYSTEMS.get(type) ?? `type 0x${type.toString(16)}`,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
    scheduling: schedulingOf(),
  };
}

/** Field 41 of /proc/self/stat (proc(5)); what is measured inherits it. */
function schedulingOf(): string {
  try {
    const text = readFileSync("/proc/self/stat", "latin1");
    const policy = text.slice(text.lastIndexOf(")") + 2).split(" ")[38];
    return policy === "1" || policy === "2" ? "realtime (chrt)" : "normal";
  } catch {
    return "unknown";
  }
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For whoever waits; no part of the result. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function sayHead(title: string, dataFolder: string): void {
  const machine = machineOf(dataFolder);
  say(
    `${title}\n${commitOf()}, ${new Date().toISOString()}; ${Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
  );
  const { cores, load } = machine;
  if (Number(load) > Number(cores) / 2)
    say(`NOTE: the machine is busy with other work (load ${load} on ${cores} cores): these figures say little about the system.`);
  say("");
}

function commitOf(): string {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { cwd: PROJECT, encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", "src") === "" ? "" : " with changes";
    return `commit ${git("rev-parse", "--short=12", "HEAD")}${changed}`;
  } catch {
    return `version ${JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")).version}`;
  }
}

/** One line of bench/history.ndjson, when `--record` asks for it. */
export function record(isWanted: boolean, name: string, settings: object, dataFolder: string, figures: object): void {
  if (!isWanted) return;
  const line = {
    name,
    commit: commitOf().replace("commit ", ""),
    date: new Date().toISOString(),
    machine: machineOf(dataFolder),
    settings,
    figures,
  };
  appendFileSync(join(PROJECT, "bench", "history.ndjson"), `${JSON.stringify(line)}\n`);
  say("\nRecorded in bench/history.ndjson.");
}
