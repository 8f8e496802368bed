import { specShape } from "../codec/control-shape.js";
import { count, object, real, type Shape } from "../codec/shape.js";
import { clusterIdShape, epochShape, viewShape } from "../codec/view-shape.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { ClusterId } from "../vocabulary/ids.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import type { View } from "../vocabulary/view.js";
import { decodeRecord, encodeRecord, type RecordFormat } from "./record-file.js";

/** A backup is a folder with one snapshot file and this file, which is written last: without it the folder is no backup. */
export const BACKUP_PATH = "backup";
export const BACKUP_SIZE_BYTES_MAX = 256 * 1024;
const FORMAT: RecordFormat = { magic: "TRPBACK1", version: 1 };

/** Which snapshot, of which group, and how that group ran. No incarnation is ever restored: the view is for people, and for its generation. */
export interface BackupRecord {
  readonly clusterId: ClusterId;
  readonly spec: GroupSpec;
  readonly view: View;
  readonly snapshot: { readonly index: number; readonly epoch: Epoch; readonly sizeBytes: number; readonly checksum: number };
  /** Wall clock, for people only. */
  readonly takenAtMs: number;
}

const backupShape: Shape<BackupRecord> = object<BackupRecord>({
  clusterId: clusterIdShape,
  spec: specShape,
  view: viewShape,
  snapshot: object<BackupRecord["snapshot"]>({ index: count, epoch: epochShape, sizeBytes: count, checksum: count }),
  takenAtMs: real,
});

export function encodeBackup(record: BackupRecord): Uint8Array {
  return encodeRecord(FORMAT, record);
}

export type DecodedBackup = { readonly ok: true; readonly record: BackupRecord } | { readonly ok: false; readonly reason: string };

/** Never throws; a newer format is refused in words. */
export function decodeBackup(bytes: Uint8Array): DecodedBackup {
  const decoded = decodeRecord(FORMAT, bytes);
  if (!decoded.ok) return decoded;
  return backupShape(decoded.value) ? { ok: true, record: decoded.value } : { ok: false, reason: "it does not describe a backup" };
}
