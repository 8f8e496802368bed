/**
 * A state of the whole world, as a short row of numbers: replicas' states, messages, what was promised, the store, the RMs, what may still
 * go wrong. Messages are a set that only grows while they can matter: each may come late, twice, or never.
 */
import type { SessionId } from "../vocabulary/ids.js";
import { type Catalog, createCatalog, type Envelope, envelopeAt, factsAt, hostAt } from "./catalog.js";
import type { Ledger } from "./ledger.js";
import type { Life } from "./life.js";
import { createObjectTable, numberOf as numberIn, type ObjectTable, objectAt } from "./object-table.js";
import type { Rm, Store } from "./rm-script.js";
import type { Scope } from "./scope.js";
import { createSequenceTable, intern, sequenceAt, type SequenceTable } from "./sequence-table.js";

export interface Space {
  readonly scope: Scope;
  readonly catalog: Catalog;
  /** Sets of envelopes, in order. */
  readonly nets: SequenceTable;
  readonly ledgers: ObjectTable<Ledger>;
  readonly stores: ObjectTable<Store>;
  readonly rms: ObjectTable<Rm>;
  /** The session in which the requests are made. */
  session: SessionId;
}

/** What may still happen. */
export interface Budget {
  readonly restarts: number;
  readonly wipes: number;
  readonly attempts: number;
  readonly reads: number;
  readonly heartbeats: number;
}

export interface World {
  /** By replica number - 1. */
  readonly hosts: readonly number[];
  readonly net: readonly number[];
  readonly ledger: Ledger;
  readonly store: Store;
  readonly rms: readonly Rm[];
  readonly budget: Budget;
}

export function createSpace(scope: Scope): Space {
  const { rms, checkpointEntries } = scope;
  return {
    scope,
    catalog: createCatalog({ rms, checkpointEntries }),
    nets: createSequenceTable(),
    ledgers: createObjectTable(),
    stores: createObjectTable(),
    rms: createObjectTable(),
    session: "" as SessionId,
  };
}

export function replicaCount(scope: Scope): number {
  return scope.members + scope.spares;
}

function packed(budget: Budget): number {
  return budget.restarts | (budget.wipes << 4) | (budget.attempts << 8) | (budget.reads << 12) | (budget.heartbeats << 16);
}

function unpacked(number: number): Budget {
  const at = (shift: number): number => (number >> shift) & 15;
  return { restarts: at(0), wipes: at(4), attempts: at(8), reads: at(12), heartbeats: at(16) };
}

/** The row of a world: equal for equal worlds. */
export function rowOf(space: Space, world: World): number[] {
  const { ledgers, stores, rms, nets } = space;
  return [
    ...world.hosts,
    intern(nets, world.net),
    numberIn(ledgers, world.ledger),
    numberIn(stores, world.store),
    ...world.rms.map((rm) => numberIn(rms, rm)),
    packed(world.budget),
  ];
}

export function worldOf(space: Space, row: Int32Array): World {
  const { scope, ledgers, stores, rms, nets } = space;
  const count = replicaCount(scope);
  const at = (i: number): number => row[i] ?? 0;
  return {
    hosts: [...row.subarray(0, count)],
    net: [...sequenceAt(nets, at(count))],
    ledger: objectAt(ledgers, at(count + 1)),
    store: objectAt(stores, at(count + 2)),
    rms: Array.from({ length: scope.rms }, (_, i) => objectAt(rms, at(count + 3 + i))),
    budget: unpacked(at(count + 3 + scope.rms)),
  };
}

export function livesOf(space: Space, hosts: readonly number[]): Life[] {
  return hosts.map((host) => hostAt(space.catalog, host).life);
}

/** Can the message still matter to whom it is for? What cannot is forgotten: no future differs by it. */
function matters(space: Space, envelope: Envelope, hosts: readonly number[], rms: readonly Rm[]): boolean {
  if (envelope.replica === 0) {
    const rm = rms[envelope.rm];
    const attempt = rm?.attempt;
    if (attempt == null || attempt.epoch[0] * 64 + attempt.epoch[1] !== envelope.epoch) return false;
    return envelope.message.kind !== "sealed" || attempt.view === null;
  }
  const facts = factsAt(space.catalog, hosts[envelope.replica - 1] ?? 0);
  // A process that is no more hears nothing.
  if (envelope.life !== 0 && envelope.life !== facts.life) return false;
  // S2a, S4d: below its durable promise a replica takes nothing, leads nothing and counts nothing, whatever becomes of it.
  return envelope.epoch === 0 || envelope.epoch >= facts.promise;
}

/** The messages on their way and those that were sent. */
export function netWith(
  space: Space,
  net: readonly number[],
  sent: readonly number[],
  hosts: readonly number[],
  rms: readonly Rm[],
): readonly number[] {
  const added = sent.filter((number) => !net.includes(number) && matters(space, envelopeAt(space.catalog, number), hosts, rms));
  return added.length === 0 ? net : [...net, ...added].sort((a, b) => a - b);
}

/** The same, without those that matter no more. */
export function netAfter(
  space: Space,
  net: readonly number[],
  sent: readonly number[],
  hosts: readonly number[],
  rms: readonly Rm[],
): readonly number[] {
  const kept = net.filter((number) => matters(space, envelopeAt(space.catalog, number), hosts, rms));
  return netWith(space, kept, sent, hosts, rms);
}
