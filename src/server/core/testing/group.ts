/** A group of replica cores in one process: connections, a scripted RM and clients, all driven by the test. */
import { assert } from "../../../vocabulary/assert.js";
import type { Epoch } from "../../../vocabulary/epoch.js";
import { bootId, groupName, type Incarnation, incarnation, type ReplicaId, replicaId } from "../../../vocabulary/ids.js";
import type { ControlMessage } from "../../../vocabulary/message-control.js";
import type { Message, Role } from "../../../vocabulary/message.js";
import { quorumSize, type Style } from "../../../vocabulary/style.js";
import type { Member, View } from "../../../vocabulary/view.js";
import type { ClientRequest, ReplicaEvent } from "../event.js";
import type { Accusation } from "../poison.js";
import type { ReplicaBounds, ReplicaTimings } from "../state.js";
import { nextWakeMs } from "../step.js";
import { crashHost, createHost, type Host, type Outside, startHost, stepHost } from "./host.js";
import { bytesOf } from "./list-service.js";

export const GROUP = groupName("list");

/** A connection; `inbox` holds what is on its way to each end. `to` is null for the test's own end (RM, client). */
export interface Wire {
  readonly id: number;
  readonly from: Host | null;
  readonly to: Host;
  readonly inbox: { readonly toFrom: Message[]; readonly toTo: Message[] };
  /** What the replica has said to the test's end, oldest first. */
  readonly heard: Message[];
  open: boolean;
}

/** The test's end of a connection to one replica. */
export interface Line {
  readonly wire: Wire;
  readonly heard: Message[];
}

export interface GroupOptions {
  readonly size?: number;
  readonly checkpointEntries?: number;
  readonly minimumReplicas?: number;
  readonly bounds?: Partial<ReplicaBounds>;
  readonly timings?: Partial<ReplicaTimings>;
}

export interface Group {
  readonly hosts: Map<ReplicaId, Host>;
  readonly wires: Wire[];
  readonly rm: Map<ReplicaId, Line>;
  nowMs: number;
  /** What the wall clocks of the replicas say: the test sets them. */
  wallMs: number;
  nextWire: number;
  counter: number;
  term: number;
  view: View | null;
  /** Messages between replicas that may pass; all by default. */
  passes: (from: Host, to: Host, message: Message) => boolean;
  /** Writes complete by themselves; else the test calls `flush`. */
  instant: boolean;
  readonly options: GroupOptions;
  readonly outside: Outside;
}

export function id(number: number): ReplicaId {
  return replicaId(`list-${number}`);
}

function createConfig(number: number, life: number, options: GroupOptions) {
  return {
    group: GROUP,
    replica: id(number),
    incarnation: incarnation(`inc-${number}-${life}`),
    bootId: bootId("boot"),
    knobs: {
      checkpointEntries: options.checkpointEntries ?? 1_000_000,
      minimumReplicas: options.minimumReplicas ?? 1,
      handlerTimeoutMs: 1_000,
    },
    poisonReply: bytesOf("poison"),
    ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
    ...(options.timings === undefined ? {} : { timings: options.timings }),
  };
}

/** Members 1 to n, started and idle; no view yet. */
export function createGroup(options: GroupOptions = {}): Group {
  const group: Group = {
    hosts: new Map(),
    wires: [],
    rm: new Map(),
    nowMs: 1_000,
    wallMs: 5_000,
    nextWire: 1,
    counter: 0,
    term: 1,
    view: null,
    passes: () => true,
    instant: true,
    options,
    outside: {
      send: (from, connection, message) => sendFrom(group, from, connection, message),
      close: (_, connection) => closeWire(group, connection),
      link: (from, replicas) => link(group, from, replicas),
    },
  };
  for (let number = 1; number <= (options.size ?? 3); number++) addHost(group, number, 1);
  return group;
}

/** A replica with an empty folder; `life` tells its incarnations apart. */
export function addHost(group: Group, number: number, life: number): Host {
  const host = createHost(createConfig(number, life, group.options));
  const old = group.hosts.get(id(number));
  if (old?.alive === true) crash(group, old);
  group.hosts.set(id(number), host);
  start(group, host);
  return host;
}

export function hostOf(group: Group, number: number): Host {
  const host = group.hosts.get(id(number));
  assert(host !== undefined, "harness");
  return host;
}

