/** A random run of a group: loss, doubles, crashes, lost disks, view changes, retries; and what must hold all the while (S1-S8). */
import { assert } from "../../../vocabulary/assert.js";
import { epochText } from "../../../vocabulary/epoch.js";
import type { ReplicaId, SessionId } from "../../../vocabulary/ids.js";
import type { Message } from "../../../vocabulary/message.js";
import { fifoSize } from "../fifo.js";
import {
  advance,
  addHost,
  ask,
  connect,
  crash,
  createGroup,
  deliverOne,
  flushOne,
  type Group,
  type GroupOptions,
  type Line,
  order,
  start,
  wake,
} from "./group.js";
import type { Host } from "./host.js";
import { bytesOf, textOf } from "./list-service.js";
import { below, type Chance, oneIn } from "./random.js";
import { createRm, restartRm, type ScriptedRm, tickRm } from "./scripted-rm.js";

interface Operation {
  readonly sequence: number;
  readonly word: string;
  ticket: number;
  line: Line | null;
  answer: string | null;
}

interface Reading {
  readonly ticket: number;
  readonly line: Line;
  readonly acked: readonly string[];
  readonly lengthMin: number;
}

interface Client {
  readonly name: string;
  session: SessionId | null;
  opening: { readonly ticket: number; readonly line: Line } | null;
  readonly lines: Map<ReplicaId, Line>;
  readonly operations: Operation[];
  readings: Reading[];
  nextTicket: number;
}

export interface Chaos {
  readonly group: Group;
  readonly chance: Chance;
  readonly rm: ScriptedRm;
  readonly clients: Client[];
  /** Epoch and identity of each committed entry, by index. */
  readonly committed: Map<number, string>;
  /** The state at each index. */
  readonly states: Map<number, string>;
  readonly acked: string[];
  readLength: number;
  operationsMax: number;
  readonly marks: Record<string, number>;
}

export function createChaos(seed: number, options: GroupOptions, operationsMax: number): Chaos {
  const group = createGroup(options);
  group.instant = false;
  const chance = { state: seed };
  const clients = ["a", "b", "c"].map((name): Client => {
    return { name, session: null, opening: null, lines: new Map(), operations: [], readings: [], nextTicket: 1 };
  });
  const chaos: Chaos = {
    group,
    chance,
    rm: createRm(),
    clients,
    committed: new Map(),
    states: new Map(),
    acked: [],
    readLength: 0,
    operationsMax,
    marks: {},
  };
  group.passes = (from, to, message) => {
    if (chaos.rm.isolated.has(from.config.replica) || chaos.rm.isolated.has(to.config.replica) || oneIn(chance, 60)) return false;
    if (oneIn(chance, 60)) double(group, from, to, message);
    return true;
  };
  return chaos;
}

function mark(chaos: Chaos, name: string): void {
  chaos.marks[name] = (chaos.marks[name] ?? 0) + 1;
}

function double(group: Group, from: Host, to: Host, message: Message): void {
  for (const wire of group.wires) {
    if (wire.from === from && wire.to === to) wire.inbox.toTo.push(message);
    else if (wire.to === from && wire.from === to) wire.inbox.toFrom.push(message);
  }
}

// --- clients

function lineTo(chaos: Chaos, client: Client): Line | null {
  const hosts = [...chaos.group.hosts.values()].filter((host) => host.alive);
  const leaders = hosts.filter((host) => host.replica.stance.kind === "leading");
  const from = leaders.length > 0 && !oneIn(chaos.chance, 5) ? leaders : hosts;
  const host = from[below(chaos.chance, Math.max(1, from.length))];
  if (host === undefined) return null;
  const known = client.lines.get(host.config.replica);
  if (known?.wire.open === true && known.wire.to === host) return known;
  const line = connect(chaos.group, host, "client");
  client.lines.set(host.config.replica, line);
  return line;
}

function isLost(line: Line | null): boolean {
  return line === null || !line.wire.open;
}

