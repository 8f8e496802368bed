/**
 * A snapshot for somebody else to keep. The leader marks the moment with an entry of its own: when that is committed, so is everything that
 * was acknowledged before the question came, and the snapshot is taken at the first quiet point behind it (S8, section 6).
 */
import type { ClientMessage } from "../../vocabulary/message-client.js";
import { fail, redirect } from "./answer.js";
import { push } from "./fifo.js";
import type { TableItem } from "./leading-state.js";
import { type Backup, type Replica, send, takeTicket, type Turn } from "./state.js";

type ReadBackup = Extract<ClientMessage, { readonly kind: "read-backup" }>;

/** Backups taken at once: each holds a snapshot on the disk. */
const BACKUPS_MAX = 4;

export function onReadBackup(turn: Turn, connection: number, message: ReadBackup): void {
  if (message.index === 0) return begin(turn, connection, message.ticket);
  const backup = turn.replica.backups.get(connection);
  const isKnown = backup !== undefined && backup.record?.index === message.index && backup.reading === null;
  if (!isKnown)
    return fail(turn, { connection, ticket: message.ticket }, "unavailable", "This snapshot is not held for a backup; begin again.");
  backup.ticket = message.ticket;
  backup.offsetBytes = message.offsetBytes;
  read(turn, backup, message.index);
}

function begin(turn: Turn, connection: number, ticket: number): void {
  const { replica } = turn;
  const waiter = { connection, ticket };
  const { stance } = replica;
  if (stance.kind !== "leading" || !stance.serving) return redirect(turn, waiter);
  replica.backups.delete(connection);
  if (replica.backups.size >= BACKUPS_MAX) return fail(turn, waiter, "overloaded", `${BACKUPS_MAX} backups are being taken already.`);
  const mark: TableItem = { kind: "table", key: null, body: { kind: "sessions-renewed", sessions: [] }, waiters: [], index: 0 };
  push(stance.line, mark);
  replica.backups.set(connection, { ticket, mark, record: null, offsetBytes: 0, reading: null });
}

/** A snapshot behind the mark of a backup is wanted; the mark itself has been applied. */
export function backupIsDue(replica: Replica): boolean {
  for (const { mark, record } of replica.backups.values()) {
    if (record === null && mark.index > (replica.snapshot?.index ?? 0) && mark.index <= replica.issuedIndex) return true;
  }
  return false;
}

/** Begins to send what has been taken; whoever waits at a leader that was deposed asks the next one. */
export function settleBackups(turn: Turn): void {
  const { replica } = turn;
  const { stance, snapshot } = replica;
  for (const [connection, backup] of replica.backups) {
    if (backup.record !== null) continue;
    if (stance.kind !== "leading" || !stance.serving) {
      // What it marked may be cut, and another entry take its place.
      replica.backups.delete(connection);
      redirect(turn, { connection, ticket: backup.ticket });
    } else if (backup.mark.index > 0 && snapshot !== null && snapshot.index >= backup.mark.index) {
      backup.record = snapshot;
      read(turn, backup, snapshot.index);
    }
  }
}

function read(turn: Turn, backup: Backup, snapshotIndex: number): void {
  const { replica, effects } = turn;
  const ticket = takeTicket(replica);
  backup.reading = ticket;
  effects.push({ kind: "read-snapshot", ticket, snapshotIndex, offsetBytes: backup.offsetBytes, sizeBytes: replica.bounds.sliceBytes });
}

/** True when the bytes were for a backup. */
export function onBackupRead(turn: Turn, ticket: number, bytes: Uint8Array): boolean {
  for (const [connection, backup] of turn.replica.backups) {
    if (backup.reading !== ticket) continue;
    backup.reading = null;
    answer(turn, connection, backup, bytes);
    return true;
  }
  return false;
}

function answer(turn: Turn, connection: number, backup: Backup, bytes: Uint8Array): void {
  const { replica } = turn;
  const { record, ticket, offsetBytes } = backup;
  const { activeView: view } = replica;
  if (bytes.length === 0 || view === null || record === null) {
    // The disk has it no more, or no more of it.
    replica.backups.delete(connection);
    return fail(turn, { connection, ticket }, "unavailable", "A newer snapshot took the place of this one; begin again.");
  }
  const { index, epoch, sizeBytes, checksum } = record;
  send(turn, connection, { kind: "backup-slice", ticket, index, epoch, sizeBytes, checksum, offsetBytes, bytes, view });
}
