import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type BackupSlice, BackupInterrupted, openBackupSource } from "../client/process/backup-source.js";
import { discover } from "../client/process/discovery.js";
import { TroupeError } from "../client/process/troupe-error.js";
import { wallMs } from "../runtime/clock.js";
import { reasonOf } from "../runtime/error-code.js";
import { BACKUP_PATH, type BackupRecord, encodeBackup } from "../storage/backup-file.js";
import { describeSnapshotFile } from "../storage/inspection.js";
import { damageInSnapshot } from "../storage/inspection-backup.js";
import { snapshotPath } from "../storage/snapshot-file.js";
import { sameEpoch } from "../vocabulary/epoch.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import { makeFolderDurably } from "../runtime/folder.js";
import { replaceDurably, syncFolder, writeWhole } from "../runtime/durable-file.js";
import { lookInto } from "./folder-look.js";
import { EXIT, Failure } from "./output.js";
import { createProgress, createSayer } from "./progress.js";

export interface BackupTarget {
  /** Empty, or not there yet. */
  readonly folder: string;
  /** `host:port` of the gateway. */
  readonly host: string;
  readonly spec: GroupSpec;
}

/** So long it is tried again without getting any further, and so often altogether. */
const PATIENCE_MS = 30_000;
const ATTEMPTS_MAX = 20;
const RETRY_MS = 300;
const DISCOVER_TIMEOUT_MS = 2_000;

/**
 * Fills the folder: the snapshot, durable and read back, then the file that makes it a backup. Leaves an empty folder behind when it fails.
 * A leader that goes away on the way is followed by the next one: then it begins again, with a newer snapshot.
 */
export async function takeBackup(target: BackupTarget): Promise<BackupRecord> {
  const { folder, spec } = target;
  makeFolderDurably(folder);
  let endMs = performance.now() + PATIENCE_MS;
  const sayAgain = createSayer((line) => void process.stderr.write(`${line}\n`));
  for (let attempt = 1; ; attempt++) {
    let path: string | null = null;
    try {
      return await tryOnce(target, (slice) => {
        if (slice !== null) path = join(folder, snapshotPath(slice.index, slice.epoch));
        endMs = performance.now() + PATIENCE_MS;
      });
    } catch (error) {
      if (path !== null) rmSync(path, { force: true });
      if (!isPassing(error)) throw error;
      const reason = reasonOf(error);
      if (performance.now() >= endMs || attempt >= ATTEMPTS_MAX)
        throw new Failure(EXIT.failed, `No backup of ${spec.group} could be taken: ${reason}. The folder is empty.`);
      sayAgain(`backup: begins again: ${reason}`);
      await sleep(RETRY_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof BackupInterrupted || (error instanceof TroupeError && error.code === "unavailable");
}

/** `onProgress`: of null, the snapshot is being made. */
async function tryOnce({ folder, host, spec }: BackupTarget, onProgress: (slice: BackupSlice | null) => void): Promise<BackupRecord> {
  const look = () => discover({ hosts: [host], group: spec.group }, DISCOVER_TIMEOUT_MS);
  const found = await look();
  const { view: asked } = found;
  if (asked === null) throw new BackupInterrupted("no view is active");
  const source = openBackupSource(found);
  try {
    const first = await source.begin(async () => {
      const { view: now } = await look();
      const isSame = now !== null && sameEpoch(now.epoch, asked.epoch);
      if (isSame) onProgress(null);
      return isSame;
    });
    const { index, epoch, sizeBytes, checksum, view } = first;
    onProgress(first);
    const path = join(folder, snapshotPath(index, epoch));
    const tell = createProgress("backup");
    const handle = openSync(path, "wx", 0o600);
    try {
      for (let slice = first, atBytes = 0; ; slice = await source.read(index, atBytes)) {
        checkSlice(slice, first, atBytes);
        writeWhole(handle, slice.bytes, atBytes);
        atBytes += slice.bytes.length;
        onProgress(slice);
        tell(atBytes, sizeBytes);
        if (atBytes === sizeBytes) break;
      }
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    const record: BackupRecord = {
      clusterId: found.clusterId,
      spec,
      view,
      snapshot: { index, epoch, sizeBytes, checksum },
      takenAtMs: wallMs(),
    };
    syncFolder(folder);
    checkWritten(folder, record);
    replaceDurably(join(folder, BACKUP_PATH), encodeBackup(record));
    syncFolder(dirname(folder));
    return record;
  } finally {
    source.close();
  }
}

/** What comes over the network is not trusted: neither where a slice belongs, nor its size. */
function checkSlice(slice: BackupSlice, first: BackupSlice, atBytes: number): void {
  const fits = slice.index === first.index && slice.sizeBytes === first.sizeBytes && slice.checksum === first.checksum;
  const follows = slice.offsetBytes === atBytes && slice.bytes.length > 0 && atBytes + slice.bytes.length <= first.sizeBytes;
  if (!fits || !follows) throw new BackupInterrupted("a slice came that was not asked for");
}

/** Reads it back: what is wrong with a backup is found before anybody relies on it. */
function checkWritten(folder: string, { spec, snapshot }: BackupRecord): void {
  const name = snapshotPath(snapshot.index, snapshot.epoch);
  const [damage] = damageInSnapshot(snapshot, describeSnapshotFile(lookInto(folder), name, spec.group));
  if (damage !== undefined) throw new Failure(EXIT.failed, `The backup in ${folder} came out damaged: ${damage}. It is not to be used.`);
}
