/**
 * A state of the whole world, as a short row of numbers: replicas' states, messages, what was promised, the store, the RMs, what may still
 * go wrong. Messages are a set that only grows while they can matter: each may come late, twice, or never. What follows from parts of a world
 * is worked out once for these parts, and remembered under their numbers.
 */
import { assert } from "../vocabulary/assert.js";
import type { SessionId } from "../vocabulary/ids.js";
import { type Catalog, createCatalog, type Envelope, envelopeAt, factsAt, hostAt } from "./catalog.js";
import type { Ledger } from "./ledger.js";
import type { Life } from "./life.js";
import { createMemo, type Memo, recall, remember, UNKNOWN } from "./memo.js";
import { createObjectTable, numberOf, type ObjectTable } from "./object-table.js";
import { createTwins, type Twin } from "./renamings.js";
import type { CoreRm } from "./rm-core.js";
import type { ScriptRm } from "./rm-script.js";
import type { RmStep, Store } from "./rm-state.js";
import type { Scope } from "./scope.js";
import { createSequenceTable, intern, sequenceAt, type SequenceTable } from "./sequence-table.js";

export type Rm = ScriptRm | CoreRm;

/** Where in a row the parts are. Hosts come first, by replica number - 1. */
export interface Layout {
  readonly net: number;
  readonly ledger: number;
  readonly store: number;
  /** The first of the RMs. */
  readonly rm: number;
  readonly budget: number;
  readonly width: number;
}

export interface Space {
  readonly scope: Scope;
  readonly layout: Layout;
  readonly catalog: Catalog;
  /** Sets of envelopes, in order. */
  readonly nets: SequenceTable;
  /** Of each replica its life and its promise, of each RM what it waits for. */
  readonly sights: SequenceTable;
  readonly ledgers: ObjectTable<Ledger>;
  readonly stores: ObjectTable<Store>;
  readonly rms: ObjectTable<Rm>;
  readonly rmSteps: (readonly RmStep[])[];
  readonly keptSteps: ObjectTable<RmStep>;
  readonly rmMade: RmMade[];
  readonly violations: string[];
  readonly memos: Memos;
  readonly twins: readonly Twin[];
  /** The session in which the requests are made. */
  session: SessionId;
}

/** What comes of a move of an RM that is the real core, by numbers. */
export interface RmMade {
  readonly rm: number;
  readonly sent: number;
  readonly attempts: number;
  readonly violation: string | null;
}

interface Memos {
  readonly nets: Memo;
  readonly ledgers: Memo;
  readonly answers: Memo;
  readonly promises: Memo;
  readonly restarts: Memo;
  /** Of a set of messages those to an RM. */
  readonly heard: Memo;
  readonly rmSteps: Memo;
  readonly rmMoves: Memo;
  readonly receipts: Memo;
  /** The events that a request, with a floor, and a read come. */
  readonly requests: Memo;
  readonly reads: Memo;
  readonly marks: Memo;
}

export function createSpace(scope: Scope): Space {
  const { rms, checkpointEntries, manager } = scope;
  const hosts = replicaCount(scope);
  return {
    scope,
    layout: { net: hosts, ledger: hosts + 1, store: hosts + 2, rm: hosts + 3, budget: hosts + 3 + rms, width: hosts + 4 + rms },
    catalog: createCatalog({ rms, checkpointEntries, manager }),
    nets: createSequenceTable(),
    sights: createSequenceTable(),
    ledgers: createObjectTable(),
    stores: createObjectTable(),
    rms: createObjectTable(),
    rmSteps: [],
    keptSteps: createObjectTable(),
    rmMade: [],
    violations: [],
    twins: createTwins(scope),
    memos: {
      nets: createMemo(),
      ledgers: createMemo(),
      answers: createMemo(),
      promises: createMemo(),
      restarts: createMemo(),
      heard: createMemo(),
      rmSteps: createMemo(),
      rmMoves: createMemo(),
      receipts: createMemo(),
      requests: createMemo(),
      reads: createMemo(),
      marks: createMemo(),
    },
    session: "" as SessionId,
  };
}

export function replicaCount(scope: Scope): number {
  return scope.members + scope.spares;
}

