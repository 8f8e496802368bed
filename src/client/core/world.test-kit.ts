import { bootId, groupName, hostId, incarnation, type ReplicaId, replicaId, type SessionId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { AddressBook, View } from "../../vocabulary/view.js";
import type { CallOutcome, ClientEffect } from "./effect.js";
import type { ClientEvent } from "./event.js";
import { type ClientConfig, type ClientState, createClient, type SavedSession } from "./state.js";
import { step } from "./step.js";

export const SESSION = "1.1.aa" as SessionId;
export const NO_BYTES = new Uint8Array();

export const CONFIG: ClientConfig = {
  nonce: "aa",
  seed: 7,
  savesRequests: false,
  waitingMax: 100,
  heldBytesMax: 1_000_000,
  inFlightMax: 8,
  unreadBytesMax: 1_000_000,
  backoffMinMs: 10,
  backoffMaxMs: 500,
  discoverAfterMs: 300,
};

export const r = (number: number): ReplicaId => replicaId(`g-${number}`);

export function viewOf(counter: number, leader: number, members: readonly number[] = [1, 2, 3]): View {
  return {
    group: groupName("g"),
    generation: 1,
    epoch: [1, counter],
    members: members.map((number) => ({ replica: r(number), incarnation: incarnation(`i${number}`) })),
    leader: r(leader),
    style: "warm-passive",
    quorum: 2,
    durability: "disk",
  };
}

export function bookOf(version: number, members: readonly number[] = [1, 2, 3]): AddressBook {
  const entries = members.map((number) => ({
    replica: r(number),
    hostId: hostId("h"),
    address: { host: "127.0.0.1", port: 7000 + number },
    bootId: bootId(`b${number}`),
  }));
  return { version: [1, version], entries };
}

/** A client with a hand on everything around it. Connection n leads to replica n. */
export interface World {
  readonly state: ClientState;
  nowMs: number;
  readonly sent: { connection: number; message: ClientMessage }[];
  readonly settled: Map<number, CallOutcome>;
  readonly effects: ClientEffect[];
  feed(event: ClientEvent): void;
  hear(connection: number, message: ClientMessage): void;
  /** Takes what was sent since the last call. */
  take(): { connection: number; message: ClientMessage }[];
}

export function worldOf(config: Partial<ClientConfig> = {}, saved: SavedSession | null = null): World {
  const world: World = {
    state: createClient({ ...CONFIG, ...config }, saved),
    nowMs: 0,
    sent: [],
    settled: new Map(),
    effects: [],
    feed(event) {
      const effects: ClientEffect[] = [];
      step(world.state, world.nowMs, event, effects);
      for (const effect of effects) {
        world.effects.push(effect);
        if (effect.kind === "send") world.sent.push({ connection: effect.connection, message: effect.message });
        if (effect.kind === "settle") world.settled.set(effect.call, effect.outcome);
      }
    },
    hear: (connection, message) => world.feed({ kind: "message", connection, message }),
    take: () => world.sent.splice(0),
  };
  return world;
}

/** Three connections, replica 1 leads epoch [1, 1] and serves, the own session is open when asked for. */
export function servedWorld(config: Partial<ClientConfig> = {}, saved: SavedSession | null = null): World {
  const world = worldOf(config, saved);
  world.feed({ kind: "discovered", view: viewOf(1, 1), book: bookOf(1) });
  for (const connection of [1, 2, 3]) {
    world.feed({ kind: "connection-opened", connection, replica: r(connection) });
    world.hear(connection, { kind: "members", view: viewOf(1, 1), book: bookOf(1), serving: connection === 1 });
  }
  return world;
}

export function operate(world: World, call: number, deadlineMs = 10_000, patienceMs = 10_000): void {
  world.feed({ kind: "operation", call, identity: null, operation: `op${call}`, input: NO_BYTES, deadlineMs, patienceMs });
}

/** Answers the opening that waits in `take`. */
export function openSession(world: World, session = SESSION as string): void {
  const opening = world.take().find(({ message }) => message.kind === "open-session");
  if (opening?.message.kind !== "open-session") throw new Error("no session is being opened");
  world.hear(opening.connection, { kind: "session-opened", ticket: opening.message.ticket, session: session as SessionId });
}

export const requestsOf = (copies: readonly { connection: number; message: ClientMessage }[]) =>
  copies.flatMap(({ connection, message }) => (message.kind === "request" ? [{ connection, ...message }] : []));

export const firstTicket = (copies: ReturnType<typeof requestsOf>) => copies[0]?.ticket ?? 0;

/** Of requests of a session: number and floor. */
export const sequences = (copies: ReturnType<typeof requestsOf>) =>
  copies.map(({ identity }) => (identity.kind === "session" ? [identity.sequence, identity.floor] : []));

export function fail(
  world: World,
  connection: number,
  ticket: number,
  code: "overloaded" | "below-minimum" | "session-expired" | "stale-sequence",
): void {
  world.hear(connection, { kind: "request-failed", ticket, code, message: code });
}

export function answer(world: World, connection: number, ticket: number, index = 1): void {
  world.hear(connection, { kind: "reply", ticket, index, epoch: [1, 1], reply: { refused: false, bytes: NO_BYTES } });
}

/** Replica `leader` is now leader of epoch [1, counter], and says so. */
export function lead(world: World, counter: number, leader: number): void {
  world.hear(leader, { kind: "members", view: viewOf(counter, leader), book: bookOf(1), serving: true });
}
