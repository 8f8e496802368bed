import { InvariantViolation } from "../vocabulary/assert.js";
import type { ClusterId, HostId } from "../vocabulary/ids.js";
import { clusterId } from "../vocabulary/ids.js";
import type { Address } from "../vocabulary/view.js";
import { type Agenda, type Appointment, createAgenda } from "./agenda.js";
import { type Chance, createChance } from "./chance.js";
import type { SimDisk } from "./disk-state.js";
import { createTrace, type Trace, type TraceLine } from "./trace.js";

/** A machine: a monotonic clock of its own, disks that outlive its processes, and what its processes leave for one another in files. */
export interface SimHost {
  readonly hostId: HostId;
  /** local = offset + rate * world. */
  readonly clockOffsetMs: number;
  readonly clockRate: number;
  /** Its wall clock, which an operator or a time server may set. */
  wallOffsetMs: number;
  readonly wallRate: number;
  /** Data folders, by replica. */
  readonly disks: Map<string, SimDisk>;
  /** Other files that matter: name to content. Replaced atomically, durable when the writer is told so. */
  readonly files: Map<string, unknown>;
  /** Who holds the lock of a folder: freed by death. */
  readonly locks: Map<string, SimProcess>;
  powered: boolean;
}

export interface SimProcess {
  readonly pid: number;
  readonly startTime: number;
  readonly name: string;
  readonly host: SimHost;
  readonly parent: SimProcess | null;
  state: "running" | "stopped" | "zombie" | "absent";
  /** What came while it was stopped: timers and everything else. */
  readonly heldTimers: (() => void)[];
  readonly held: (() => void)[];
  /** Turns of its event loop that were due: they come after what it finds in its sockets. */
  readonly heldTurns: (() => void)[];
  /** What the kernel does at its death, in this order. */
  readonly atDeath: (() => void)[];
  /** The mark that it leaves when it dies while it executes a request (runtime/executing-mark.ts). */
  executing: string | null;
  onExit: ((code: number | null, signal: string | null) => void) | null;
  cpuMs: number;
  /** Everything it does takes so many times as long. */
  slowness: number;
  /** What befalls it after so many more effects: between any two of them. */
  ambush: { effectsLeft: number; strike(): void } | null;
  /** The rest of its turn, when it was stopped in the middle of one. */
  interrupted: (() => void) | null;
}

/** How this world behaves; drawn by the swarm, changed by faults while it runs. */
export interface WorldSettings {
  /** Messages really travel as bytes. */
  readonly codec: boolean;
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Some messages take longer by up to so much. */
  readonly tailProbability: number;
  readonly tailMs: number;
  /** So many messages come a second time, much later: on whatever connection the same two then have. */
  readonly replayProbability: number;
  readonly diskMinMs: number;
  readonly diskMaxMs: number;
  /** By so much does the wall clock of a host run faster or slower than time, at most. */
  readonly wallDriftMax: number;
  /** From here on disks say that they have synced a log and have not: for proving that the checkers see it. */
  readonly diskLiesFromMs?: number;
}

/** What an observer sees go wrong. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
  readonly atMs: number;
}

export interface World {
  readonly seed: number;
  readonly clusterId: ClusterId;
  readonly settings: WorldSettings;
  nowMs: number;
  readonly agenda: Agenda;
  readonly trace: Trace;
  readonly hosts: Map<HostId, SimHost>;
  readonly processes: Map<number, SimProcess>;
  /** Where components listen, as their address files say. */
  readonly addresses: Map<string, Address>;
  readonly chance: Readonly<Record<"ties" | "network" | "disk" | "workload" | "faults" | "ids" | "process" | "weak", Chance>>;
  /** What the run has reached, and how often. */
  readonly marks: Map<string, number>;
  violation: Violation | null;
  taskCount: number;
  /** Where an asynchronous handler runs: its promises settle between two things that happen. */
  readonly awaiting: Set<SimProcess>;
  nextPid: number;
  nextPort: number;
}