function sendOperation(chaos: Chaos, client: Client, operation: Operation): void {
  const line = lineTo(chaos, client);
  if (line === null || client.session === null) return;
  const open = client.operations.filter((other) => other.answer === null);
  const floor = Math.min(operation.sequence, open[0]?.sequence ?? operation.sequence);
  operation.ticket = client.nextTicket++;
  operation.line = line;
  const identity = { kind: "session", session: client.session, resumption: 0, sequence: operation.sequence, floor } as const;
  ask(chaos.group, line, { kind: "request", ticket: operation.ticket, identity, operation: "append", input: bytesOf(operation.word) });
}

function tickClient(chaos: Chaos, client: Client): void {
  for (const line of client.lines.values()) for (const message of line.heard.splice(0)) hearClient(chaos, client, message, line);
  if (client.session === null) {
    if (client.opening !== null && !isLost(client.opening.line)) return;
    const line = lineTo(chaos, client);
    if (line === null) return;
    client.opening = { ticket: client.nextTicket++, line };
    ask(chaos.group, line, { kind: "open-session", ticket: client.opening.ticket, nonce: `${client.name}${client.opening.ticket}` });
    return;
  }
  const open = client.operations.filter((operation) => operation.answer === null);
  for (const operation of open) if (isLost(operation.line) || oneIn(chaos.chance, 30)) sendOperation(chaos, client, operation);
  const last = client.operations[client.operations.length - 1];
  if (last !== undefined && last.answer !== null && oneIn(chaos.chance, 8)) {
    mark(chaos, "retried after its answer");
    sendOperation(chaos, client, last);
  }
  if (open.length < 3 && client.operations.length < chaos.operationsMax) {
    const sequence = client.operations.length + 1;
    const operation: Operation = { sequence, word: `${client.name}${sequence}`, ticket: 0, line: null, answer: null };
    client.operations.push(operation);
    sendOperation(chaos, client, operation);
  }
  if (oneIn(chaos.chance, 3)) readAll(chaos, client);
}

function readAll(chaos: Chaos, client: Client): void {
  const line = lineTo(chaos, client);
  if (line === null) return;
  const ticket = client.nextTicket++;
  client.readings = client.readings.filter((reading) => !isLost(reading.line));
  client.readings.push({ ticket, line, acked: [...chaos.acked], lengthMin: chaos.readLength });
  ask(chaos.group, line, { kind: "query", ticket, query: "get", input: new Uint8Array(0), consistency: "linearizable", atLeastIndex: 0 });
}

function hearClient(chaos: Chaos, client: Client, message: Message, line: Line): void {
  if (!("ticket" in message)) return;
  const operation = client.operations.find((other) => other.ticket === message.ticket && other.line === line);
  const reading = client.readings.find((other) => other.ticket === message.ticket && other.line === line);
  if (message.kind === "session-opened" && client.session === null) {
    client.session = message.session;
    return;
  }
  if (message.kind === "redirect") {
    if (operation !== undefined) operation.line = null;
    if (client.opening?.ticket === message.ticket) client.opening = null;
    client.readings = client.readings.filter((other) => other !== reading);
  }
  if (message.kind === "request-failed") {
    assert(message.code === "stale-sequence" || message.code === "overloaded", "S6", () => `${client.name}: ${message.code}`);
    assert(
      message.code !== "stale-sequence" || operation === undefined || operation.answer !== null,
      "S6b",
      () => "stale before it was answered",
    );
    if (operation !== undefined && operation.answer === null) operation.line = null;
  }
  if (message.kind !== "reply") return;
  const text = textOf(message.reply.bytes);
  if (reading !== undefined) {
    // S7: all that was acknowledged before, and nothing older than an earlier read.
    const words = text.split(" ").filter((word) => word !== "");
    for (const word of reading.acked) assert(words.includes(word), "S7", () => `the read misses ${word}`);
    assert(words.length >= reading.lengthMin, "S7", () => `a read of ${words.length} after one of ${reading.lengthMin}`);
    chaos.readLength = Math.max(chaos.readLength, words.length);
    client.readings = client.readings.filter((other) => other !== reading);
    mark(chaos, "read");
  }
  if (operation === undefined) return;
  assert(operation.answer === null || operation.answer === text, "S6b", () => `${operation.word}: ${operation.answer}, then ${text}`);
  if (operation.answer !== null) return;
  operation.answer = text;
  chaos.acked.push(operation.word);
}

