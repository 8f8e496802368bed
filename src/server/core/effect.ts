import type { Entry } from "../../vocabulary/entry.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { ExecutionCommand } from "../../vocabulary/execution.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import type { Message } from "../../vocabulary/message.js";
import type { AddressBook, View } from "../../vocabulary/view.js";
import type { SnapshotPoint, TransferIdentity } from "./event.js";
import type { TableCapture } from "./table-capture.js";

/** Steps of a view change at which a test may have the process die. */
export type Failpoint = "seal-received" | "seal-persisted" | "sealed-answered" | "start-appended" | "start-on-quorum" | "activated";

/**
 * What a replica wants done. No effect depends on another: what must be durable first comes back as an event, and only then is the next
 * thing asked for. The order of effects matters only within one kind: messages of a connection, persists, execution commands.
 * Tickets of each kind only grow.
 */
export type ReplicaEffect =
  | { readonly kind: "send"; readonly connection: number; readonly message: Message }
  /** The peer does not keep to the protocol. */
  | { readonly kind: "close"; readonly connection: number; readonly reason: string }
  /** Hold one connection to each of these, and no other outbound one; addresses are in the book. Replaces the last. Asked for whether leading or not. */
  | { readonly kind: "link"; readonly replicas: readonly ReplicaId[]; readonly book: AddressBook }
  /** Cut the log after `truncateAfter` (null: nothing to cut), append the entries, make it durable: `entries-persisted`. */
  | { readonly kind: "persist"; readonly ticket: number; readonly truncateAfter: number | null; readonly entries: readonly Entry[] }
  /** All at once, durable: `promise-persisted`. `blank` is for `recovered`. */
  | {
      readonly kind: "persist-promise";
      readonly ticket: number;
      readonly promise: Epoch;
      readonly activeView: View | null;
      readonly blank: boolean;
    }
  | { readonly kind: "execution"; readonly command: ExecutionCommand }
  /** The executor is quiet and at exactly `point.index`: begin to capture now, write in the background: `snapshot-persisted`. */
  | { readonly kind: "capture-snapshot"; readonly ticket: number; readonly point: SnapshotPoint; readonly table: TableCapture }
  /** Bytes of our snapshot at `snapshotIndex`: `snapshot-read`. */
  | {
      readonly kind: "read-snapshot";
      readonly ticket: number;
      readonly snapshotIndex: number;
      readonly offsetBytes: number;
      readonly sizeBytes: number;
    }
  /** Part of a snapshot from the leader: `slice-stored` once durable. An offset of 0 begins anew, whatever was stored before. */
  | {
      readonly kind: "store-slice";
      readonly ticket: number;
      readonly transfer: TransferIdentity;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
    }
  /**
   * All slices are stored: check and publish; without `keepLog` wipe the log, with `load` load the state into the executor:
   * `snapshot-installed` or `snapshot-rejected`.
   */
  | {
      readonly kind: "install-snapshot";
      readonly ticket: number;
      readonly transfer: TransferIdentity;
      readonly keepLog: boolean;
      readonly load: boolean;
    }
  /** The executor is quiet: the state of the newest snapshot takes the place of what it holds: `state-loaded`. */
  | { readonly kind: "load-state"; readonly ticket: number }
  /** cold-passive: the executor is quiet and lets go of the state; it is as new afterwards. */
  | { readonly kind: "unload-state" }
  /** A durable snapshot covers them: the disk need not keep these entries. */
  | { readonly kind: "drop-log"; readonly throughIndex: number }
  /** No one reads any other snapshot any more: of those the newest alone is kept. */
  | { readonly kind: "drop-snapshots"; readonly usedIndexes: readonly number[] }
  /** S5e and divergence: this process cannot go on. `discard`: nor can its data; the shell sets the folder aside and comes back as a new incarnation. */
  | { readonly kind: "end-process"; readonly reason: string; readonly discard: boolean }
  /** For the log, for people. */
  | { readonly kind: "note"; readonly level: "info" | "warn"; readonly text: string }
  | { readonly kind: "reached"; readonly point: Failpoint };
