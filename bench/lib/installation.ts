import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import type { GroupStatus, MemberStatus, StatusImage, TroupeEvent } from "../../src/vocabulary/admin.js";
import { PROJECT } from "./report.js";

export interface InstallationOptions {
  /** One of the examples, or a file. */
  readonly service: string;
  /** Default: as the service. */
  readonly group?: string;
  readonly style: string;
  readonly replicas: number;
  readonly durability: "disk" | "memory";
  /** A new folder is made in it for this installation. */
  readonly dataFolder: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** One `troupe up` with real processes, a folder and a port of its own. */
export interface Installation {
  readonly dir: string;
  readonly group: string;
  /** For `connect`. */
  readonly clientUrl: string;
  /** Called with each event as `up` prints it; returns what stops it. */
  onEvent(listener: (event: TroupeEvent) => void): () => void;
  /** Waits until all wanted replicas (so many, if a number is given) are members and alive, none of them in process `without`. */
  untilWhole(without?: number, wanted?: number): Promise<GroupStatus>;
  /** Waits until each of them has its state, too: one that was started again is a member as soon as it has the log. */
  untilWarm(): Promise<GroupStatus>;
  /** Waits until somebody leads and serves. */
  untilServing(): Promise<GroupStatus>;
  /** Changes settings of the group while it runs. */
  change(settings: object): Promise<void>;
  /** Changes settings of the LFD's detector. */
  changeDetector(settings: object): Promise<void>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
const WHOLE_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 15_000;
const LOOK_AGAIN_MS = 50;

const running = new Set<ChildProcess>();
// Whatever ends a measurement: its processes end with it (all of an `up` end when `up` does).
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  mkdirSync(options.dataFolder, { recursive: true });
  const folder = mkdtempSync(join(options.dataFolder, "up-"));
  const dir = join(folder, "data");
  const errPath = join(folder, "up.err");
  const args = [
    ...["up", options.service, "--dir", dir, "--port", "0", "--json", "--style", options.style],
    ...["--replicas", String(options.replicas), "--durability", options.durability],
  ];
  const child = spawn(process.execPath, [join(PROJECT, "bin/troupe.js"), ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", openSync(errPath, "a")],
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  const listeners = new Set<(event: TroupeEvent) => void>();
  const url = await readyUrl(child, errPath, (event) => {
    for (const listener of listeners) listener(event);
  });
  const group = options.group ?? options.service;
  return {
    dir,
    group,
    clientUrl: `${url.replace("http:", "troupe:")}/${group}`,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    untilServing: () => until(url, group, (status) => status.serving && status.leader !== null),
    change: (settings) => change(url, `groups/${group}`, settings),
    changeDetector: (settings) => change(url, "detectors/lfd", settings),
    untilWhole: (without, wanted) =>
      until(url, group, (status) => isWhole(status, without ?? null) && (wanted ?? status.replicasWanted) === status.replicasWanted),
    untilWarm: () => until(url, group, (status) => isWhole(status, null) && status.members.every(({ cold }) => cold === undefined)),
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      if ((await Promise.race([ended, pause(STOP_TIMEOUT_MS)])) === undefined) child.kill("SIGKILL");
      running.delete(child);
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** Its first line says where it is ready, each one after it is an event. */
function readyUrl(child: ChildProcess, errPath: string, onEvent: (event: TroupeEvent) => void): Promise<string> {
  if (child.stdout === null) throw new Error("no output to read");
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`\`troupe up\` ${what}:\n${readFileSync(errPath, "utf8").slice(-2_000)}`));
    const timer = setTimeout(() => fail(`was not ready within ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
    child.once("exit", (code) => fail(`ended with ${code}`));
    lines.on("line", (line) => {
      const url = /^ready (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) {
        clearTimeout(timer);
        resolve(url);
      } else if (line.startsWith("{")) onEvent(JSON.parse(line) as TroupeEvent);
    });
  });
}

async function change(url: string, what: string, settings: object): Promise<void> {
  const response = await fetch(`${url}/v1/admin/${what}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(settings),
  });
  if (!response.ok) throw new Error(`${JSON.stringify(settings)} was refused: ${response.status} ${await response.text()}`);
}

async function until(url: string, group: string, holds: (status: GroupStatus) => boolean): Promise<GroupStatus> {
  const endMs = performance.now() + WHOLE_TIMEOUT_MS;
  let seen: GroupStatus | null = null;
  while (performance.now() < endMs) {
    seen = await statusOf(url, group);
    if (seen !== null && holds(seen)) return seen;
    await pause(LOOK_AGAIN_MS);
  }
  throw new Error(`The group was not as it should be within ${WHOLE_TIMEOUT_MS} ms; last seen: ${JSON.stringify(seen?.members)}`);
}

function isWhole(status: GroupStatus, without: number | null): boolean {
  const good = status.members.filter(
    (member) => member.role !== "learner" && member.verdict === "alive" && member.pid !== null && member.pid !== without,
  );
  return status.serving && status.members.length === status.replicasWanted && good.length === status.replicasWanted;
}

async function statusOf(url: string, group: string): Promise<GroupStatus | null> {
  try {
    const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(2_000) });
    const status = (await response.json()) as StatusImage & { readonly stale: boolean };
    return status.stale ? null : (status.groups.find((each) => each.group === group) ?? null);
  } catch {
    return null;
  }
}

export function leaderOf(status: GroupStatus): MemberStatus & { readonly pid: number } {
  const leader = status.members.find((member) => member.replica === status.leader);
  if (leader === undefined || leader.pid === null) throw new Error("nobody leads");
  return { ...leader, pid: leader.pid };
}