// --- what must hold

function textOfEntry(host: Host, index: number): string {
  const entry = host.replica.log.entries[index - host.replica.log.base.index - 1];
  assert(entry !== undefined, "log", () => `${host.config.replica}: no entry ${index}`);
  const { body } = entry;
  const what = body.kind === "request" || body.kind === "update" ? JSON.stringify(body.identity) : body.kind;
  return `${epochText(entry.epoch)} ${what}`;
}

/** S3, S8: one committed entry at each index, one state at each index. */
function checkGroup(chaos: Chaos): void {
  const leaders = new Set<string>();
  for (const host of chaos.group.hosts.values()) {
    if (!host.alive) continue;
    const { replica } = host;
    for (let index = replica.commitIndex; index > replica.log.base.index; index--) {
      const text = textOfEntry(host, index);
      const known = chaos.committed.get(index);
      assert(known === undefined || known === text, "S3", () => `${host.config.replica} has ${text} at ${index}, committed was ${known}`);
      if (known !== undefined) break;
      chaos.committed.set(index, text);
    }
    if (replica.stance.kind === "leading") {
      const text = epochText(replica.stance.view.epoch);
      assert(!leaders.has(text), "S1b", () => `two leaders of ${text}`);
      leaders.add(text);
    }
    const quiet = host.completions.length === 0 && host.service.undo.length === 0 && fifoSize(replica.execution.applying) === 0;
    if (host.unloaded) {
      mark(chaos, "cold");
      continue;
    }
    if (!quiet || replica.receiving?.installing != null) continue;
    const state = host.service.words.join(" ");
    const known = chaos.states.get(replica.appliedIndex);
    assert(
      known === undefined || known === state,
      "S9",
      () => `${host.config.replica} at ${replica.appliedIndex}: ${state}, elsewhere ${known}`,
    );
    chaos.states.set(replica.appliedIndex, state);
  }
}

// --- faults

/** S5: at most w - 1 lives of a view's members may be lost. */
function mayLose(chaos: Chaos, host: Host): boolean {
  for (const view of [chaos.group.view, chaos.rm.attempt?.view ?? null]) {
    if (view === null) continue;
    const lost = view.members.filter((member) => {
      const other = chaos.group.hosts.get(member.replica);
      return other === host || other?.config.incarnation !== member.incarnation;
    });
    if (lost.length > view.quorum - 1) return false;
  }
  return chaos.group.view !== null && chaos.rm.attempt === null;
}

/** An RM that cannot reach a replica does not hear it either. */
function isolate(chaos: Chaos, host: Host): void {
  const { replica } = host.config;
  if (chaos.rm.isolated.delete(replica) || chaos.rm.isolated.size > 0) return;
  chaos.rm.isolated.add(replica);
  mark(chaos, "isolated");
}

function disturb(chaos: Chaos, lives: Map<Host, number>): void {
  const { group, chance } = chaos;
  const hosts = [...group.hosts.values()];
  const host = hosts[below(chance, hosts.length)];
  if (host === undefined) return;
  assert(host.ended === null, "chaos", () => `${host.config.replica} ended: ${host.ended}`);
  if (!host.alive) {
    if (!oneIn(chance, 6)) return;
    if (oneIn(chance, 4) && mayLose(chaos, host)) {
      mark(chaos, "disk lost");
      const life = (lives.get(host) ?? 1) + 1;
      const number = Number(host.config.replica.split("-")[1]);
      lives.set(addHost(group, number, life), life);
    } else start(group, host);
    return;
  }
  if (oneIn(chance, 30)) isolate(chaos, host);
  else if (oneIn(chance, 40)) {
    mark(chaos, "crash");
    crash(group, host, below(chance, host.writes.length + 1));
  } else if (oneIn(chance, 25)) {
    const wire = group.wires[below(chance, group.wires.length)];
    if (wire?.from != null) group.outside.close(host, wire.id);
  }
}

