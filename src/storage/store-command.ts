import type { Entry } from "../vocabulary/entry.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { ClusterId, GroupName, Incarnation, ReplicaId } from "../vocabulary/ids.js";
import type { TableImage } from "../vocabulary/session.js";
import type { Durability } from "../vocabulary/style.js";
import type { View } from "../vocabulary/view.js";

/** Whose data a folder holds, and one life of it (S5a). Written once, when the folder is made. */
export interface StoreIdentity {
  readonly clusterId: ClusterId;
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly durability: Durability;
}

/** `freshIncarnation` names the life that begins if the folder turns out to be empty; otherwise the stored one counts. */
export interface StoreConfig {
  readonly clusterId: ClusterId;
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly durability: Durability;
  readonly freshIncarnation: Incarnation;
  /** Default LIMITS.segmentSizeBytes. */
  readonly segmentSizeBytes?: number;
  /** Default LIMITS.snapshotSliceBytes: how much of a file is read or handed over at a time. */
  readonly sliceSizeBytes?: number;
}

/** What a snapshot says of itself. `generation` is that of the newest start entry's view at its index: new session ids begin with it. */
export interface SnapshotMeta {
  readonly epoch: Epoch;
  readonly index: number;
  readonly ageMs: number;
  readonly generation: number;
  readonly logTimeMs: number;
  /** Of the whole file, header and trailer included. */
  readonly sizeBytes: number;
  /** CRC-32 of the whole file but its last four bytes, which hold this very number. */
  readonly checksum: number;
}

/** A snapshot that is being received: the sender resumes at `offsetBytes`. */
export interface PartialTransfer {
  readonly epoch: Epoch;
  readonly index: number;
  readonly sizeBytes: number;
  readonly checksum: number;
  readonly offsetBytes: number;
}

/** Tickets are the caller's and come back in results; commands are taken in order. Nothing but `recover` before `recovered`. */
export type StoreCommand =
  /** Once, first. Answered by `recovered`, `damaged` or `unsupported`. */
  | { readonly kind: "recover" }
  /** Cuts the log after `truncateAfter` (a conflict, L1), then appends `entries`. `persisted` comes once both are durable. */
  | { readonly kind: "persist"; readonly ticket: number; readonly truncateAfter: number | null; readonly entries: readonly Entry[] }
  | {
      readonly kind: "persist-promise";
      readonly ticket: number;
      readonly promise: Epoch;
      readonly activeView: View | null;
      readonly blank: boolean;
    }
  /**
   * One snapshot at a time; slices are of the state, in order; `finish` publishes it and answers `snapshot-persisted`. Rows of the session
   * table come with the beginning or later, in order.
   */
  | {
      readonly kind: "begin-snapshot";
      readonly index: number;
      readonly epoch: Epoch;
      readonly ageMs: number;
      readonly generation: number;
      readonly logTimeMs: number;
      readonly table: TableImage;
    }
  | { readonly kind: "snapshot-slice"; readonly bytes: Uint8Array }
  | { readonly kind: "snapshot-table"; readonly rows: TableImage }
  | { readonly kind: "finish-snapshot" }
  | { readonly kind: "abort-snapshot" }
  /** Raw bytes of the published snapshot file at `index`, for a transfer. Pins it until `release-snapshots` leaves it out. */
  | {
      readonly kind: "read-snapshot";
      readonly ticket: number;
      readonly index: number;
      readonly offsetBytes: number;
      readonly sizeBytes: number;
    }
  /** No transfer reads any other snapshot any more: those may be deleted, but for the newest. */
  | { readonly kind: "release-snapshots"; readonly exceptIndexes: readonly number[] }
  | {
      readonly kind: "receive-slice";
      readonly ticket: number;
      readonly snapshotEpoch: Epoch;
      readonly snapshotIndex: number;
      readonly sizeBytes: number;
      readonly checksum: number;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
    }
  /**
   * The received file is whole: verify it, publish it, drop the log (its entries are older or conflict) unless it is to be kept, as that
   * which the snapshot stands in. Answered by `installed`.
   */
  | { readonly kind: "install-received"; readonly ticket: number; readonly keepLog: boolean }
  /** The newest snapshot holds everything up to here. Segments wholly at or below are deleted; no answer. */
  | { readonly kind: "drop-log"; readonly throughIndex: number }
  /** Streams the state of the newest snapshot: `state-slice` results, the last with `last: true`. One request a slice keeps memory bounded. */
  | { readonly kind: "load-state"; readonly ticket: number }
  /** Asks for the next slice of the running `load-state`. */
  | { readonly kind: "load-more"; readonly ticket: number };

export type StoreResult =
  /** `blank`: as the last promise said, true in a new folder. Entries follow the snapshot without a hole. */
  | {
      readonly kind: "recovered";
      readonly blank: boolean;
      readonly identity: StoreIdentity;
      readonly promise: Epoch;
      readonly activeView: View | null;
      readonly snapshot: { readonly meta: SnapshotMeta; readonly table: TableImage } | null;
      readonly entries: readonly Entry[];
      readonly partial: PartialTransfer | null;
    }
  /** S5d: never repaired here. `where` is a file (and offset), `what` is worded for the reader. */
  | { readonly kind: "damaged"; readonly where: string; readonly what: string }
  /** Another release wrote it, and this one does not understand it: nothing was changed, and nothing may be. */
  | { readonly kind: "unsupported"; readonly where: string; readonly what: string }
  | { readonly kind: "persisted"; readonly ticket: number }
  | { readonly kind: "promise-persisted"; readonly ticket: number }
  /** What was given of the snapshot so far is with the disk: the memory of its slices is the caller's again, and the next may come. */
  | { readonly kind: "snapshot-room" }
  | { readonly kind: "snapshot-persisted"; readonly meta: SnapshotMeta }
  /** Fewer bytes than asked for only at the end of the file. */
  | {
      readonly kind: "snapshot-read";
      readonly ticket: number;
      readonly index: number;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
    }
  /** There is no such snapshot (any more): begin again with the newest. */
  | { readonly kind: "snapshot-missing"; readonly ticket: number; readonly index: number }
  /** Everything below `offsetBytes` of the snapshot at `index` is stored; the sender goes on there, whatever it had sent. */
  | { readonly kind: "slice-stored"; readonly ticket: number; readonly index: number; readonly offsetBytes: number }
  | { readonly kind: "installed"; readonly ticket: number; readonly meta: SnapshotMeta; readonly table: TableImage }
  /** The received file is not what was promised; it is thrown away and the transfer begins anew at 0. */
  | { readonly kind: "install-refused"; readonly ticket: number; readonly reason: string }
  | { readonly kind: "state-slice"; readonly ticket: number; readonly bytes: Uint8Array; readonly last: boolean }
  /** S5e: the process ends now; nothing that was not acknowledged before is trusted. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
