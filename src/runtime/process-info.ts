import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { crc32OfText } from "../codec/checksum.js";
import { hasCode } from "./error-code.js";

/** The kernel's view of a process, from field 3, 9, 14, 15, 20 and 22 of /proc/pid/stat (proc(5)). */
export interface ProcessInfo {
  /** `unknown`: the kernel could not be asked. */
  readonly state: "running" | "stopped" | "zombie" | "unknown";
  /** Its main thread is on its way out and runs nothing of the program any more: long before its memory and its sockets are given back. */
  readonly exiting: boolean;
  /**
   * All its threads have ended: it has no memory, no file, socket or lock any more, though nobody has asked for its exit code. In a container
   * whose first process does not know its duty (Node does not) that stays so for ever.
   */
  readonly cleared: boolean;
  /** With the pid it names one process for good, also over restarts of the machine. 0 where it cannot be known. */
  readonly startTime: number;
  readonly cpuMs: number;
}

const HAS_PROC = existsSync("/proc/self/stat");
/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
/** PF_EXITING of the kernel's include/linux/sched.h. */
const EXITING = 0x4;
/** Ticks of five years, and room for as much of the machine's boot as keeps the number safe. */
const TICKS_MAX = 2 ** 34;
const BOOTS_MAX = 2 ** 19;
const STATES: Readonly<Record<string, ProcessInfo["state"]>> = { T: "stopped", t: "stopped", Z: "zombie", X: "zombie", x: "zombie" };

/**
 * What the kernel knows of a process; null when there is none with this pid. Without /proc (macOS) it says only whether the pid is in
 * use: a stopped process looks as if it ran, start times are all 0 and CPU times stand still, so that watching rests on heartbeats alone.
 */
export function processInfo(pid: number): ProcessInfo | null {
  if (!HAS_PROC) return isPidInUse(pid) ? { state: "running", exiting: false, cleared: false, startTime: 0, cpuMs: 0 } : null;
  try {
    const info = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
    return info === null ? null : { ...info, startTime: MACHINE_BOOT + info.startTime };
  } catch (error) {
    return isNoSuchProcess(error) ? null : UNREAD;
  }
}

/**
 * The kernel's ticks begin anew with the machine, and at each start much the same is started at the same time under the same pids: what was
 * recorded before a reboot could name somebody else's process of now, and that would be killed for it. `bootId`: of the machine.
 */
export function bootPart(bootId: string): number {
  return (crc32OfText(bootId) % BOOTS_MAX) * TICKS_MAX;
}

const MACHINE_BOOT = bootPart(readMachineBoot());

/** The kernel makes this id anew at each start of the machine. */
function readMachineBoot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}

/** For want of descriptors or memory, for example: that says nothing of the process, and `gone` must be certain (PROTOCOL section 8). */
const UNREAD: ProcessInfo = { state: "unknown", exiting: false, cleared: false, startTime: 0, cpuMs: 0 };

/** ENOENT, or ESRCH when it ended between open and read. */
function isNoSuchProcess(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ESRCH");
}

/**
 * The start time in ticks since the machine started. The command name is in parentheses and may hold anything, parentheses and spaces too:
 * fields count from the last `)`.
 */
export function parseStat(text: string): ProcessInfo | null {
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const [state, flags, userTicks, systemTicks, threads] = [fields[0], fields[6], fields[11], fields[12], Number(fields[17])];
  const startTime = Number(fields[19]);
  if (state === undefined || !Number.isFinite(startTime)) return null;
  return {
    state: STATES[state] ?? "running",
    exiting: (Number(flags) & EXITING) !== 0,
    cleared: STATES[state] === "zombie" && threads <= 1,
    startTime,
    cpuMs: (Number(userTicks) + Number(systemTicks)) * TICK_MS,
  };
}

/**
 * How long the main thread of a process has been ready to run in all, while others had the processor: the second figure of /proc/pid/schedstat.
 * 0 where the kernel does not count it.
 */
export function cpuWaitMs(pid: number): number {
  try {
    return parseCpuWaitMs(readFileSync(`/proc/${pid}/schedstat`, "latin1"));
  } catch {
    return 0;
  }
}

export function parseCpuWaitMs(text: string): number {
  const waitedNs = Number(text.split(" ")[1]);
  return Number.isFinite(waitedNs) ? waitedNs / 1e6 : 0;
}

/** Whether the kernel can be asked about processes in full. */
export function hasKernelView(): boolean {
  return HAS_PROC;
}

/** Null when there is no such process. */
export function startTimeOf(pid: number): number | null {
  return HAS_PROC ? (processInfo(pid)?.startTime ?? null) : (askPs(pid)?.startTime ?? null);
}

export function processState(pid: number): ProcessInfo["state"] | "absent" {
  return processInfo(pid)?.state ?? "absent";
}

/** The very process, dead or alive: a pid alone may long belong to another. */
export function isSameProcess(pid: number, startTime: number): boolean {
  return startTimeOf(pid) === startTime;
}

/** The very process, and it has not ended: stopped counts as alive. */
export function isAlive(pid: number, startTime: number): boolean {
  const info = HAS_PROC ? processInfo(pid) : askPs(pid);
  return info !== null && info.state !== "zombie" && info.startTime === startTime;
}

/** Signals a process only if it is still the one that is meant. False: it is gone. */
export function signalProcess(pid: number, startTime: number, signal: NodeJS.Signals): boolean {
  // 0 and -1 would mean whole groups. 1 is the very `up` in a container that was started for it.
  if (pid < 1 || !isSameProcess(pid, startTime)) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * Where there is no /proc, a program tells when a process was started. It takes milliseconds, so that it is asked only before a process is
 * recorded, signalled or given up for gone, never to watch one. Null: there is none, or nobody could be asked, and then nobody is signalled.
 */
function askPs(pid: number): Pick<ProcessInfo, "state" | "startTime"> | null {
  const asked = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
  return asked.status === 0 ? parsePs(asked.stdout) : null;
}

/** `Ss   Mon Nov 30 11:46:04 2026`, in UTC: to the second, and the same for as long as the process lives. */
export function parsePs(text: string): Pick<ProcessInfo, "state" | "startTime"> | null {
  const [, state, date] = /^\s*(\S)\S*\s+(\S.*\S)\s*$/.exec(text) ?? [];
  const startedMs = date === undefined ? Number.NaN : Date.parse(`${date} UTC`);
  return Number.isFinite(startedMs) ? { state: STATES[state ?? ""] ?? "running", startTime: startedMs / 1_000 } : null;
}

function isPidInUse(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}
