import type { DiskOperation } from "../vocabulary/disk.js";

export interface PendingWrite {
  readonly number: number;
  readonly offsetBytes: number;
  /** Null: a cut (or growth) to `offsetBytes`. */
  readonly bytes: Uint8Array | null;
}

export interface SimFile {
  /** What a read shows: the page cache. */
  content: Uint8Array;
  /** What survives a loss of power. */
  durable: Uint8Array;
  /** Done, and not synced yet. */
  pending: PendingWrite[];
}

/** A change of names, durable once its folder is synced. */
export interface PendingName {
  readonly number: number;
  readonly folder: string;
  readonly path: string;
  /** Null: removed. */
  readonly file: SimFile | null;
}

/** What may go wrong with a disk; changed by faults while the world runs. */
export interface DiskFaults {
  failProbability: number;
  full: boolean;
  /** Everything takes so many times as long. */
  slowness: number;
  /** Nothing that it is asked ends. */
  hangs: boolean;
}

/** A folder on a simulated disk. What is not synced is lost, or not, when the power goes; a killed process loses nothing that was done. */
export interface SimDisk {
  files: Map<string, SimFile>;
  durableFiles: Map<string, SimFile>;
  pendingNames: PendingName[];
  /** Operations that the current process has under way. */
  readonly underWay: Set<DiskOperation>;
  readonly faults: DiskFaults;
  /** What would have ended while it hung. */
  readonly held: (() => void)[];
  /** A bit of it was flipped: its store may find damage. */
  flipped: boolean;
  /** A file of it was lost or cut: its store may find damage, but nothing that is not there. */
  maimed: boolean;
  nextNumber: number;
}
