import { bootId, clusterId, groupName, hostId, incarnation, type ReplicaId, replicaId } from "../../vocabulary/ids.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { HostObservation, ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import type { DetectorKnobs, GroupSpec } from "../../vocabulary/spec.js";
import type { Pulse } from "../../vocabulary/verdict.js";
import type { KernelView, LfdEffect, LfdEvent } from "./event.js";
import { createLfd, type LfdState } from "./state.js";
import { lfdNextWakeMs, stepLfd } from "./step.js";
import type { LfdTable } from "./table.js";

/** One host in virtual time: the LFD's core, a kernel, a disk for its table and servers that answer heartbeats. Nothing happens by itself but that. */
export const GROUP = groupName("counter");
export const R1 = replicaId("counter-1");
export const R2 = replicaId("counter-2");
export const GFD = 900;
export const RM = 901;

export const SPEC: GroupSpec = {
  group: GROUP,
  service: { name: "counter", hash: "h", path: "/s.mjs", styles: ["active"] },
  style: "active",
  replicas: 3,
  minimumReplicas: 1,
  quorum: "majority",
  durability: "disk",
  checkpointEntries: 100,
  handlerTimeoutMs: 5_000,
  onLoss: "wait",
};

const PULSE: Pulse = { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null };

export interface Server {
  readonly replica: ReplicaId;
  readonly pid: number;
  readonly connection: number;
  readonly hello: Hello;
  answers: boolean;
  pulse: Partial<Pulse>;
  view: KernelView;
}

export interface World {
  lfd: LfdState;
  nowMs: number;
  readonly knobs: DetectorKnobs;
  savesTables: boolean;
  disk: LfdTable | null;
  /** All effects since the last `take`. */
  effects: LfdEffect[];
  readonly sent: { connection: number; message: Message; atMs: number }[];
  readonly servers: Map<number, Server>;
  nextPid: number;
  readonly queue: LfdEvent[];
  /** Processes that run but have not registered. */
  readonly kernel: Map<number, KernelView>;
}

export function createWorld(table: LfdTable | null = null, nowMs = 1_000, servers: readonly Server[] = []): World {
  const knobs = { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 };
  const lfd = createLfd({ hostId: hostId("h1"), bootId: bootId("b".repeat(32)), pid: 10, knobs, table, nowMs });
  const world: World = {
    lfd,
    nowMs,
    knobs,
    savesTables: true,
    disk: table,
    effects: [],
    sent: [],
    servers: new Map(),
    nextPid: 100,
    queue: [],
    kernel: new Map(),
  };
  for (const server of servers) world.servers.set(-server.pid, server);
  give(world, { kind: "listening", address: { host: "127.0.0.1", port: 1 } });
  give(world, { kind: "gfd-connected", connection: GFD });
  return world;
}

/** As the shell does: what an effect brings about comes after all effects of the step. */
export function give(world: World, event: LfdEvent): void {
  world.queue.push(event);
  if (world.queue.length > 1) return;
  for (let next = world.queue[0]; next !== undefined; next = world.queue[0]) {
    const effects: LfdEffect[] = [];
    stepLfd(world.lfd, world.nowMs, next, effects);
    for (const effect of effects) perform(world, effect);
    world.queue.shift();
  }
}

function perform(world: World, effect: LfdEffect): void {
  world.effects.push(effect);
  switch (effect.kind) {
    case "save-table":
      if (!world.savesTables) return;
      world.disk = effect.table;
      give(world, { kind: "table-saved", version: effect.version });
      return;
    case "observe-process": {
      const view =
        [...world.servers.values()].find((server) => server.pid === effect.pid)?.view ?? world.kernel.get(effect.pid) ?? absent();
      give(world, { kind: "process-observed", replica: effect.replica, pid: effect.pid, view });
      return;
    }
    case "send": {
      world.sent.push({ connection: effect.connection, message: effect.message, atMs: world.nowMs });
      const server = world.servers.get(effect.connection);
      if (server?.answers && effect.message.kind === "heartbeat") answer(world, server, effect.message.sequence);
      return;
    }
    default:
      return;
  }
}

function answer(world: World, server: Server, sequence: number): void {
  const message: Message = { kind: "heartbeat-answer", sequence, pulse: { ...PULSE, ...server.pulse }, report: null };
  give(world, { kind: "message-received", connection: server.connection, peer: server.hello, message });
}