/** What may still happen: how often, four bits each. */
export const BUDGET = { restarts: 0, wipes: 4, attempts: 8, reads: 12, heartbeats: 16, suspicions: 20, doubts: 24 } as const;
export type Allowance = keyof typeof BUDGET;

export function left(budget: number, name: Allowance): number {
  return (budget >>> BUDGET[name]) & 15;
}

export function without(budget: number, name: Allowance, count = 1): number {
  return budget - (count << BUDGET[name]);
}

export function fullBudget(scope: Pick<Scope, Allowance>): number {
  let budget = 0;
  for (const name of Object.keys(BUDGET) as Allowance[]) {
    assert(scope[name] < 16, "explore", () => `more ${name} than can be counted`);
    budget |= scope[name] << BUDGET[name];
  }
  return budget;
}

/** The number of a violation's text, as a memo holds it: below `UNKNOWN`. */
export function violationNumber(space: Space, text: string): number {
  const known = space.violations.indexOf(text);
  return UNKNOWN - 1 - (known < 0 ? space.violations.push(text) - 1 : known);
}

export function violationText(space: Space, number: number): string {
  return space.violations[UNKNOWN - 1 - number] ?? "?";
}

export function livesOf(space: Space, row: Int32Array): Life[] {
  return Array.from(row.subarray(0, space.layout.net), (host) => hostAt(space.catalog, host).life);
}

const PER_HOST = 3;

/** Whom messages can still reach, as a number. */
export function sightOf(space: Space, row: Int32Array): number {
  const { layout, catalog, rms } = space;
  const sight: number[] = [];
  for (let i = 0; i < layout.net; i++) {
    const { life, incarnation, promise } = factsAt(catalog, row[i] ?? 0);
    sight.push(life, incarnation, promise);
  }
  for (let i = layout.rm; i < layout.budget; i++) sight.push(rms.objects[row[i] ?? 0]?.awaits ?? 0);
  return intern(space.sights, sight);
}

/** Can the message still matter to whom it is for? What cannot is forgotten: no future differs by it. */
function matters(space: Space, envelope: Envelope, sight: Int32Array): boolean {
  const { scope, layout } = space;
  if (envelope.replica === 0) {
    // S1b: only answers to the attempt that is under way count, and Seal answers only until a leader is chosen.
    const awaited = sight[layout.net * PER_HOST + envelope.rm] ?? 0;
    return !scope.forgets || (awaited >> 1 === envelope.epoch && (!envelope.isForSealing || (awaited & 1) === 1));
  }
  const at = (envelope.replica - 1) * PER_HOST;
  // A process that is no more hears nothing.
  if (envelope.life !== 0 && envelope.life !== sight[at]) return false;
  // S2a, S4d: below its durable promise a replica takes nothing, leads nothing and counts nothing, whatever becomes of it.
  return !scope.forgets || envelope.epoch === 0 || envelope.epoch >= (sight[at + 2] ?? 0);
}

/** The messages on their way and those that were sent (`posts`), without those that matter no more. */
export function netAfter(space: Space, net: number, sent: number, sight: number): number {
  const known = recall(space.memos.nets, net, sent, sight);
  if (known !== UNKNOWN) return known;
  const { catalog, nets, sights } = space;
  const seen = sequenceAt(sights, sight);
  const numbers = new Set([...sequenceAt(nets, net), ...sequenceAt(catalog.posts, sent)]);
  const kept = [...numbers].filter((number) => matters(space, envelopeAt(catalog, number), seen)).sort((a, b) => a - b);
  return remember(space.memos.nets, net, sent, sight, intern(nets, kept));
}

/** The row of a world that is put together by hand. */
export function rowOf(
  space: Space,
  parts: { hosts: readonly number[]; ledger: Ledger; store: Store; rms: readonly Rm[]; budget: number },
): Int32Array {
  const { nets, ledgers, stores, rms } = space;
  const { hosts, ledger, store, budget } = parts;
  return Int32Array.of(
    ...hosts,
    intern(nets, []),
    numberOf(ledgers, ledger),
    numberOf(stores, store),
    ...parts.rms.map((rm) => numberOf(rms, rm)),
    budget,
  );
}

export function isSameRow(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
