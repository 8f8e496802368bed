import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { reasonOf } from "./error-code.js";
import { makeFolder } from "./folder.js";
import { logPath } from "./log-file.js";
import { isSameProcess, signalProcess, startTimeOf } from "./process-info.js";

/** Set for a child that was given a lifeline. Without it fd 3 is any descriptor of Node's own and must be left alone. */
const LIFELINE_VARIABLE = "TROUPE_LIFELINE_FD";
const LIFELINE_FD = 3;

export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  readonly startTime: number;
}

export interface ChildOptions {
  /** The data folder: the child is recorded in DIR/run/processes and writes to DIR/logs. */
  readonly dir: string;
  /** `gfd`, `counter-1`: of its record and its log. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** `own`: a new pair of sockets whose other end this process keeps. `inherited`: a copy of this process's own lifeline, if it has one. */
  readonly lifeline: "own" | "inherited";
  readonly env?: NodeJS.ProcessEnv;
  readonly onExit: (code: number | null, signal: NodeJS.Signals | null) => void;
}

export interface Child extends ProcessRecord {
  /** Kept for as long as the process that holds it lives: its closing is what tells all who hold the other end. */
  readonly lifeline: unknown;
}

export type Spawning = { readonly ok: true; readonly child: Child } | { readonly ok: false; readonly reason: string };

/**
 * Starts a process that outlives this one unless its lifeline says otherwise: in its own session, so that Ctrl-C on the terminal reaches
 * `up` alone, and with its output in a file, never in a pipe that could break or fill. Recorded before anything else can happen to it.
 */
export async function spawnChild(options: ChildOptions): Promise<Spawning> {
  const inherited = ownLifeline();
  let output: number;
  try {
    makeFolder(join(options.dir, "logs"));
    output = openSync(logPath(options.dir, options.name), "a", 0o600);
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
  const lifeline = options.lifeline === "own" ? "pipe" : (inherited ?? "ignore");
  const env = { ...(options.env ?? process.env), [LIFELINE_VARIABLE]: lifeline === "ignore" ? "" : String(LIFELINE_FD) };
  let spawned: ChildProcess;
  try {
    spawned = spawn(options.command, [...options.args], { detached: true, env, stdio: ["ignore", output, output, lifeline] });
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  } finally {
    closeSync(output);
  }
  return register(spawned, options);
}

function register(spawned: ChildProcess, options: ChildOptions): Promise<Spawning> {
  return new Promise((resolve) => {
    spawned.once("error", (error) => resolve({ ok: false, reason: reasonOf(error) }));
    const { pid } = spawned;
    if (pid === undefined) return;
    const startTime = startTimeOf(pid) ?? 0;
    try {
      recordProcess(options.dir, { name: options.name, pid, startTime });
    } catch (error) {
      // For want of room, for example. What is not recorded nobody would find again.
      spawned.unref();
      spawned.kill("SIGKILL");
      return resolve({ ok: false, reason: reasonOf(error) });
    }
    const lifeline = spawned.stdio[LIFELINE_FD] ?? null;
    if (lifeline instanceof Socket) {
      lifeline.on("error", () => {});
      lifeline.unref();
    }
    spawned.once("exit", options.onExit);
    spawned.unref();
    resolve({ ok: true, child: { name: options.name, pid, startTime, lifeline } });
  });
}

export interface Lifelines {
  hold(lifeline: unknown): void;
  readonly count: number;
}

/**
 * Lifelines of children, held for as long as anybody has the other end: a child's own child may, long after it. One that nobody has any more
 * closes, and is let go of: a component that cannot start is started again for days.
 */
export function createLifelines(): Lifelines {
  const held = new Set<unknown>();
  return {
    hold(lifeline) {
      if (lifeline instanceof Socket && lifeline.destroyed) return;
      held.add(lifeline);
      if (lifeline instanceof Socket) lifeline.once("close", () => held.delete(lifeline));
    },
    get count() {
      return held.size;
    },
  };
}

function ownLifeline(): number | null {
  return process.env[LIFELINE_VARIABLE] === String(LIFELINE_FD) ? LIFELINE_FD : null;
}

/**
 * Calls `onGone` once when the process at the other end of this process's lifeline is gone, however it ended. Nothing is ever written to
 * it, so reading ends exactly then. Returns false when this process was given none (run by hand, or under systemd).
 */
export function watchLifeline(onGone: () => void): boolean {
  const fd = ownLifeline();
  if (fd === null) return false;
  const socket = new Socket({ fd, readable: true, writable: false, allowHalfOpen: true });
  let called = false;
  const gone = () => {
    if (called) return;
    called = true;
    onGone();
  };
  socket.on("end", gone);
  socket.on("error", gone);
  socket.on("close", gone);
  socket.resume();
  // It keeps no process alive by itself.
  socket.unref();
  return true;
}

/** What every process of a data folder does when `up` is gone: kills all that are recorded there, stopped ones too, and ends. */
export function endWithSupervisor(dir: string): void {
  watchLifeline(() => {
    reap(dir);
    process.exit(0);
  });
}

/** Kills every recorded process of the folder but this one, each only if it is still the process that was recorded. Returns those it signalled. */
export function reap(dir: string): readonly ProcessRecord[] {
  const signalled: ProcessRecord[] = [];
  for (const record of recordedProcesses(dir)) {
    if (record.pid !== process.pid && signalProcess(record.pid, record.startTime, "SIGKILL")) signalled.push(record);
  }
  return signalled;
}

export function recordProcess(dir: string, record: ProcessRecord): void {
  const folder = processesFolder(dir);
  makeFolder(folder);
  const path = join(folder, `${record.name}.json`);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, "w", 0o600);
  try {
    writeSync(file, JSON.stringify(record));
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

export function forgetProcess(dir: string, name: string): void {
  rmSync(join(processesFolder(dir), `${name}.json`), { force: true });
}

/** All records that can be read; whether their processes are still there is for the caller to check. */
export function recordedProcesses(dir: string): readonly ProcessRecord[] {
  let names: string[];
  try {
    names = readdirSync(processesFolder(dir));
  } catch {
    return [];
  }
  const records: ProcessRecord[] = [];
  for (const name of names) {
    const record = name.endsWith(".json") ? readRecord(join(processesFolder(dir), name)) : null;
    if (record !== null) records.push(record);
  }
  return records;
}

/** The record of one process, or null when there is none or the process is gone. */
export function recordedProcess(dir: string, name: string): ProcessRecord | null {
  const record = readRecord(join(processesFolder(dir), `${name}.json`));
  return record !== null && isSameProcess(record.pid, record.startTime) ? record : null;
}

function readRecord(path: string): ProcessRecord | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startTime" in value) || !("name" in value)) return null;
    const { name, pid, startTime } = value;
    if (typeof name !== "string" || !Number.isSafeInteger(pid) || typeof pid !== "number" || typeof startTime !== "number") return null;
    return { name, pid, startTime };
  } catch {
    // Removed meanwhile, or torn by a crash: there is nothing to learn from it.
    return null;
  }
}

function processesFolder(dir: string): string {
  return join(dir, "run", "processes");
}