export function createWorld(seed: number, settings: WorldSettings, print: ((text: string, line: TraceLine) => void) | null): World {
  const stream = (name: string): Chance => createChance(seed, name);
  const ids = stream("ids");
  return {
    seed,
    clusterId: clusterId(ids.hex(32)),
    settings,
    nowMs: 0,
    agenda: createAgenda(),
    trace: createTrace(print),
    hosts: new Map(),
    processes: new Map(),
    addresses: new Map(),
    chance: {
      ties: stream("ties"),
      network: stream("network"),
      disk: stream("disk"),
      workload: stream("workload"),
      faults: stream("faults"),
      process: stream("process"),
      weak: stream("weak"),
      ids,
    },
    marks: new Map(),
    violation: null,
    taskCount: 0,
    awaiting: new Set(),
    nextPid: 100,
    nextPort: 10_000,
  };
}

/** So much faster or slower than another does a clock run. */
export const CLOCK_DRIFT_MAX = 0.02;

export function addHost(world: World, hostId: HostId): SimHost {
  const { process } = world.chance;
  const { wallDriftMax } = world.settings;
  const host: SimHost = {
    hostId,
    clockOffsetMs: Math.floor(process.between(0, 1_000_000)),
    clockRate: 1 + process.between(-CLOCK_DRIFT_MAX, CLOCK_DRIFT_MAX),
    wallOffsetMs: Math.floor(process.between(-3_600_000, 3_600_000)),
    // Of a chance of its own: where there is no such drift all else is what it was before there was any.
    wallRate: 1 + createChance(world.seed, `wall clock of ${hostId}`).between(-wallDriftMax, wallDriftMax),
    disks: new Map(),
    files: new Map(),
    locks: new Map(),
    powered: true,
  };
  world.hosts.set(hostId, host);
  return host;
}

/** The host's monotonic clock. */
export function localMs(world: World, host: SimHost): number {
  return host.clockOffsetMs + host.clockRate * world.nowMs;
}

/** The host's wall clock: it may be hours off, and more when it has been set. */
export function wallMs(world: World, host: SimHost): number {
  return Math.floor(1_700_000_000_000 + host.wallOffsetMs + host.wallRate * world.nowMs);
}

export function after(world: World, delayMs: number, action: () => void): Appointment {
  return world.agenda.add(world.nowMs + delayMs, world.chance.ties.uint32(), action);
}

export function mark(world: World, name: string): void {
  world.marks.set(name, (world.marks.get(name) ?? 0) + 1);
}

export function note(world: World, place: string, kind: string, words: () => string): void {
  world.trace.add(world.nowMs, place, kind, words);
}

/** The first one counts: the run ends. */
export function violate(world: World, rule: string, text: string): void {
  if (world.violation !== null) return;
  world.violation = { rule, text, atMs: world.nowMs };
  note(world, "checker", `VIOLATION ${rule}`, () => text);
}

/** A run of seconds takes some hundred thousand: beyond this something turns in a circle. */
const TASKS_MAX = 4_000_000;

/** Something that runs in this world. It yields where promises have to settle, before anything else happens, and returns at its end. */
export type Running<T> = Generator<void, T, void>;

/** Runs until the time, a violation, or `done` says so. */
export function* runUntil(world: World, untilMs: number, done: () => boolean = () => false): Running<void> {
  while (world.violation === null && !done()) {
    if (world.agenda.nextMs() > untilMs) {
      world.nowMs = untilMs;
      return;
    }
    const task = world.agenda.take();
    if (task === null) return;
    world.nowMs = Math.max(world.nowMs, task.atMs);
    world.taskCount += 1;
    if (world.taskCount > TASKS_MAX) violate(world, "livelock", `more than ${TASKS_MAX} things happened by now`);
    attempt(world, task.action);
    if (world.awaiting.size > 0) yield;
  }
}

