import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SettingsInput } from "../../../src/config/schema.js";
import type { GroupStatus, MemberStatus, StatusImage } from "../../../src/vocabulary/admin.js";
import { type DiskPlan, type MountedDisk, mountPlan } from "./mounted-disk.js";
import { processesNaming, processNamed } from "./process-table.js";
import { until, untilTrue } from "./wait.js";

export type Style = "warm-passive" | "active" | "cold-passive";
/** In which every scenario runs in `npm test`; the third has a file of its own with a handful. */
export const STYLES: readonly Style[] = ["warm-passive", "active"];
export const ALL_STYLES: readonly Style[] = [...STYLES, "cold-passive"];

export type SeenGroup = Omit<GroupStatus, "view" | "book">;
export type SeenStatus = Pick<StatusImage, "term" | "version" | "hosts" | "detectors" | "components"> & {
  readonly stale: boolean;
  readonly groups: readonly SeenGroup[];
};

export const GROUP = "trial";
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

/** The project: from the sources and from a bundle of them. */
export const PROJECT = projectFolder(dirname(fileURLToPath(import.meta.url)));
export const TRIAL_SERVICE = join(PROJECT, "test/process/services/trial.ts");

function projectFolder(from: string): string {
  return existsSync(join(from, "package.json")) ? from : projectFolder(dirname(from));
}

export interface InstallationOptions {
  readonly style: Style;
  readonly settings?: SettingsInput;
  readonly service?: string;
  readonly group?: string;
  /** What the data lie on. Default: the machine's own disk. */
  readonly disks?: DiskPlan;
}

/** One `troupe up` with a folder and a port of its own. */
export interface Installation {
  /** Working folder of `up`; its data are in `dir`. */
  readonly folder: string;
  readonly dir: string;
  readonly port: number;
  readonly url: string;
  readonly group: string;
  /** For `connect`. */
  readonly clientUrl: string;
  readonly disks: readonly MountedDisk[];
  readonly up: { pid: number };
  /** Ends it with SIGTERM and makes sure that nothing is left. */
  stop(): Promise<void>;
  /** Starts `up` again on the same folder and port, after it has ended. */
  startAgain(): Promise<void>;
  /** Removes the folder; with `keep` it stays for a look. */
  dispose(keep: boolean): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-fault-"));
  const port = await freePort();
  const dir = join(folder, "data");
  const group = options.group ?? GROUP;
  writeFileSync(join(folder, "troupe.config.json"), JSON.stringify({ ...options.settings, style: options.style }));
  const command = [join(PROJECT, "bin/troupe.js"), "up", options.service ?? TRIAL_SERVICE, "--dir", dir, "--port", String(port)];
  const disks = options.disks === undefined ? [] : await mountPlan(options.disks, dir);
  const unmount = async (): Promise<void> => {
    for (const disk of disks) await disk.dispose();
  };
  let child = await startUp(folder, command).catch(async (error: unknown) => {
    await unmount();
    throw error;
  });
  const installation: Installation = {
    folder,
    dir,
    port,
    url: `http://127.0.0.1:${port}`,
    group,
    clientUrl: `troupe://127.0.0.1:${port}/${group}`,
    disks,
    up: { pid: child.pid ?? 0 },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        await withDeadline(ended, STOP_TIMEOUT_MS, "`up` did not end after SIGTERM");
      }
      await untilNothingLeft(dir);
    },
    async startAgain() {
      child = await startUp(folder, command);
      installation.up.pid = child.pid ?? 0;
    },
    async dispose(keep) {
      try {
        await installation.stop();
      } finally {
        for (const { pid } of processesNaming(folder)) process.kill(pid, "SIGKILL");
        await unmount();
        if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  };
  return installation;
}

