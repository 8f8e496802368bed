/** Lives of replicas' processes, and the numbers of the connections between them. */
import { assert } from "../vocabulary/assert.js";
import { bootId, groupName, incarnation, type ReplicaId, replicaId } from "../vocabulary/ids.js";
import type { Peer } from "../server/core/event.js";
import { freeze } from "./plain-data.js";

export const GROUP = groupName("g");

/** One process of one replica. `boot` counts its starts, `incarnation` is the start at which its disk was new. */
export interface Life {
  readonly replica: number;
  readonly incarnation: number;
  readonly boot: number;
}

const BOOTS_MAX = 8;
/** Far from all other numbers in a state: `renamed` knows connections by them. */
const OUTBOUND = 100_000;
const INBOUND = 200_000;
const RM = 300_000;
export const CLIENT = 400_000;

/** From 1. */
export function idOf(replica: number): ReplicaId {
  return replicaId(`r${replica}`);
}

export function replicaOf(id: ReplicaId): number {
  return Number(id.slice(1));
}

export function incarnationOf(life: Life) {
  return incarnation(`inc${life.replica}-${life.incarnation}`);
}

export function bootOf(life: Life) {
  return bootId(`boot${life.replica}-${life.boot}`);
}

export function lifeNumber(life: Life): number {
  assert(life.boot < BOOTS_MAX, "explore", () => "too many starts");
  return life.replica * BOOTS_MAX + life.boot;
}

export function peerOf(life: Life): Peer {
  return freeze({ role: "server", replica: idOf(life.replica), incarnation: incarnationOf(life), bootId: bootOf(life) });
}

export function rmPeer(rm: number): Peer {
  return freeze({ role: "rm", replica: null, incarnation: null, bootId: bootId(`rm${rm}`) });
}

export const CLIENT_PEER: Peer = freeze({ role: "client", replica: null, incarnation: null, bootId: bootId("client") });

export const outboundTo = (life: Life): number => OUTBOUND + lifeNumber(life);
export const inboundFrom = (life: Life): number => INBOUND + lifeNumber(life);
export const rmConnection = (rm: number): number => RM + rm;

/** Where a message on a connection goes, and on which connection it arrives there. */
export type Destination =
  | { readonly kind: "server"; readonly life: number; readonly connection: number }
  | { readonly kind: "rm"; readonly rm: number }
  | { readonly kind: "client" };

export function destinationOf(from: Life, connection: number): Destination {
  if (connection >= CLIENT) return { kind: "client" };
  if (connection >= RM) return { kind: "rm", rm: connection - RM };
  const isOutbound = connection < INBOUND;
  const life = connection - (isOutbound ? OUTBOUND : INBOUND);
  return { kind: "server", life, connection: isOutbound ? inboundFrom(from) : outboundTo(from) };
}

export function replicaOfLife(life: number): number {
  return Math.floor(life / BOOTS_MAX);
}

/** The number of the same start of the replica that is named instead; 0: an RM. */
export function renamedLife(life: number, nameOf: (replica: number) => number): number {
  return life === 0 ? 0 : nameOf(replicaOfLife(life)) * BOOTS_MAX + (life % BOOTS_MAX);
}

/** The same connection with whom is named instead; any other number is left. */
export function renamedConnection(number: number, nameOf: (replica: number) => number, nameOfRm: (rm: number) => number): number {
  if (number < OUTBOUND || number >= CLIENT) return number;
  if (number >= RM) return RM + nameOfRm(number - RM);
  const base = number < INBOUND ? OUTBOUND : INBOUND;
  return base + renamedLife(number - base, nameOf);
}
