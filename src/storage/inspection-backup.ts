import { sameEpoch } from "../vocabulary/epoch.js";
import { BACKUP_PATH, BACKUP_SIZE_BYTES_MAX, type BackupRecord, decodeBackup } from "./backup-file.js";
import { describeSnapshotFile, type FileDescription, type Look, type SnapshotDescription } from "./inspection.js";
import { snapshotPath } from "./snapshot-file.js";

export interface BackupDescription {
  readonly record: FileDescription<BackupRecord>;
  /** The one that the record names, read whole; null when the record cannot be read. */
  readonly snapshot: SnapshotDescription | null;
}

/** A backup: the file that makes it one, and its snapshot, read to the end. */
export function describeBackup(look: Look): BackupDescription {
  const read = look({ kind: "read", ticket: 0, path: BACKUP_PATH, offsetBytes: 0, sizeBytes: BACKUP_SIZE_BYTES_MAX });
  if (read.kind !== "read-done")
    return { record: { path: BACKUP_PATH, ok: false, problem: "it is missing: this backup was never finished" }, snapshot: null };
  const decoded = decodeBackup(read.bytes);
  if (!decoded.ok) return { record: { path: BACKUP_PATH, ok: false, problem: decoded.reason }, snapshot: null };
  const { spec, snapshot } = decoded.record;
  const name = snapshotPath(snapshot.index, snapshot.epoch);
  return { record: { path: BACKUP_PATH, ok: true, value: decoded.record }, snapshot: describeSnapshotFile(look, name, spec.group) };
}

/** Everything that keeps it from being restored, each with its file. */
export function damageInBackup({ record, snapshot }: BackupDescription): string[] {
  if (!record.ok) return [`${record.path}: ${record.problem}`];
  return snapshot === null ? [] : damageInSnapshot(record.value.snapshot, snapshot);
}

/** Why a snapshot is not the whole one that is named, or nothing. */
export function damageInSnapshot(named: BackupRecord["snapshot"], found: SnapshotDescription): string[] {
  if (found.problem !== null) return [`${found.path} at offset ${found.problem.offsetBytes}: ${found.problem.what}`];
  const { head, verified, sizeBytes, checksum } = found;
  const isIt = head !== null && head.index === named.index && sameEpoch(head.epoch, named.epoch);
  if (isIt && verified && sizeBytes === named.sizeBytes && checksum === named.checksum) return [];
  return [`${found.path}: it is not the snapshot that the backup is of`];
}