/** What an assertion says is what a checker would. */
export function attempt(world: World, action: () => void): void {
  try {
    action();
  } catch (error) {
    violate(world, ruleOf(error), error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

function ruleOf(error: unknown): string {
  return error instanceof InvariantViolation ? error.message : "exception";
}

export function startProcess(world: World, host: SimHost, name: string, parent: SimProcess | null): SimProcess {
  const process: SimProcess = {
    pid: world.nextPid++,
    startTime: Math.floor(world.nowMs) + 1,
    name,
    host,
    parent,
    state: "running",
    heldTimers: [],
    held: [],
    heldTurns: [],
    atDeath: [],
    executing: null,
    onExit: null,
    cpuMs: 0,
    slowness: 1,
    ambush: null,
    interrupted: null,
  };
  world.processes.set(process.pid, process);
  note(world, name, "process-started", () => `pid ${process.pid} on ${host.hostId}`);
  return process;
}

export function isAlive(process: SimProcess): boolean {
  return process.state === "running" || process.state === "stopped";
}

/** Something reaches a process: at once when it runs, later when it is stopped, never when it is dead. */
export function reach(process: SimProcess, action: () => void): void {
  if (process.state === "running") action();
  else if (process.state === "stopped") process.held.push(action);
}

/** A timer of the process, on its host's clock. */
export function timer(world: World, process: SimProcess, delayLocalMs: number, action: () => void): Appointment {
  return after(world, delayLocalMs / process.host.clockRate, () => {
    if (process.state === "running") action();
    else if (process.state === "stopped") process.heldTimers.push(action);
  });
}

export function endProcess(world: World, process: SimProcess, code: number | null, signal: string | null): void {
  if (!isAlive(process)) return;
  note(world, process.name, "process-ended", () =>
    signal === null ? `pid ${process.pid} exits with ${code}` : `pid ${process.pid} gets ${signal}`,
  );
  const { parent } = process;
  process.state = parent !== null && parent.state === "stopped" ? "zombie" : "absent";
  process.held.length = 0;
  process.heldTurns.length = 0;
  process.heldTimers.length = 0;
  process.interrupted = null;
  for (const action of process.atDeath) action();
  process.atDeath.length = 0;
  const { onExit } = process;
  process.onExit = null;
  // SIGCHLD.
  after(world, world.chance.process.between(0.05, 1), () => {
    if (parent === null) onExit?.(code, signal);
    else
      reach(parent, () => {
        process.state = "absent";
        onExit?.(code, signal);
      });
  });
}

export function stopProcess(world: World, process: SimProcess): void {
  if (process.state !== "running") return;
  process.state = "stopped";
  note(world, process.name, "process-stopped", () => `pid ${process.pid}`);
}

/** As Node does: the turn that it was in goes on, expired timers run, then what lies in the sockets. It may be stopped again in any of it. */
export function continueProcess(world: World, process: SimProcess): void {
  if (process.state !== "stopped") return;
  process.state = "running";
  note(world, process.name, "process-continued", () => `pid ${process.pid}, ${process.held.length} events held`);
  const { interrupted } = process;
  process.interrupted = null;
  interrupted?.();
  for (const due of [process.heldTimers, process.held, process.heldTurns]) {
    for (let action = nextOf(process, due); action !== undefined; action = nextOf(process, due)) action();
  }
}

function nextOf(process: SimProcess, due: (() => void)[]): (() => void) | undefined {
  return process.state === "running" ? due.shift() : undefined;
}

/** A turn of the event loop is due. */
export function turnSoon(world: World, process: SimProcess, delayMs: number, turn: () => void): void {
  if (process.slowness > 1) mark(world, "process-slowed");
  after(world, delayMs * process.slowness, () => {
    if (process.state === "running") turn();
    else if (process.state === "stopped") process.heldTurns.push(turn);
  });
}