export function start(group: Group, host: Host): void {
  startHost(host, group.nowMs, group.outside);
  group.rm.set(host.config.replica, connect(group, host, "rm"));
  for (const other of group.hosts.values()) {
    const { stance } = other.replica;
    if (other.alive && stance.kind === "leading") link(group, other, [...stance.peers.keys()]);
  }
}

export function crash(group: Group, host: Host, kept = 0): void {
  crashHost(host, kept);
  dropWires(group, host);
}

function dropWires(group: Group, host: Host): void {
  for (const wire of [...group.wires]) if (wire.open && (wire.from === host || wire.to === host)) closeWire(group, wire.id);
}

function deliver(group: Group, host: Host, event: ReplicaEvent): void {
  if (!host.alive) return;
  stepHost(host, group.nowMs, event, group.outside);
  if (!host.alive) dropWires(group, host);
}

function openWire(group: Group, from: Host | null, to: Host): Wire {
  const wire: Wire = { id: group.nextWire++, from, to, inbox: { toFrom: [], toTo: [] }, heard: [], open: true };
  group.wires.push(wire);
  return wire;
}

function closeWire(group: Group, connection: number): void {
  const wire = group.wires.find((other) => other.id === connection);
  if (wire === undefined || !wire.open) return;
  wire.open = false;
  group.wires.splice(group.wires.indexOf(wire), 1);
  for (const host of [wire.from, wire.to]) if (host !== null) deliver(group, host, { kind: "connection-closed", connection });
}

/** Leader links: kept when open, dialled when not, closed when not named. */
function link(group: Group, from: Host, replicas: readonly ReplicaId[]): void {
  for (const wire of [...group.wires]) {
    if (wire.from === from && !replicas.includes(wire.to.config.replica)) closeWire(group, wire.id);
  }
  for (const replica of replicas) {
    const to = group.hosts.get(replica);
    const isLinked = group.wires.some((wire) => wire.from === from && wire.to === to);
    if (to === undefined || !to.alive || isLinked) continue;
    const wire = openWire(group, from, to);
    deliver(group, to, { kind: "connection-opened", connection: wire.id, peer: peerOf(from), outbound: false });
    deliver(group, from, { kind: "connection-opened", connection: wire.id, peer: peerOf(to), outbound: true });
  }
}

function peerOf(host: Host) {
  return {
    role: "server" as const,
    replica: host.config.replica,
    incarnation: host.config.incarnation,
    bootId: host.replica.config.bootId,
  };
}

function sendFrom(group: Group, from: Host, connection: number, message: Message): void {
  const wire = group.wires.find((other) => other.id === connection);
  if (wire === undefined) return;
  (wire.from === from ? wire.inbox.toTo : wire.inbox.toFrom).push(message);
}

/** Connects the test itself, as RM or client. */
export function connect(group: Group, host: Host, role: Role): Line {
  const wire = openWire(group, null, host);
  const peer = { role, replica: null, incarnation: null, bootId: bootId("test") };
  deliver(group, host, { kind: "connection-opened", connection: wire.id, peer, outbound: false });
  return { wire, heard: wire.heard };
}

/** What the replica has said on this line since the last call, after everything on its way has arrived. */
export function hear(group: Group, line: Line): Message[] {
  run(group);
  return line.heard.splice(0);
}

export function order(group: Group, number: number, message: ControlMessage): void {
  const line = group.rm.get(id(number));
  if (line !== undefined) deliver(group, line.wire.to, { kind: "message-received", connection: line.wire.id, message });
}

export function ask(group: Group, line: Line, message: ClientRequest): void {
  const digest = message.kind === "request" ? digestOf(message.operation, message.input) : 0;
  deliver(group, line.wire.to, {
    kind: "client-message-received",
    connection: line.wire.id,
    message,
    digest,
    wallMs: group.wallMs,
    seed: 9,
  });
}

function digestOf(operation: string, input: Uint8Array): number {
  return input.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, operation.length) + 1;
}

