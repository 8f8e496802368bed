import type { ReplicaEvent, SnapshotRecord } from "../../server/core/event.js";
import type { PartialTransfer, SnapshotMeta, StoreResult } from "../../storage/store-command.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { Message } from "../../vocabulary/message.js";
import type { SimConnection } from "../network.js";

export interface Sources {
  digest(operation: string, input: Uint8Array): number;
  wallMs(): number;
  seed(): number;
}

/** As server/process/inbound.ts: the event that a message is, or null when this peer has no business sending it. */
export function eventOfMessage(connection: SimConnection, message: Message, sources: Sources): ReplicaEvent | null {
  const { id, peer } = connection;
  switch (message.kind) {
    case "request":
      return {
        kind: "client-message-received",
        connection: id,
        message,
        digest: sources.digest(message.operation, message.input),
        wallMs: sources.wallMs(),
        seed: sources.seed(),
      };
    case "query":
      return { kind: "client-message-received", connection: id, message, digest: 0, wallMs: sources.wallMs(), seed: 0 };
    case "open-session":
    case "resume-session":
      return { kind: "client-message-received", connection: id, message, digest: 0, wallMs: 0, seed: 0 };
    case "append":
    case "append-ack":
    case "append-refused":
    case "confirm":
    case "confirmed":
    case "snapshot-slice":
    case "snapshot-ack":
      return peer.role === "server" ? { kind: "message-received", connection: id, message } : null;
    case "seal":
    case "lead":
    case "activate":
    case "hand-over":
    case "learners":
    case "configure":
    case "address-book":
      return peer.role === "rm" ? { kind: "message-received", connection: id, message } : null;
    default:
      return null;
  }
}

export function snapshotRecord(meta: SnapshotMeta): SnapshotRecord {
  const { index, epoch, ageMs, sizeBytes, checksum } = meta;
  return { index, epoch, ageMs, generation: meta.generation, sizeBytes, checksum };
}

export function transferOf(partial: PartialTransfer | null) {
  if (partial === null) return null;
  const { epoch, index, sizeBytes, checksum, offsetBytes } = partial;
  return { snapshotEpoch: epoch, snapshotIndex: index, sizeBytes, checksum, storedBytes: offsetBytes };
}

/** As server/process/store-events.ts. */
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
    case "snapshot-missing":
      return { kind: "snapshot-read", ticket: result.ticket, bytes: new Uint8Array(0) };
    case "slice-stored":
      return { kind: "slice-stored", ticket: result.ticket };
    case "install-refused":
      return { kind: "snapshot-rejected", ticket: result.ticket, reason: result.reason };
    case "failed":
      return { kind: "disk-failed", reason: `${result.code}: ${result.message}` };
    case "damaged":
      return { kind: "disk-failed", reason: `${result.where}: ${result.what}` };
    case "recovered":
    case "installed":
    case "state-slice":
      return null;
    default:
      return unreachable(result);
  }
}
