/** What only a leader has, from Lead to the next Seal: what it knows of its peers, and the requests and reads that wait. */
import type { Entry, EntryBody } from "../../vocabulary/entry.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { Incarnation, ReplicaId, SessionId } from "../../vocabulary/ids.js";
import type { Consistency } from "../../vocabulary/message-client.js";
import type { Reply, RequestIdentity } from "../../vocabulary/session.js";
import type { View } from "../../vocabulary/view.js";
import type { Fifo } from "./fifo.js";
import type { Pace } from "./pace.js";

/** Whom to answer: a copy of the request that came on this connection. */
export interface Waiter {
  readonly connection: number;
  readonly ticket: number;
}

/** A request from admission to its answer. Copies attach to it (S6c). */
export interface RequestItem {
  readonly kind: "request";
  readonly key: string;
  readonly identity: RequestIdentity;
  readonly digest: number;
  readonly operation: string;
  readonly input: Uint8Array;
  readonly nowMs: number;
  readonly seed: number;
  waiters: Waiter[];
  /** Of the speculative execution; 0 before it, and in active style. */
  ticket: number;
  /** Passive style: what the execution made; null until then. */
  executed: { readonly reply: Reply; readonly redo: Uint8Array } | null;
  /** Of its entry; 0 before. */
  index: number;
}

/** Work on the session table, in the same order as requests. */
export interface TableItem {
  readonly kind: "table";
  /** For copies of an open or resume; null for the leader's own proposals. */
  readonly key: string | null;
  readonly body: EntryBody;
  waiters: Waiter[];
  index: number;
}

export type Item = RequestItem | TableItem;

/** A query from its arrival to its answer (S7). */
export interface Read {
  readonly connection: number;
  readonly ticket: number;
  readonly consistency: Consistency;
  /** What a `session` read must have seen: a leader that was deposed, or one whose executor is behind a follower's, may not have it. */
  readonly atLeastIndex: number;
  /** The read round that must be confirmed: one begun after the arrival. 0: none. */
  round: number;
  /** What it saw; null until the executor has answered. `reply` null: there was no room to keep it, and it is to be asked again. */
  answer: { readonly index: number; readonly reply: Reply | null } | null;
  /** The leader it was asked of is deposed: answered by a redirect. */
  dropped: boolean;
  /** In a leader's `ReadLine`. */
  readonly inLine: boolean;
}

/** How the leader feeds a peer. */
export type Feed =
  /** One append at a time until one matches; `prevIndex` of the one that is out, -1 for none. */
  | { readonly kind: "probing"; readonly prevIndex: number }
  /** Appends are sent ahead of their acknowledgements. */
  | { readonly kind: "streaming" }
  | FeedTransfer;

/** A snapshot on its way to a peer. */
export interface SnapshotFlow {
  readonly snapshotIndex: number;
  readonly snapshotEpoch: Epoch;
  readonly sizeBytes: number;
  readonly checksum: number;
  /** Asked of the disk. */
  readOffset: number;
  ackedOffset: number;
  /** No slice is asked for before, so that the rest of the work has its share of disk and processor. */
  dueMs: number;
  progressAtMs: number;
}

export interface FeedTransfer extends SnapshotFlow {
  readonly kind: "transferring";
}

/** What the leader knows of a member or learner. */
export interface Progress {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly member: boolean;
  /** Null: not reachable. */
  connection: number | null;
  feed: Feed;
  /** A snapshot on its way to a cold backup, beside the log; and when its next slice may follow. */
  shipment: SnapshotFlow | null;
  shipmentDueMs: number;
  /** The last snapshot that it has been shipped in this epoch, and how much log there was through it. */
  shippedIndex: number;
  shippedAtBytes: number;
  nextIndex: number;
  /** Persisted there, by that incarnation, verified against our log. */
  ackedIndex: number;
  sentAtMs: number;
  sentCommit: number;
  sentActive: boolean;
  viewSent: boolean;
  confirmedRound: number;
  /** It has promised a higher epoch: said once. */
  lost: boolean;
  transferredBytes: number;
  transferSizeBytes: number;
}

export interface HandOver {
  readonly target: ReplicaId;
  readonly connection: number;
  readonly untilMs: number;
  ready: boolean;
}

export interface SliceRead {
  readonly replica: ReplicaId;
  readonly snapshotIndex: number;
  readonly offsetBytes: number;
  /** Null: not read yet. */
  bytes: Uint8Array | null;
}

export interface ReadLine {
  /** In order of arrival. */
  readonly waiting: Fifo<Read>;
  /** Of the answers in `waiting`. */
  waitingBytes: number;
  /** The last round that was begun; rounds count from 1. */
  round: number;
  sentAtMs: number;
  confirmedRound: number;
  /** Reads came since the last round began. */
  wanted: boolean;
}

export interface Leading {
  readonly kind: "leading";
  readonly view: View;
  readonly startIndex: number;
  /** `synchronising`: the start entry is on fewer than w. `led`: it is on w, the RM may write the view. `active`: it has (S4). */
  phase: "synchronising" | "led" | "active";
  /** S6c: the whole log through the start entry is applied, requests are admitted. */
  serving: boolean;
  /** Where `led` or `lead-failed` goes. */
  leadConnection: number;
  readonly leadUntilMs: number;
  activeSinceMs: number;
  /** The age counter at the start entry (S6e). */
  readonly ageBaseMs: number;
  readonly peers: Map<ReplicaId, Progress>;
  /** All requests that are not answered, by identity (S6c). */
  readonly pending: Map<string, Item>;
  pendingBytes: number;
  /** How fast they are answered: bounds their number. */
  readonly pace: Pace;
  /** Items without an entry, in log order. */
  readonly line: Fifo<Item>;
  /** How many at the head of `line` were given to the executor or need none (passive style). */
  startedCount: number;
  /** Items with an entry that is not applied, by index. */
  readonly logged: Fifo<Item>;
  /** Active style, while the wall clock is behind log time: log time at that moment of our own clock. Null: it is not behind. */
  clockBehind: { readonly logTimeMs: number; readonly sinceMs: number } | null;
  /** Highest floor of any request admitted in this epoch, by session: what is below was answered. */
  readonly floors: Map<SessionId, number>;
  /** Sessions whose expiry is in line or in the log (S6e). */
  readonly closing: Set<SessionId>;
  readonly reads: ReadLine;
  handOver: HandOver | null;
  /** Age at which sessions and keys are looked at next. */
  housekeepingAgeMs: number;
  /** The last proposal that was full: there is more to propose once it is applied. */
  moreBehind: TableItem | null;
  /** Snapshot reads that were asked of the disk, in the order of asking: to peer, offset, and the bytes once they have come. */
  readonly sliceReads: Map<number, SliceRead>;
  /** The batch that was cut last, for the next follower that needs the same. */
  batch: { readonly fromIndex: number; readonly entries: readonly Entry[] } | null;
}