function rmDeliver(chaos: Chaos) {
  return (replica: ReplicaId, message: Parameters<typeof order>[2]) =>
    !chaos.rm.isolated.has(replica) && order(chaos.group, Number(replica.split("-")[1]), message);
}

/** Runs `steps` random steps. */
export function storm(chaos: Chaos, steps: number): void {
  const { group, chance } = chaos;
  const lives = new Map<Host, number>();
  const pick = (count: number) => below(chance, count);
  for (let count = 0; count < steps; count++) {
    const dice = below(chance, 100);
    if (dice < 55) deliverOne(group, pick);
    else if (dice < 75) {
      const writers = [...group.hosts.values()].filter((host) => host.alive && host.writes.length > 0);
      const writer = writers[pick(Math.max(1, writers.length))];
      if (writer !== undefined) flushOne(group, writer);
    } else if (dice < 80) {
      group.nowMs += below(chance, 8);
      wake(group);
      relink(group);
    } else if (dice < 86) tickRm(group, chaos.rm, chance, rmDeliver(chaos), false);
    else if (dice < 94) {
      const client = chaos.clients[pick(chaos.clients.length)];
      if (client !== undefined) tickClient(chaos, client);
    } else disturb(chaos, lives);
    if (oneIn(chance, 3_000)) {
      mark(chaos, "rm restarted");
      restartRm(group, chaos.rm);
    }
    checkGroup(chaos);
  }
}

/** The shell dials again what was cut. */
function relink(group: Group): void {
  for (const host of group.hosts.values()) {
    const { stance } = host.replica;
    if (host.alive && stance.kind === "leading") group.outside.link(host, [...stance.peers.keys()]);
  }
}

/** Heals everything: all operations are answered, and all replicas end in one state. */
export function calm(chaos: Chaos): string[] {
  const { group, chance } = chaos;
  chaos.rm.isolated.clear();
  group.passes = () => true;
  group.instant = true;
  for (const host of group.hosts.values()) if (!host.alive) start(group, host);
  for (let round = 0; round < 400; round++) {
    relink(group);
    tickRm(group, chaos.rm, chance, rmDeliver(chaos), true);
    for (const client of chaos.clients) tickClient(chaos, client);
    advance(group, 20);
    checkGroup(chaos);
    if (round > 50 && isDone(chaos)) break;
  }
  assert(isDone(chaos), "liveness", () => `not all was answered: ${statusOf(chaos)}`);
  for (const client of chaos.clients)
    for (const message of [...client.lines.values()].flatMap((line) => line.heard.splice(0))) void message;
  const warm = [...group.hosts.values()].filter((host) => !host.unloaded);
  const states = new Set(warm.map((host) => host.service.words.join(" ")));
  assert(states.size === 1, "S9", () => `states differ: ${[...states].join(" | ")}`);
  return [...states][0]?.split(" ") ?? [];
}

function isDone(chaos: Chaos): boolean {
  const answered = chaos.clients.every(
    (client) => client.operations.length === chaos.operationsMax && client.operations.every(({ answer }) => answer !== null),
  );
  const ends = [...chaos.group.hosts.values()].map(({ unloaded, replica }) => (unloaded ? replica.commitIndex : replica.appliedIndex));
  const applied = new Set(ends);
  return answered && applied.size === 1 && chaos.group.view?.members.length === chaos.group.hosts.size;
}

function statusOf(chaos: Chaos): string {
  const hosts = [...chaos.group.hosts.values()].map((host) => {
    const { replica } = host;
    return `${host.config.replica} ${replica.stance.kind} promise ${epochText(replica.promise)} commit ${replica.commitIndex} applied ${replica.appliedIndex} of ${replica.log.base.index}+${replica.log.entries.length}`;
  });
  const open = chaos.clients.flatMap((client) => client.operations.filter(({ answer }) => answer === null).map(({ word }) => word));
  const view = chaos.group.view;
  return `${hosts.join("; ")}; open ${open.join()}; view ${view === null ? "none" : `${epochText(view.epoch)} of ${view.members.map(({ replica }) => replica).join()}`}`;
}
