import { unreachable } from "../../vocabulary/assert.js";
import type { PartialTransfer, SnapshotMeta, StoreResult } from "../../storage/store-command.js";
import type { ReplicaEvent, SnapshotRecord, TransferIdentity } from "../core/event.js";

export function snapshotRecord(meta: SnapshotMeta): SnapshotRecord {
  const { index, epoch, ageMs, generation, logTimeMs, sizeBytes, checksum } = meta;
  return { index, epoch, ageMs, generation, logTimeMs, sizeBytes, checksum };
}

/** What is durable of a transfer that was cut. */
export function transferOf(partial: PartialTransfer | null): (TransferIdentity & { readonly storedBytes: number }) | null {
  if (partial === null) return null;
  const { epoch, index, sizeBytes, checksum, offsetBytes } = partial;
  return { snapshotEpoch: epoch, snapshotIndex: index, sizeBytes, checksum, storedBytes: offsetBytes };
}

/** What a result of the store means to the core; null where it concerns only the shell. */
export function eventOfResult(result: StoreResult, captureTicket: number): ReplicaEvent | null {
  switch (result.kind) {
    case "persisted":
      return { kind: "entries-persisted", ticket: result.ticket };
    case "promise-persisted":
      return { kind: "promise-persisted", ticket: result.ticket };
    case "snapshot-persisted":
      return { kind: "snapshot-persisted", ticket: captureTicket, sizeBytes: result.meta.sizeBytes, checksum: result.meta.checksum };
    case "snapshot-read":
      return { kind: "snapshot-read", ticket: result.ticket, bytes: result.bytes };
    // A newer snapshot took its place: no bytes, and the transfer begins anew with the newest when it makes no progress.
    case "snapshot-missing":
      return { kind: "snapshot-read", ticket: result.ticket, bytes: new Uint8Array(0) };
    case "slice-stored":
      return { kind: "slice-stored", ticket: result.ticket };
    case "install-refused":
      return { kind: "snapshot-rejected", ticket: result.ticket, reason: result.reason };
    case "failed":
      return { kind: "disk-failed", reason: `${result.code}: ${result.message}` };
    case "damaged":
    case "unsupported":
      return { kind: "disk-failed", reason: `${result.where}: ${result.what}` };
    case "recovered":
    case "snapshot-room":
    case "installed":
    case "state-slice":
      return null;
    default:
      unreachable(result);
  }
}
