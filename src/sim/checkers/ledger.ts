import { encodeEntry } from "../../codec/entry.js";
import { crc32 } from "../../codec/checksum.js";
import type { ReplicaTimings } from "../../server/core/state.js";
import type { Entry, LogPosition } from "../../vocabulary/entry.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { BootId, GroupName, Incarnation } from "../../vocabulary/ids.js";
import type { Durability } from "../../vocabulary/style.js";
import type { Message } from "../../vocabulary/message.js";
import type { View } from "../../vocabulary/view.js";
import type { RunningServer } from "../running.js";
import type { World } from "../world.js";
import { type AppliedOnce, createAppliedOnce } from "./applied-once.js";

/** A committed entry, as the first that committed it saw it. */
export interface Committed {
  readonly epoch: Epoch;
  readonly digest: number;
  readonly entry: Entry;
  /** S9: the highest log time through here. */
  readonly logTimeMs: number;
  /** The one that the last start entry through here names. */
  readonly view: View | null;
  /** S6e: age at that start entry. */
  readonly startAgeMs: number;
}

/** What one incarnation has on its disk for certain: everything through `baseIndex` by a snapshot, then entries by their epochs. */
export interface DurableLog {
  baseIndex: number;
  epochs: Epoch[];
  /** Given to the store and not confirmed, in order. */
  pending: { readonly ticket: number; readonly truncateAfter: number | null; readonly entries: readonly Entry[] }[];
}

/** What a Replication Manager has done for one epoch (S3). */
export interface Attempt {
  readonly by: BootId;
  readonly base: View | null;
  /** What it was answered. */
  readonly answers: Map<Incarnation, Extract<Message, { kind: "sealed" }>>;
  /** What it had been answered when it chose; null before that. */
  counted: Attempt["answers"] | null;
  /** Whom it had lead; null while it seals. */
  view: View | null;
}

/** What a server was asked and has not answered (S6, S7), by connection and ticket. */
export interface Question {
  readonly message: Extract<Message, { kind: "request" | "query" }>;
  readonly atMs: number;
}

/** Of a state and its session table: what changes whenever one of them does. */
export interface LookedAt {
  readonly appliedIndex: number;
  readonly workCount: number;
  readonly ageMs: number;
}

/** After how long sessions and keys expire (S6e, S6g). */
export type Timings = Pick<ReplicaTimings, "sessionExpiryMs" | "keyExpiryMs">;

/** What the checkers know of the whole group, gathered step by step: no process could know it. */
export interface Ledger {
  readonly world: World;
  readonly group: GroupName;
  /** Data outlives its process. */
  readonly onDisk: boolean;
  readonly timings: Timings;
  /** committed[i - 1] is the entry at index i. */
  readonly committed: Committed[];
  readonly durable: Map<Incarnation, DurableLog>;
  /** The promise that is on its disk. */
  readonly promised: Map<Incarnation, Epoch>;
  /** The highest promise that an incarnation has answered a Seal with (S2a). */
  readonly sealed: Map<Incarnation, Epoch>;
  /** The furthest that it has acknowledged. */
  readonly acked: Map<Incarnation, LogPosition>;
  /** Every view that was written, in order. */
  readonly views: View[];
  /** Who answered clients in an epoch, and from when on (S4). */
  readonly leaders: Map<string, { readonly bootId: BootId; readonly atMs: number }>;
  /** By the epoch's text. */
  readonly attempts: Map<string, Attempt>;
  readonly questions: WeakMap<RunningServer, Map<string, Question>>;
  /** S7: when each round of the epoch that a server leads began, by its number. */
  readonly rounds: WeakMap<RunningServer, { readonly epoch: Epoch; readonly beganMs: number[] }>;
  /** S7: the last round that each has confirmed, by incarnation and epoch. */
  readonly confirmed: Map<string, number>;
  /** S6: what each committed entry is to do. */
  readonly once: AppliedOnce;
  /** Of each process: its table was compared through here. */
  readonly decided: WeakMap<RunningServer, number>;
  /** State and session table at an index, as the first replica there had them (S9). */
  readonly digests: Map<number, { readonly digest: number; readonly replica: string }>;
  /** What each process had when its state was last compared: with nothing new it is not made into text again (S9). */
  readonly lookedAt: WeakMap<RunningServer, LookedAt>;
  /** Requests whose callers were told that they were not executed, and who said so (S6h). */
  readonly refused: Map<string, string>;
  /** Requests that are refused for good, and the start entry that says so (S6i). */
  readonly poison: Map<string, number>;
  readonly running: Map<Incarnation, RunningServer>;
  /** Incarnations whose data was given up or damaged. */
  readonly lost: Set<Incarnation>;
  /** Of each process: committed through here was compared. */
  readonly compared: WeakMap<RunningServer, number>;
}

export function createLedger(world: World, group: GroupName, durability: Durability, timings: Timings): Ledger {
  return {
    world,
    group,
    onDisk: durability === "disk",
    timings,
    committed: [],
    durable: new Map(),
    promised: new Map(),
    sealed: new Map(),
    acked: new Map(),
    views: [],
    leaders: new Map(),
    attempts: new Map(),
    questions: new WeakMap(),
    rounds: new WeakMap(),
    confirmed: new Map(),
    once: createAppliedOnce(),
    decided: new WeakMap(),
    digests: new Map(),
    lookedAt: new WeakMap(),
    refused: new Map(),
    poison: new Map(),
    running: new Map(),
    lost: new Set(),
    compared: new WeakMap(),
  };
}

export function digestOfEntry(ledger: Ledger, entry: Entry): number {
  return crc32(encodeEntry(ledger.group, entry));
}

/** All of a view but its epoch. */
export function wholeText({ leader, members, quorum, style, durability, generation }: View): string {
  const names = members.map(({ replica, incarnation }) => `${replica} ${incarnation.slice(0, 8)}`).join(", ");
  return `${leader} of ${names}, ${quorum} a quorum, ${style}, ${durability}, generation ${generation}`;
}

export function durableOf(ledger: Ledger, incarnation: Incarnation): DurableLog {
  let log = ledger.durable.get(incarnation);
  if (log === undefined) {
    log = { baseIndex: 0, epochs: [], pending: [] };
    ledger.durable.set(incarnation, log);
  }
  return log;
}

/** Is the entry of this epoch at `index` on the disk of this incarnation, or was it there when the disk was lost? */
export function holds(ledger: Ledger, incarnation: Incarnation, index: number, epoch: Epoch): boolean {
  const log = ledger.durable.get(incarnation);
  if (log === undefined) return false;
  if (index <= log.baseIndex) return true;
  const found = log.epochs[index - log.baseIndex - 1];
  return found !== undefined && found[0] === epoch[0] && found[1] === epoch[1];
}