/** Runs `up` until its first line says where it is ready. Its output is in up.out and up.err of the folder. */
async function startUp(folder: string, command: readonly string[]): Promise<ChildProcess> {
  mkdirSync(folder, { recursive: true });
  const outPath = join(folder, "up.out");
  const out = openSync(outPath, "w");
  const err = openSync(join(folder, "up.err"), "a");
  const env = { ...process.env, TROUPE_FAILPOINTS: "1" };
  const child = spawn(process.execPath, [...command], { cwd: folder, stdio: ["ignore", out, err], env });
  closeSync(out);
  closeSync(err);
  const said = (): string => `${readFileSync(outPath, "utf8")}\n${readFileSync(join(folder, "up.err"), "utf8")}`.slice(-2_000);
  try {
    await until("`up` says that it is ready", READY_TIMEOUT_MS, async () => {
      const [line, rest] = readFileSync(outPath, "utf8").split("\n");
      if (rest !== undefined && line?.startsWith("ready http://") === true) return { found: undefined };
      if (child.exitCode !== null) throw new Error(`\`up\` ended with ${child.exitCode} before it was ready:\n${said()}`);
      return { seen: said() };
    });
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return child;
}

/** Children end with `up`, though not in the same instant. */
export function untilNothingLeft(dir: string): Promise<void> {
  return until(`no process of ${dir} is left`, 5_000, async () => {
    const left = processesNaming(dir);
    return left.length === 0 ? { found: undefined } : { seen: left.map(({ pid, command }) => `${pid} ${command}`).join("; ") };
  });
}

async function withDeadline<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the gateway shows; null while it does not answer. */
export async function statusOf(at: Installation): Promise<SeenStatus | null> {
  try {
    const response = await fetch(`${at.url}/v1/status`, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? ((await response.json()) as SeenStatus) : null;
  } catch {
    return null;
  }
}

export async function groupOf(at: Installation): Promise<SeenGroup | null> {
  const status = await statusOf(at);
  return status === null || status.stale ? null : (status.groups.find(({ group }) => group === at.group) ?? null);
}

/** Why the group is not whole, or null: it serves, the wanted number of replicas are members of the view, alive, each in a process of its own. */
function whyNotWhole(at: Installation, group: SeenGroup | null): string | null {
  if (group === null) return "no fresh status";
  if (!group.serving) return `it does not serve: ${group.waiting}`;
  if (group.members.length !== group.replicasWanted) return `${group.members.length} replicas, ${group.replicasWanted} wanted`;
  const faulty = group.members.filter(
    (member) => member.role === "learner" || member.verdict !== "alive" || member.paused || !isItsProcess(at, member),
  );
  return faulty.length === 0
    ? null
    : faulty.map(({ replica, role, verdict, pid }) => `${replica}: ${role}, ${verdict}, pid ${pid}`).join("; ");
}

function isItsProcess(at: Installation, member: MemberStatus): boolean {
  return member.pid !== null && processNamed(at.dir, member.replica)?.pid === member.pid;
}

/** Waits until the wanted number of replicas is there without a hand, and returns what is seen then. */
export function untilWhole(at: Installation, deadlineMs = 40_000): Promise<SeenGroup> {
  return until("the wanted number of replicas is restored", deadlineMs, async () => {
    const group = await groupOf(at);
    const why = whyNotWhole(at, group);
    return why === null && group !== null ? { found: group } : { seen: why ?? "" };
  });
}

export interface Roles {
  readonly leader: string;
  readonly followers: readonly [string, string];
  readonly epoch: string;
}

/** Who leads and who follows in a whole group of three. */
export async function rolesOf(at: Installation): Promise<Roles> {
  const group = await untilWhole(at);
  const [first, second] = group.members.filter(({ role }) => role === "follower").map(({ replica }) => replica);
  if (group.leader === null || first === undefined || second === undefined) throw new Error("a group of three was meant");
  return { leader: group.leader, followers: [first, second], epoch: group.epoch.join(".") };
}

/** Waits for a view in which another replica leads, or at least for a view of a later epoch. */
export function untilLaterView(at: Installation, epoch: string, deadlineMs = 10_000): Promise<SeenGroup> {
  return until(`a view later than ${epoch} is active`, deadlineMs, async () => {
    const group = await groupOf(at);
    if (group?.serving === true && group.epoch.join(".") !== epoch) return { found: group };
    return { seen: group === null ? "no fresh status" : `${group.epoch.join(".")}: ${group.waiting ?? "serving"}` };
  });
}

/** Waits until the view no longer counts on a replica: the next fault then strikes a view without it. */
export function untilEvicted(at: Installation, replica: string, deadlineMs = 10_000): Promise<SeenGroup> {
  return until(`a view without ${replica} is active`, deadlineMs, async () => {
    const group = await groupOf(at);
    if (group?.serving === true && group.members.every((each) => each.replica !== replica || each.role === "learner"))
      return { found: group };
    return { seen: JSON.stringify(group?.members.map(({ replica: name, role }) => [name, role])) };
  });
}

/** A process of this name runs that is another than the one given. */
export function untilReplaced(at: Installation, name: string, oldPid: number, deadlineMs = 10_000): Promise<void> {
  return untilTrue(`${name} runs again, no longer as ${oldPid}`, deadlineMs, () => {
    const found = processNamed(at.dir, name);
    return found !== null && found.pid !== oldPid;
  });
}

/** A change over HTTP. Throws what the gateway says is wrong; waits out a gateway or Replication Manager that is being restarted. */
export async function administer(at: Installation, method: "PATCH" | "POST", path: string, change: object = {}): Promise<void> {
  await until(`${method} ${path} is accepted`, 5_000, async () => {
    try {
      const response = await fetch(`${at.url}/v1/admin/${path}`, {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(change),
        signal: AbortSignal.timeout(2_000),
      });
      if (response.status === 202) return { found: undefined };
      const said = `${response.status} ${await response.text()}`;
      if (response.status < 500 && response.status !== 409) throw new Error(said);
      return { seen: said };
    } catch (error) {
      if (error instanceof TypeError) return { seen: String(error.cause) };
      throw error;
    }
  });
}

/** Changes the style while whoever is at work goes on; `cold-passive` is there once no follower holds the state any more. */
export async function changeStyle(at: Installation, style: Style): Promise<SeenGroup> {
  await administer(at, "PATCH", `groups/${at.group}`, { style });
  return until(`the style is ${style}`, 30_000, async () => {
    const group = await groupOf(at);
    if (group === null) return { seen: "no fresh status" };
    const cold = group.members.filter((member) => member.cold !== undefined).map(({ replica }) => replica);
    const wanted = style === "cold-passive" ? group.members.length - 1 : 0;
    if (group.style === style && group.serving && cold.length === wanted) return { found: group };
    return { seen: `${group.style}, ${group.waiting ?? "serving"}, cold: ${cold.join(", ")}` };
  });
}
