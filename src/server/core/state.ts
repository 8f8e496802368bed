/** The state of one replica: plain data, changed only by `step`. What is true only of a leader is in `Leading` (leading-state.ts). */
import { assert } from "../../vocabulary/assert.js";
import { EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import type { BootId, GroupName, Incarnation, ReplicaId, SessionId } from "../../vocabulary/ids.js";
import { DEFAULTS, LIMITS } from "../../vocabulary/limit.js";
import type { Message } from "../../vocabulary/message.js";
import type { ReplicationMessage } from "../../vocabulary/message-replication.js";
import type { RequestIdentity } from "../../vocabulary/session.js";
import type { GroupKnobs } from "../../vocabulary/spec.js";
import type { AddressBook, View } from "../../vocabulary/view.js";
import type { ReplicaEffect } from "./effect.js";
import type { Peer, SnapshotRecord, TransferIdentity } from "./event.js";
import { createFifo, type Fifo } from "./fifo.js";
import type { Item, Leading, Read, TableItem } from "./leading-state.js";
import { createLog, type Log } from "./log.js";
import { createTable, type Remembered, type SessionTable } from "./session-table.js";

/** Times of the replica's own; tests and the simulator shorten them. */
export interface ReplicaTimings {
  /** A connected peer hears from its leader at least so often. */
  readonly appendHeartbeatMs: number;
  /** A commit index that no append carried on is sent after so long. */
  readonly commitFlushMs: number;
  /** A peer's transfer that makes no progress goes back to what was acknowledged. */
  readonly transferResendMs: number;
  /** cold-passive: between two slices of a snapshot that is shipped to a backup, so that clients do not wait for it. */
  readonly shipmentSliceMs: number;
  readonly leadTimeoutMs: number;
  readonly handOverMs: number;
  readonly sessionExpiryMs: number;
  readonly keyExpiryMs: number;
}

/** Bounds of the replica's own; tests and the simulator lower them. */
export interface ReplicaBounds {
  readonly inFlightMax: number;
  readonly inFlightBytesMax: number;
  readonly queriesWaitingMax: number;
  /** Inputs of queries that are not executed, and answers that wait for their round. */
  readonly queriesWaitingBytesMax: number;
  readonly sessionsMax: number;
  readonly keysMax: number;
  readonly rememberedBytesMax: number;
  readonly appendEntriesMax: number;
  readonly appendBytesMax: number;
  readonly windowEntries: number;
  readonly windowBytes: number;
  readonly sliceBytes: number;
  /** Slices of one transfer on their way at once. */
  readonly sliceWindow: number;
  readonly entriesBehindSnapshotMax: number;
  readonly logBytesMax: number;
  /** How fast a snapshot is written at least, for the turns that replicas take with it. */
  readonly snapshotBytesPerMs: number;
  readonly admissionBoundEntries: number;
  /** Executions that a passive primary has given to its executor and that have no entry yet. */
  readonly executionsAheadMax: number;
  /** Committed entries given to the executor and not completed. */
  readonly applyAheadMax: number;
}

export const REPLICA_TIMINGS: ReplicaTimings = {
  appendHeartbeatMs: 50,
  commitFlushMs: 4,
  transferResendMs: 500,
  shipmentSliceMs: 8,
  leadTimeoutMs: DEFAULTS.leadTimeoutMs,
  handOverMs: DEFAULTS.handOverMs,
  sessionExpiryMs: DEFAULTS.sessionExpiryMs,
  keyExpiryMs: DEFAULTS.keyExpiryMs,
};

export const REPLICA_BOUNDS: ReplicaBounds = {
  inFlightMax: LIMITS.inFlightPerGroupMax,
  inFlightBytesMax: LIMITS.inFlightPerGroupBytesMax,
  queriesWaitingMax: LIMITS.queriesWaitingMax,
  queriesWaitingBytesMax: LIMITS.queriesWaitingBytesMax,
  sessionsMax: LIMITS.sessionsMax,
  keysMax: LIMITS.keysMax,
  rememberedBytesMax: LIMITS.rememberedBytesMax,
  appendEntriesMax: LIMITS.appendEntriesMax,
  appendBytesMax: LIMITS.appendBytesMax,
  windowEntries: LIMITS.appendWindowEntries,
  windowBytes: LIMITS.appendWindowBytes,
  sliceBytes: LIMITS.snapshotSliceBytes,
  sliceWindow: 4,
  entriesBehindSnapshotMax: LIMITS.entriesBehindSnapshotMax,
  logBytesMax: LIMITS.logBytesMax,
  snapshotBytesPerMs: 32 * 1024,
  admissionBoundEntries: DEFAULTS.admissionBoundEntries,
  executionsAheadMax: 64,
  applyAheadMax: 256,
};

export interface ReplicaConfig {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly bootId: BootId;
  /** At start; `configure` from the RM replaces them. */
  readonly knobs: GroupKnobs;
  /** S6i: the encoded refusal (`ServiceError` with code `poison`) that poisoned requests get; the same bytes on every replica. */
  readonly poisonReply: Uint8Array;
  /** Each defaults to REPLICA_TIMINGS. */
  readonly timings?: Partial<ReplicaTimings>;
  /** Each defaults to REPLICA_BOUNDS. */
  readonly bounds?: Partial<ReplicaBounds>;
}

export interface Connection {
  readonly peer: Peer;
  readonly outbound: boolean;
  /** Sessions seen on a client's connection: the leader renews them (S6e). */
  readonly sessions: Set<SessionId>;
}

/** A member's or learner's relation to the leader of the epoch it has promised. */
export interface Following {
  readonly kind: "following";
  readonly epoch: Epoch;
  view: View | null;
  connection: number;
  /** L2: our log equals the leader's up to here, as its appends have shown. */
  verifiedIndex: number;
  /** An append came that is not answered yet. */
  ackOwed: boolean;
  /** What the last acknowledgement said. */
  ackedIndex: number;
}

/** No leader of the promised epoch has been heard: sealed, or just started. */
export interface Waiting {
  readonly kind: "waiting";
}

export type Stance = Waiting | Following | Leading;

/** A Seal that waits until the promise and all that was accepted are durable (S2a, S2b). */
export interface WaitingSeal {
  readonly connection: number;
  readonly epoch: Epoch;
}

/** Identities that a start entry at `index` of our log names; entries before it with one of them are applied as refused (S6i). */
export interface PoisonStart {
  readonly index: number;
  readonly keys: ReadonlySet<string>;
}

/** A committed entry in the executor's hands: what it fills in when it is done, and the leader's item to be answered. */
export interface Applying {
  readonly ticket: number;
  readonly index: number;
  readonly identity: RequestIdentity;
  readonly remembered: Remembered;
  readonly item: Item | null;
}

/** Commands given to the executor whose completions are outstanding; completions of each kind come in order. */
export interface ExecutionLine {
  nextTicket: number;
  /** Completions below it belong to commands that were dropped (S2c). */
  floorTicket: number;
  /** Of committed entries. */
  readonly applying: Fifo<Applying>;
  /** A passive primary's, ahead of the commit. */
  readonly speculating: Fifo<Item>;
  readonly querying: Fifo<{ readonly ticket: number; readonly read: Read; readonly sizeBytes: number }>;
  /** Of the inputs in `querying`. */
  queryingBytes: number;
  /** Speculative executions that were not released: undone at Seal. */
  unreleasedCount: number;
}

/**
 * `warm`: the executor holds the state at `appliedIndex`. `cold`: it holds none, and `appliedIndex` is the snapshot's. `loading`: the state
 * of the snapshot is on its way from the disk into the executor.
 */
export type Warmth = "warm" | "cold" | "loading";

/** A snapshot that a client takes away (`troupe backup`). */
export interface Backup {
  /** Of the question that waits for its answer. */
  ticket: number;
  /** An entry of its own, from before the snapshot is there: once it is committed, so is all that was acknowledged before the question. */
  readonly mark: TableItem;
  /** The snapshot; null while it is still to be taken. */
  record: SnapshotRecord | null;
  offsetBytes: number;
  /** Ticket of the read under way, or null. */
  reading: number | null;
}

/** A transfer that comes in. */
export interface Receiving {
  readonly identity: TransferIdentity;
  /** Given to the shell to store. */
  offsetBytes: number;
  storedBytes: number;
  readonly storing: Fifo<{ readonly ticket: number; readonly throughBytes: number }>;
  /** Where its slices come from; null after a restart. */
  connection: number | null;
  epoch: Epoch;
  /** Ticket of the installation under way, or null. */
  installing: number | null;
  /** It takes the place of the older part of our log (cold-passive), not of everything. */
  adopting: boolean;
  /** The state goes into the executor with it. */
  loads: boolean;
}

/** When the next checkpoint may begin (checkpoint-turn.ts). */
export interface CheckpointTurns {
  /** The last checkpoint of this process; null where nothing asks for it. */
  finishedAtMs: number | null;
  /** Since when a checkpoint is wanted whose turn has not come. */
  wantedAtMs: number | null;
  /** When to look again; Infinity: when something happens. */
  wakeMs: number;
}

export interface Replica {
  readonly config: ReplicaConfig;
  readonly timings: ReplicaTimings;
  readonly bounds: ReplicaBounds;
  phase: "starting" | "running" | "ended";
  knobs: GroupKnobs;
  stance: Stance;
  /** S2a: nothing of a lower epoch is accepted any more. Ahead of `durablePromise` while it is being made durable. */
  promise: Epoch;
  durablePromise: Epoch;
  readonly promising: Fifo<{ readonly ticket: number; readonly promise: Epoch }>;
  /** S1e: the last view known to be active. */
  activeView: View | null;
  /** S1e: came up with nothing at all, and has never heard of a view that was active. */
  blank: boolean;
  readonly seals: WaitingSeal[];
  /** The epoch whose Seal this process answered last (S4d). */
  sealedEpoch: Epoch | null;
  /** L4: appends and slices of an epoch whose promise is not durable yet. */
  held: { readonly connection: number; readonly message: ReplicationMessage }[];
  readonly connections: Map<number, Connection>;
  book: AddressBook;
  readonly log: Log;
  commitIndex: number;
  /** Entries through here were given to the executor; session table, age and generation are at this index. */
  issuedIndex: number;
  /** Entries through here are applied entirely; equals `issuedIndex` whenever the executor is quiet. */
  appliedIndex: number;
  table: SessionTable;
  /** S6e, at `issuedIndex`. */
  ageMs: number;
  generation: number;
  /** S9, at `issuedIndex`: what a snapshot says of it. */
  issuedLogTimeMs: number;
  /** The highest log time seen: log time does not run backwards. */
  logTimeMs: number;
  readonly poison: PoisonStart[];
  readonly execution: ExecutionLine;
  warmth: Warmth;
  /** Ticket of the `load-state` under way. */
  loadTicket: number;
  /** What was committed when the state was loaded: until it is applied, the replica catches up. */
  replayThrough: number;
  /** Of `session` and `any` reads here, and of reads that wait for the executor only. */
  readsWaiting: number;
  executedCount: number;
  snapshot: SnapshotRecord | null;
  /** A capture under way. */
  checkpoint: { readonly ticket: number; readonly record: Omit<SnapshotRecord, "sizeBytes" | "checksum"> } | null;
  readonly turns: CheckpointTurns;
  receiving: Receiving | null;
  /** Backups that are being taken, by the connection of who takes them. */
  readonly backups: Map<number, Backup>;
  /** The wait since the last snapshot that was received whole and was no use; slices are not taken before `transferDueMs`. */
  rejectedWaitMs: number;
  transferDueMs: number;
  /** Tickets of everything but executions. */
  nextTicket: number;
  /** Something that clients are told of has changed. */
  membersDirty: boolean;
  /** Something that the RM is told of may have changed. */
  reportDirty: boolean;
  lastReport: string;
}

/** What one step works on: passed instead of three arguments. Never stored. */
export interface Turn {
  readonly replica: Replica;
  readonly nowMs: number;
  readonly effects: ReplicaEffect[];
}

export function send(turn: Turn, connection: number, message: Message): void {
  if (turn.replica.connections.has(connection)) turn.effects.push({ kind: "send", connection, message });
}

export function note(turn: Turn, level: "info" | "warn", text: string): void {
  turn.effects.push({ kind: "note", level, text });
}

/** S9: the entries that a snapshot took the place of had their times, too. */
export function takeLogTime(replica: Replica, { logTimeMs }: SnapshotRecord): void {
  replica.issuedLogTimeMs = logTimeMs;
  replica.logTimeMs = Math.max(replica.logTimeMs, logTimeMs);
}

/** A ticket for anything but an execution. */
export function takeTicket(replica: Replica): number {
  return replica.nextTicket++;
}

/** A replica that waits for `recovered`. */
export function createReplica(config: ReplicaConfig): Replica {
  const bounds = { ...REPLICA_BOUNDS, ...config.bounds };
  assert(bounds.appendEntriesMax >= 1 && bounds.sliceWindow >= 1 && bounds.executionsAheadMax >= 1, "bounds");
  return {
    config,
    timings: { ...REPLICA_TIMINGS, ...config.timings },
    bounds,
    phase: "starting",
    knobs: config.knobs,
    stance: { kind: "waiting" },
    promise: EPOCH_ZERO,
    durablePromise: EPOCH_ZERO,
    promising: createFifo(),
    activeView: null,
    blank: true,
    seals: [],
    sealedEpoch: null,
    held: [],
    connections: new Map(),
    book: { version: EPOCH_ZERO, entries: [] },
    log: createLog(),
    commitIndex: 0,
    issuedIndex: 0,
    appliedIndex: 0,
    table: createTable(),
    ageMs: 0,
    generation: 0,
    issuedLogTimeMs: 0,
    logTimeMs: 0,
    poison: [],
    execution: {
      nextTicket: 1,
      floorTicket: 0,
      applying: createFifo(),
      speculating: createFifo(),
      querying: createFifo(),
      queryingBytes: 0,
      unreleasedCount: 0,
    },
    warmth: "warm",
    loadTicket: 0,
    replayThrough: 0,
    readsWaiting: 0,
    executedCount: 0,
    snapshot: null,
    checkpoint: null,
    turns: { finishedAtMs: null, wantedAtMs: null, wakeMs: Number.POSITIVE_INFINITY },
    receiving: null,
    backups: new Map(),
    rejectedWaitMs: 0,
    transferDueMs: 0,
    nextTicket: 1,
    membersDirty: false,
    reportDirty: true,
    lastReport: "",
  };
}
