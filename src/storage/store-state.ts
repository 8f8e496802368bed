import { LIMITS } from "../vocabulary/limit.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { View } from "../vocabulary/view.js";
import type { SnapshotHead, SnapshotScan } from "./snapshot-file.js";
import type { TableImage } from "../vocabulary/session.js";
import type { PartialTransfer, SnapshotMeta, StoreConfig, StoreIdentity, StoreResult } from "./store-command.js";
import { createTaskRunner, type TaskRunner } from "./task.js";
import type { WriteAheadLog } from "./write-ahead-log.js";

export interface PublishedSnapshot {
  readonly meta: SnapshotMeta;
  readonly path: string;
  /** Reads of it that are under way. */
  reads: number;
}

/** A snapshot that is being written under a temporary name: slices go to the disk as they come, in any order of completion. */
export interface SnapshotWriter {
  readonly path: string;
  readonly head: SnapshotHead;
  readonly table: TableImage;
  opened: boolean;
  /** Given before the file was there. */
  early: { readonly offsetBytes: number; readonly chunks: readonly Uint8Array[] }[];
  unfinishedWrites: number;
  offsetBytes: number;
  /** A sync covers what lies below, or is under way. */
  syncedBytes: number;
  checksum: number;
  stateSlices: number;
  stateBytes: number;
  sessions: number;
  keys: number;
}

/** A snapshot that comes from a peer, slice by slice, into a file whose name says which one it is. */
export interface SnapshotTransfer {
  readonly path: string;
  readonly of: Omit<PartialTransfer, "offsetBytes">;
  readonly queue: { readonly ticket: number; readonly offsetBytes: number; readonly bytes: Uint8Array }[];
  /** Queued or stored below this. */
  takenBytes: number;
  storedBytes: number;
  syncedBytes: number;
  created: boolean;
  working: boolean;
  abandoned: boolean;
}

/** The state of the newest snapshot on its way to the executor. */
export interface SnapshotLoad {
  readonly snapshot: PublishedSnapshot;
  readonly scan: SnapshotScan;
  /** What the file is read into. */
  readonly room: Uint8Array;
  readonly slices: Uint8Array[];
  readBytes: number;
}

export interface WaitingPromise {
  readonly ticket: number;
  readonly promise: Epoch;
  readonly activeView: View | null;
  readonly blank: boolean;
}

/** Everything that the store of one replica knows. The disk itself is elsewhere. */
export interface ReplicaStore {
  readonly config: StoreConfig;
  readonly sliceSizeBytes: number;
  readonly segmentSizeBytes: number;
  readonly runner: TaskRunner;
  /** Filled while stepping, handed over at its end. */
  results: StoreResult[];
  stage: "new" | "recovering" | "open" | "ended";
  identity: StoreIdentity | null;
  log: WriteAheadLog | null;
  promiseSequence: number;
  readonly promises: WaitingPromise[];
  promising: boolean;
  /** Ascending by index; the last one is the newest. */
  readonly snapshots: PublishedSnapshot[];
  /** Each is read by a transfer or a backup, slice by slice. */
  readonly pinnedIndexes: Set<number>;
  /** Numbers temporary files, so that none is used twice. */
  nextFileNumber: number;
  writer: SnapshotWriter | null;
  transfer: SnapshotTransfer | null;
  load: SnapshotLoad | null;
  /** How far a snapshot had come that the last life did not finish: it may have run out of room. */
  unfinishedBytes: number;
}

export function createReplicaStore(config: StoreConfig): ReplicaStore {
  return {
    config,
    sliceSizeBytes: config.sliceSizeBytes ?? LIMITS.snapshotSliceBytes,
    segmentSizeBytes: config.segmentSizeBytes ?? LIMITS.segmentSizeBytes,
    runner: createTaskRunner(),
    results: [],
    stage: "new",
    identity: null,
    log: null,
    promiseSequence: 0,
    promises: [],
    promising: false,
    snapshots: [],
    pinnedIndexes: new Set(),
    nextFileNumber: 1,
    writer: null,
    transfer: null,
    load: null,
    unfinishedBytes: 0,
  };
}
