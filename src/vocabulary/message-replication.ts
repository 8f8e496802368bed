import type { Entry } from "./entry.js";
import type { Epoch } from "./epoch.js";
import type { View } from "./view.js";

/** Between the replicas of one group. */
export type ReplicationMessage =
  /**
   * Entries that follow (prevEpoch, prevIndex); may be none (commit index, activity). `active`: the leader's view is active, and then
   * `commitIndex` counts (S4c). An append of a higher epoch is itself a promise (L4). `view` is the leader's view, active or attempted.
   */
  | {
      readonly kind: "append";
      readonly epoch: Epoch;
      readonly prevEpoch: Epoch;
      readonly prevIndex: number;
      readonly entries: readonly Entry[];
      readonly commitIndex: number;
      readonly active: boolean;
      /** Present on the first append of a connection and whenever it changed. */
      readonly view: View | null;
    }
  /** Persisted and verified up to `index` (L2: not the length of the log). */
  | {
      readonly kind: "append-ack";
      readonly epoch: Epoch;
      readonly index: number;
    }
  /** `promise` above the leader's epoch: it is deposed. Else the log does not match at prevIndex: `lastIndex` is where to look next. */
  | {
      readonly kind: "append-refused";
      readonly epoch: Epoch;
      readonly promise: Epoch;
      readonly prevIndex: number;
      readonly lastIndex: number;
      /** A transfer that was cut: resume here. */
      readonly transferIndex: number;
      readonly transferOffsetBytes: number;
    }
  /** S7: one read round. Confirmed only by a member whose promise is not above `epoch`. */
  | { readonly kind: "confirm"; readonly epoch: Epoch; readonly round: number }
  | {
      readonly kind: "confirmed";
      readonly epoch: Epoch;
      readonly round: number;
    }
  /** Bytes of the snapshot file at `snapshotIndex`; the last slice ends at `sizeBytes`. */
  | {
      readonly kind: "snapshot-slice";
      readonly epoch: Epoch;
      readonly snapshotEpoch: Epoch;
      readonly snapshotIndex: number;
      readonly sizeBytes: number;
      readonly checksum: number;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
      readonly view: View;
    }
  /** Received and stored below `offsetBytes`; `installed` once it is loaded and durable: appends go on from snapshotIndex. */
  | {
      readonly kind: "snapshot-ack";
      readonly epoch: Epoch;
      readonly snapshotIndex: number;
      readonly offsetBytes: number;
      readonly installed: boolean;
    };
