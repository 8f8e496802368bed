import type { GroupName, HostId } from "../vocabulary/ids.js";
import type { Hello, Message } from "../vocabulary/message.js";
import type { Address } from "../vocabulary/view.js";
import type { Appointment } from "./agenda.js";
import { shortText } from "./driver.js";
import { messageText } from "./message-text.js";
import { isRefused, noteRefusal, REPLAYED, type Refusals } from "./replays.js";
import { prefixer } from "./trace.js";
import { bringsEntries, type Damage, damaged, recoded, UNREADABLE } from "./wire.js";
import { after, isAlive, mark, note, reach, type SimHost, type SimProcess, timer, violate, type World } from "./world.js";

/** As runtime/connection.ts: what a shell holds of one open connection. */
export interface SimConnection {
  readonly id: number;
  readonly peer: Hello;
  send(message: Message): void;
  close(reason?: string): void;
}

export interface ConnectionEvents {
  hello(): Hello;
  accepts(peer: Hello): string | null;
  onOpen(connection: SimConnection): void;
  onMessage(connection: SimConnection, message: Message): void;
  onClose(connection: SimConnection): void;
}

export interface DialOptions extends ConnectionEvents {
  address(): Address | null;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export interface SimDialer {
  close(): void;
}

interface Listener {
  readonly process: SimProcess;
  readonly events: ConnectionEvents;
}

type Carried = Message | typeof UNREADABLE;

/** `message`: null where the connection ends. */
interface Item {
  readonly message: Carried | null;
  readonly atMs: number;
}

/** One direction of a connection: first in, first out. */
interface Direction {
  readonly from: End;
  readonly to: End;
  queue: Item[];
  lastAtMs: number;
  /** A delivery is on the agenda. */
  pumping: boolean;
}

interface End {
  readonly process: SimProcess;
  readonly events: ConnectionEvents;
  readonly onEnd: () => void;
  connection: SimConnection | null;
  closed: boolean;
  finished: boolean;
  out: Direction | null;
  pipe: Pipe | null;
}

type Pipe = readonly [Direction, Direction];

export interface Network {
  readonly listeners: Map<string, Listener>;
  readonly pipes: Set<Pipe>;
  /** Cut directions: `from>to`. */
  readonly cuts: Set<string>;
  /** Extra delay of a direction. */
  readonly slow: Map<string, number>;
  readonly refusals: Refusals;
  damage: Damage | null;
  nextId: number;
}

const CONNECT_TIMEOUT_MS = 1_000;
const received = prefixer("< ");

export function createNetwork(): Network {
  return { listeners: new Map(), pipes: new Set(), cuts: new Set(), slow: new Map(), refusals: new Set(), damage: null, nextId: 1 };
}

export function linkName(from: HostId, to: HostId): string {
  return `${from}>${to}`;
}

function isCut(network: Network, from: SimHost, to: SimHost): boolean {
  return network.cuts.size > 0 && network.cuts.has(linkName(from.hostId, to.hostId));
}

function delayMs(world: World, network: Network, from: SimHost, to: SimHost): number {
  const { settings, chance } = world;
  const extra = network.slow.size === 0 ? 0 : (network.slow.get(linkName(from.hostId, to.hostId)) ?? 0);
  if (extra > 0) mark(world, "link-slowed");
  const local = from === to ? 0.3 : 1;
  let delay = chance.network.between(settings.delayMinMs, settings.delayMaxMs) * local + extra * chance.network.unit();
  if (chance.network.happens(settings.tailProbability)) delay += chance.network.between(0, settings.tailMs);
  return delay;
}

/** Listens on a port of the process's host, the one of `name`'s last life when it is free. */
export function listen(world: World, network: Network, process: SimProcess, name: string | null, events: ConnectionEvents): Address {
  const known = name === null ? undefined : world.addresses.get(name);
  const free =
    known !== undefined && known.host === process.host.hostId && !network.listeners.has(keyOf(known)) && world.chance.network.happens(0.8);
  const address = free && known !== undefined ? known : { host: process.host.hostId, port: world.nextPort++ };
  network.listeners.set(keyOf(address), { process, events });
  process.atDeath.push(() => network.listeners.delete(keyOf(address)));
  if (name !== null) world.addresses.set(name, address);
  return address;
}

function keyOf(address: Address): string {
  return `${address.host}:${address.port}`;
}

/** Keeps a connection to an address, as runtime/dialer.ts does. */
export function dial(world: World, network: Network, process: SimProcess, options: DialOptions): SimDialer {
  let closed = false;
  let end: End | null = null;
  let attempt = 0;
  let backoffMs = options.backoffMinMs;
  let openedAtMs = 0;
  let waiting: Appointment | null = timer(world, process, 0, tryOnce);
  const events: ConnectionEvents = {
    ...options,
    onOpen(connection) {
      openedAtMs = world.nowMs;
      options.onOpen(connection);
    },
    onClose(connection) {
      if (world.nowMs - openedAtMs > options.backoffMaxMs) backoffMs = options.backoffMinMs;
      options.onClose(connection);
    },
  };

  function again(): void {
    end = null;
    attempt += 1;
    if (closed || !isAlive(process)) return;
    waiting = timer(world, process, backoffMs * world.chance.network.between(0.5, 1), tryOnce);
    backoffMs = Math.min(options.backoffMaxMs, backoffMs * 2);
  }

  function tryOnce(): void {
    waiting = null;
    const address = options.address();
    if (address === null) return again();
    attempt += 1;
    const mine = attempt;
    const host = [...world.hosts.values()].find((each) => each.hostId === address.host);
    timer(world, process, CONNECT_TIMEOUT_MS, () => {
      if (mine !== attempt || (end !== null && end.connection !== null)) return;
      if (end === null) again();
      else closeEnd(world, network, end);
    });
    if (host === undefined || isCut(network, process.host, host)) return;
    after(world, delayMs(world, network, process.host, host), () => {
      if (mine !== attempt || closed || !isAlive(process) || isCut(network, host, process.host)) return;
      const listener = network.listeners.get(keyOf(address));
      if (listener === undefined) reach(process, again);
      else end = connect(world, network, process, listener, events, again);
    });
  }

  return {
    close() {
      closed = true;
      attempt += 1;
      waiting?.cancel();
      if (end !== null) closeEnd(world, network, end);
    },
  };
}

function connect(
  world: World,
  network: Network,
  process: SimProcess,
  listener: Listener,
  events: ConnectionEvents,
  onEnd: () => void,
): End {
  const near = createEnd(process, events, onEnd);
  const far = createEnd(listener.process, listener.events, () => {});
  const there: Direction = { from: near, to: far, queue: [], lastAtMs: 0, pumping: false };
  const back: Direction = { from: far, to: near, queue: [], lastAtMs: 0, pumping: false };
  near.out = there;
  far.out = back;
  const pipe = [there, back] as const;
  network.pipes.add(pipe);
  for (const end of [near, far]) {
    end.pipe = pipe;
    end.process.atDeath.push(() => dieEnd(world, network, end));
  }
  enqueue(world, network, there, events.hello());
  reach(listener.process, () => {
    if (!far.closed) enqueue(world, network, back, listener.events.hello());
  });
  return near;
}

function createEnd(process: SimProcess, events: ConnectionEvents, onEnd: () => void): End {
  return { process, events, onEnd, connection: null, closed: false, finished: false, out: null, pipe: null };
}

function enqueue(world: World, network: Network, direction: Direction, message: Carried | null): void {
  const { from, to } = direction;
  const atMs = Math.max(direction.lastAtMs, world.nowMs + delayMs(world, network, from.process.host, to.process.host));
  direction.lastAtMs = atMs;
  direction.queue.push({ message, atMs });
  pump(world, network, direction);
}

function pump(world: World, network: Network, direction: Direction): void {
  const head = direction.queue[0];
  if (direction.pumping || head === undefined) return;
  direction.pumping = true;
  after(world, Math.max(0, head.atMs - world.nowMs), () => {
    direction.pumping = false;
    // What is cut waits, and comes late (TCP sends again), unless the connection is reset before.
    if (isCut(network, direction.from.process.host, direction.to.process.host)) return;
    let count = 0;
    while (direction.queue[count] !== undefined && (direction.queue[count]?.atMs ?? 0) <= world.nowMs) count += 1;
    for (const item of direction.queue.splice(0, count)) reach(direction.to.process, () => receive(world, network, direction.to, item));
    pump(world, network, direction);
  });
}

/** After a cut is healed. */
export function resume(world: World, network: Network): void {
  for (const pipe of network.pipes) for (const direction of pipe) pump(world, network, direction);
}

function receive(world: World, network: Network, end: End, item: Item): void {
  if (end.closed) return;
  const { message } = item;
  if (message === null) {
    end.closed = true;
    finish(network, end);
    return;
  }
  if (message === UNREADABLE) {
    // As runtime/connection.ts: it cannot know what else of the stream is right.
    mark(world, "entry-damaged");
    note(world, end.process.name, "cannot read", () => `from ${placeOf(end)}`);
    return closeEnd(world, network, end);
  }
  if (end.connection !== null) {
    if (REPLAYED.has(message.kind) && world.chance.network.happens(world.settings.replayProbability)) replay(world, network, end, message);
    note(world, end.process.name, received(message.kind), () => `from ${placeOf(end)}: ${messageText(message) ?? shortText(message)}`);
    end.events.onMessage(end.connection, message);
    return;
  }
  if (message.kind !== "hello") {
    violate(world, "network", `${end.process.name}: the first message is ${message.kind}`);
    return;
  }
  const refusal = end.events.accepts(message);
  if (refusal !== null) {
    note(world, end.process.name, "refuses", () => refusal);
    closeEnd(world, network, end);
    return;
  }
  const connection: SimConnection = {
    id: network.nextId++,
    peer: message,
    send: (sent) => send(world, network, end, sent),
    close: () => closeEnd(world, network, end),
  };
  end.connection = connection;
  end.events.onOpen(connection);
}

function replay(world: World, network: Network, end: End, message: Message): void {
  const peer = end.connection?.peer;
  if (peer === undefined) return;
  const own = end.events.hello();
  const { network: chance } = world.chance;
  after(world, chance.pick([chance.between(0, 20), chance.between(20, 3_000)]), () => {
    if (isRefused(network.refusals, peer, message)) return;
    for (const [there, back] of network.pipes) {
      for (const to of [there.to, back.to]) {
        const { connection } = to;
        if (connection === null || to.closed || !isSamePeer(to.events.hello(), own) || !isSamePeer(connection.peer, peer)) continue;
        mark(world, "message-replayed");
        note(world, to.process.name, `again ${message.kind}`, () => messageText(message) ?? shortText(message));
        return reach(to.process, () => {
          if (!to.closed) to.events.onMessage(connection, message);
        });
      }
    }
  });
}

/** The same life of a log, or the same life of a process: another one's messages are not its own. */
function isSamePeer(a: Hello, b: Hello): boolean {
  return a.role === b.role && (a.incarnation === null ? a.bootId === b.bootId : a.incarnation === b.incarnation);
}

function placeOf(end: End): string {
  return end.out?.to.process.name ?? "nowhere";
}

function send(world: World, network: Network, end: End, message: Message): void {
  if (end.closed || end.out === null || !isAlive(end.process)) return;
  if (end.connection !== null) noteRefusal(network.refusals, end.connection.peer, message);
  enqueue(world, network, end.out, world.settings.codec ? carried(world, network, end, message) : message);
}

function carried(world: World, network: Network, end: End, message: Message): Carried {
  const group: GroupName | null = end.connection?.peer.group ?? end.events.hello().group;
  const { damage } = network;
  if (damage === null || group === null || !bringsEntries(message) || damage.appendsLeft-- > 0)
    return recoded(world, end.process.name, message, group);
  network.damage = null;
  return damaged(world, damage, message, group);
}

/** Closed here and now; the peer hears of it after what was sent before. */
function closeEnd(world: World, network: Network, end: End): void {
  if (end.closed) return;
  end.closed = true;
  if (end.out !== null) enqueue(world, network, end.out, null);
  after(world, 0.02, () => reach(end.process, () => finish(network, end)));
}

function finish(network: Network, end: End): void {
  if (end.finished) return;
  end.finished = true;
  if (end.connection !== null) end.events.onClose(end.connection);
  end.onEnd();
  forget(network, end);
}

function forget(network: Network, end: End): void {
  if (end.pipe !== null && end.out?.to.finished === true) network.pipes.delete(end.pipe);
}

/** The kernel closes the sockets of the dead: part of what they had sent is on its way. */
function dieEnd(world: World, network: Network, end: End): void {
  const { out } = end;
  end.finished = true;
  forget(network, end);
  if (end.closed || out === null) return;
  end.closed = true;
  loseTail(world, out);
  enqueue(world, network, out, null);
}

function loseTail(world: World, direction: Direction): void {
  if (direction.queue.length === 0 || !world.chance.network.happens(0.3)) return;
  direction.queue = direction.queue.slice(0, world.chance.network.integer(0, direction.queue.length));
}

/** What a process has sent, and has not arrived, takes so much longer. */
export function holdBack(network: Network, process: SimProcess, byMs: number): void {
  for (const direction of [...network.pipes].flat()) {
    if (direction.from.process !== process) continue;
    direction.queue = direction.queue.map((item) => ({ ...item, atMs: item.atMs + byMs }));
    direction.lastAtMs += byMs;
  }
}

/** A connection breaks: of what was under way in each direction a beginning arrives, nobody knows how much. */
export function resetOne(world: World, network: Network, between: (a: SimProcess, b: SimProcess) => boolean): void {
  const candidates = [...network.pipes].filter(
    ([there]) => !there.from.closed && !there.to.closed && between(there.from.process, there.to.process),
  );
  if (candidates.length === 0) return;
  const pipe = world.chance.network.pick(candidates);
  mark(world, "connection-reset");
  note(world, "network", "reset", () => `${pipe[0].from.process.name} - ${pipe[0].to.process.name}`);
  for (const direction of pipe) {
    direction.queue = direction.queue.slice(0, world.chance.network.integer(0, direction.queue.length));
    enqueue(world, network, direction, null);
  }
}