/** Delivers one message, completion or write chosen by `pick`; false when nothing is on its way. */
export function deliverOne(group: Group, pick: (count: number) => number): boolean {
  const choices: (() => void)[] = [];
  for (const wire of group.wires) {
    if (wire.inbox.toTo.length > 0) choices.push(() => passOn(group, wire, true));
    if (wire.inbox.toFrom.length > 0) choices.push(() => passOn(group, wire, false));
  }
  for (const host of group.hosts.values()) {
    if (host.completions.length > 0) choices.push(() => completeOne(group, host));
    if (group.instant && host.writes.length > 0) choices.push(() => flushOne(group, host));
  }
  choices[choices.length === 0 ? 0 : pick(choices.length)]?.();
  return choices.length > 0;
}

function completeOne(group: Group, host: Host): void {
  const event = host.completions.shift();
  if (event !== undefined) deliver(group, host, event);
}

/** One write becomes durable. */
export function flushOne(group: Group, host: Host): void {
  const event = host.writes.shift()?.() ?? null;
  if (event !== null) deliver(group, host, event);
}

export function flush(group: Group, host: Host): void {
  while (host.writes.length > 0) flushOne(group, host);
}

function passOn(group: Group, wire: Wire, toTo: boolean): void {
  const message = (toTo ? wire.inbox.toTo : wire.inbox.toFrom).shift();
  if (message === undefined) return;
  const [sender, receiver] = toTo ? [wire.from, wire.to] : [wire.to, wire.from];
  if (receiver === null) {
    wire.heard.push(message);
    return;
  }
  if (sender !== null && !group.passes(sender, receiver, message)) return;
  assert(message.kind !== "hello", "harness");
  deliver(group, receiver, { kind: "message-received", connection: wire.id, message: message as never });
}

/** Until nothing is on its way. */
export function run(group: Group): void {
  for (let count = 0; deliverOne(group, () => 0); count++) assert(count < 200_000, "harness", () => "never quiet");
}

/** Lets time pass, waking whoever asked for it. */
export function advance(group: Group, ms: number): void {
  const untilMs = group.nowMs + ms;
  for (let count = 0; count < 100_000; count++) {
    run(group);
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const host of group.hosts.values()) if (host.alive) wakeMs = Math.min(wakeMs, nextWakeMs(host.replica));
    if (wakeMs > untilMs) break;
    group.nowMs = Math.max(group.nowMs, wakeMs);
    wake(group);
  }
  group.nowMs = untilMs;
  wake(group);
  run(group);
}

/** Wakes those whose time has come. */
export function wake(group: Group): void {
  for (const host of group.hosts.values())
    if (host.alive && nextWakeMs(host.replica) <= group.nowMs) deliver(group, host, { kind: "woken" });
}

// --- the RM, by hand

export function nextEpoch(group: Group): Epoch {
  return [group.term, ++group.counter];
}

export function memberFor(group: Group, number: number): Member {
  const { replica, incarnation: life } = hostOf(group, number).config;
  return { replica, incarnation: life as Incarnation };
}

export function createView(group: Group, epoch: Epoch, members: readonly number[], leader: number, style: Style): View {
  return {
    group: GROUP,
    generation: group.view?.generation ?? 1,
    epoch,
    members: members.map((number) => memberFor(group, number)),
    leader: id(leader),
    style,
    quorum: quorumSize(members.length, "majority"),
    durability: "disk",
  };
}

export function seal(group: Group, number: number, epoch: Epoch): void {
  order(group, number, { kind: "seal", group: GROUP, epoch, base: group.view });
}

export function lead(group: Group, number: number, view: View, { poison, leaderEnds }: Accusation = { poison: [], leaderEnds: [] }): void {
  const book = { version: view.epoch, entries: [] };
  order(group, number, { kind: "lead", view, bootId: hostOf(group, number).replica.config.bootId, poison, leaderEnds, book });
}

export function activate(group: Group, number: number, view: View): void {
  order(group, number, { kind: "activate", view, bootId: hostOf(group, number).replica.config.bootId });
}

/** A whole view change; `sealed` defaults to the new members. */
export function changeView(
  group: Group,
  members: readonly number[],
  leader: number,
  style: Style = "warm-passive",
  sealed: readonly number[] = members,
): View {
  const epoch = nextEpoch(group);
  for (const number of sealed) seal(group, number, epoch);
  run(group);
  const view = createView(group, epoch, members, leader, style);
  lead(group, leader, view);
  run(group);
  activate(group, leader, view);
  group.view = view;
  run(group);
  advance(group, 20);
  return view;
}