/** Lets time pass as a prompt shell would: woken exactly when asked. */
export function pass(world: World, durationMs: number): void {
  const untilMs = world.nowMs + durationMs;
  for (let guard = 0; lfdNextWakeMs(world.lfd) <= untilMs; guard += 1) {
    if (guard > 100_000) throw new Error("the core asks to be woken without end");
    world.nowMs = Math.max(world.nowMs, lfdNextWakeMs(world.lfd));
    give(world, { kind: "woken" });
  }
  world.nowMs = untilMs;
}

export function order(world: World, message: Message, connection = RM): void {
  give(world, { kind: "message-received", connection, peer: helloOf("rm", null, "e"), message });
}

export function startOrder(replica: ReplicaId, ticket = 1): Message {
  return { kind: "start-replica", ticket, spec: SPEC, replica };
}

/** Orders a start, runs the process and registers it. */
export function startServer(world: World, replica: ReplicaId): Server {
  order(world, startOrder(replica));
  const pid = spawned(world, replica);
  return register(world, replica, pid);
}

export function spawned(world: World, replica: ReplicaId): number {
  world.nextPid += 1;
  const pid = world.nextPid;
  world.kernel.set(pid, running(pid));
  give(world, { kind: "process-spawned", replica, pid, startTime: pid * 10 });
  return pid;
}

export function register(world: World, replica: ReplicaId, pid: number, connection = pid, answers = true): Server {
  const hello = helloOf("server", replica, pid.toString(16));
  const server: Server = { replica, pid, connection, hello, answers, pulse: {}, view: running(pid) };
  world.servers.set(connection, server);
  const message: Message = {
    kind: "register",
    pid,
    startTime: pid * 10,
    address: { host: "127.0.0.1", port: pid },
    report: reportOf(hello),
  };
  give(world, { kind: "message-received", connection, peer: hello, message });
  return server;
}

export function helloOf(role: Hello["role"], replica: ReplicaId | null, boot: string): Hello {
  return {
    kind: "hello",
    protocolVersion: 1,
    clusterId: clusterId("c".repeat(32)),
    role,
    bootId: bootId(boot.padStart(32, "0")),
    group: replica === null ? null : GROUP,
    replica,
    incarnation: replica === null ? null : incarnation("1".repeat(32)),
    hostId: null,
  };
}

export function reportOf(hello: Hello): ReplicaReport {
  return {
    group: GROUP,
    replica: hello.replica ?? R1,
    incarnation: incarnation("1".repeat(32)),
    bootId: hello.bootId,
    role: "follower",
    style: "active",
    promise: [0, 0],
    leadsEpoch: null,
    leadActive: false,
    activeView: null,
    lastEpoch: [0, 0],
    lastIndex: 0,
    persistedIndex: 0,
    commitIndex: 0,
    appliedIndex: 0,
    blank: true,
    learners: [],
    unreachable: [],
    executedCount: 0,
  };
}

export function running(pid: number, cpuMs = 0): KernelView {
  return { state: "running", startTime: pid * 10, cpuMs };
}

export function absent(): KernelView {
  return { state: "absent", startTime: 0, cpuMs: 0 };
}

export function lastSnapshot(world: World): HostObservation {
  for (const { connection, message } of [...world.sent].reverse())
    if (connection === GFD && message.kind === "host-snapshot") return message.host;
  throw new Error("no snapshot was sent");
}

export function seen(world: World, replica: ReplicaId): ReplicaObservation {
  const found = lastSnapshot(world).replicas.find((one) => one.replica === replica);
  if (found === undefined) throw new Error(`${replica} is not in the snapshot`);
  return found;
}

export function faults(world: World) {
  return world.sent.flatMap(({ message }) => (message.kind === "fault" ? [message] : []));
}

export function ordersDone(world: World) {
  return world.sent.flatMap(({ message }) => (message.kind === "order-done" ? [message] : []));
}

export function effectsOf<Kind extends LfdEffect["kind"]>(world: World, kind: Kind): Extract<LfdEffect, { kind: Kind }>[] {
  return world.effects.filter((effect): effect is Extract<LfdEffect, { kind: Kind }> => effect.kind === kind);
}
