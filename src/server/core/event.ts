import type { Entry } from "../../vocabulary/entry.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { ExecutionCompletion } from "../../vocabulary/execution.js";
import type { BootId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { ControlMessage } from "../../vocabulary/message-control.js";
import type { ReplicationMessage } from "../../vocabulary/message-replication.js";
import type { Role } from "../../vocabulary/message.js";
import type { SessionTable } from "./session-record.js";
import type { View } from "../../vocabulary/view.js";

/** Whom a connection leads to, as its hello says; the shell has checked protocol version, cluster and group. */
export interface Peer {
  readonly role: Role;
  readonly replica: ReplicaId | null;
  readonly incarnation: Incarnation | null;
  readonly bootId: BootId;
}

/** Where in the log a snapshot stands, and what of the replicated state is not in the service's own: all of it at exactly `index`. */
export interface SnapshotPoint {
  readonly index: number;
  /** Of the entry at `index`. */
  readonly epoch: Epoch;
  /** The session age counter there (S6e). */
  readonly ageMs: number;
  /** Of the view that the last start entry at or before `index` names. */
  readonly generation: number;
  /** Log time there (S9): the highest of the entries through `index`. */
  readonly logTimeMs: number;
}

/** A snapshot that is durable here. */
export interface SnapshotRecord extends SnapshotPoint {
  readonly sizeBytes: number;
  readonly checksum: number;
}

/** Which snapshot is on its way to us: two are the same only if all of it is equal. */
export interface TransferIdentity {
  readonly snapshotIndex: number;
  readonly snapshotEpoch: Epoch;
  readonly sizeBytes: number;
  readonly checksum: number;
}

/** What a client may send; anything else on a client's connection closes it. */
export type ClientRequest = Extract<
  ClientMessage,
  { readonly kind: "request" | "query" | "open-session" | "resume-session" | "read-backup" }
>;

/**
 * Everything that can happen to a replica. The shell steps the core once for each event of a turn, then once with `drained`, and only then
 * performs the effects: what the turn brought becomes one append, one write and one message to each follower.
 */
export type ReplicaEvent =
  /**
   * First, and once. The state at `snapshot` is loaded into the executor already (the service's initial state when there is none), or, with
   * `cold`, it is not (`recoversCold` says which it should be).
   */
  | {
      readonly kind: "recovered";
      readonly promise: Epoch;
      readonly activeView: View | null;
      /**
       * As last persisted with the promise: nothing but Seals before the first view was ever promised (S1e). Where it is not stored, a
       * replica that has promised anything is not blank, and a group whose processes die within its very first view change stays closed.
       */
      readonly blank?: boolean;
      readonly cold?: boolean;
      readonly snapshot: { readonly record: SnapshotRecord; readonly table: SessionTable } | null;
      /** All durable, consecutive, the first at most one above the snapshot. */
      readonly entries: readonly Entry[];
      /** A transfer that was cut: `storedBytes` of it are durable. */
      readonly transfer: (TransferIdentity & { readonly storedBytes: number }) | null;
    }
  /** `outbound`: one of our own links (effect `link`). Numbers are never used again within a process. */
  | { readonly kind: "connection-opened"; readonly connection: number; readonly peer: Peer; readonly outbound: boolean }
  | { readonly kind: "connection-closed"; readonly connection: number }
  | { readonly kind: "message-received"; readonly connection: number; readonly message: ReplicationMessage | ControlMessage }
  /**
   * From a client or gateway. The core has neither clock nor chance nor serializer: for a `request` the shell adds its digest over operation
   * and input, the wall clock and a fresh random seed (uint32); `wallMs` for a `query` too; for the others they are not looked at.
   */
  | {
      readonly kind: "client-message-received";
      readonly connection: number;
      readonly message: ClientRequest;
      readonly digest: number;
      readonly wallMs: number;
      readonly seed: number;
    }
  /** All `persist` effects through `ticket` are durable. */
  | { readonly kind: "entries-persisted"; readonly ticket: number }
  /** All `persist-promise` effects through `ticket` are durable. */
  | { readonly kind: "promise-persisted"; readonly ticket: number }
  | { readonly kind: "executions-completed"; readonly completions: readonly ExecutionCompletion[] }
  /** The snapshot of `capture-snapshot` is durable and published. */
  | { readonly kind: "snapshot-persisted"; readonly ticket: number; readonly sizeBytes: number; readonly checksum: number }
  /** Answers `read-snapshot`. */
  | { readonly kind: "snapshot-read"; readonly ticket: number; readonly bytes: Uint8Array }
  /** Answers `store-slice`: durable. */
  | { readonly kind: "slice-stored"; readonly ticket: number }
  /** Answers `install-snapshot`: checked, durable, and what the effect asked for besides is done. The table is the core's from here on. */
  | { readonly kind: "snapshot-installed"; readonly ticket: number; readonly record: SnapshotRecord; readonly table: SessionTable }
  /** Answers `install-snapshot`: the bytes are no snapshot. Nothing was changed; the stored bytes are gone. */
  | { readonly kind: "snapshot-rejected"; readonly ticket: number; readonly reason: string }
  /** Answers `load-state`: the executor holds the state of the newest snapshot. */
  | { readonly kind: "state-loaded"; readonly ticket: number }
  /** S5e: a write or fsync failed. */
  | { readonly kind: "disk-failed"; readonly reason: string }
  /** `nextWakeMs` has come. */
  | { readonly kind: "woken" }
  /** The last event of each turn. */
  | { readonly kind: "drained" };
