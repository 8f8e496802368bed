import { crc32 } from "../codec/checksum.js";
import type { TableImage } from "../vocabulary/session.js";
import {
  encodeSnapshotChecksum,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  encodeRows,
  encodeStateSlice,
  piecesOf,
  type SnapshotHead,
  snapshotPath,
} from "./snapshot-file.js";
import type { SnapshotMeta } from "./store-command.js";
import type { PublishedSnapshot, ReplicaStore, SnapshotWriter } from "./store-state.js";
import { attempt, park, perform, startTask, type Task, unpark } from "./task.js";

export const TEMPORARY_SNAPSHOT = /^snapshot-new-\d+$/;

/** Synced bit by bit: a sync of the log would wait behind all that is still to be written of a large file. */
export const SYNC_STEP_BYTES = 4 * 1024 * 1024;

export function beginSnapshot(store: ReplicaStore, head: SnapshotHead, table: TableImage): void {
  abortSnapshot(store);
  const writer: SnapshotWriter = {
    path: `snapshot-new-${store.nextFileNumber++}`,
    head,
    table,
    opened: false,
    early: [],
    unfinishedWrites: 0,
    offsetBytes: 0,
    syncedBytes: 0,
    checksum: 0,
    stateSlices: 0,
    stateBytes: 0,
    sessions: 0,
    keys: 0,
  };
  store.writer = writer;
  addChunks(store, writer, encodeSnapshotHead(head));
  startTask(store.runner, openFile(store, writer));
}

export function addStateSlice(store: ReplicaStore, bytes: Uint8Array): void {
  const { writer } = store;
  if (writer === null) return;
  writer.stateSlices += 1;
  writer.stateBytes += bytes.length;
  addChunks(store, writer, encodeStateSlice(bytes));
}

export function addTableRows(store: ReplicaStore, rows: TableImage): void {
  const { writer } = store;
  if (writer !== null) addRows(store, writer, rows, encodeRows(rows));
}

function addRows(store: ReplicaStore, writer: SnapshotWriter, rows: TableImage, piece: readonly Uint8Array[]): void {
  writer.sessions += rows.sessions.length;
  writer.keys += rows.keys.length;
  addChunks(store, writer, piece);
}

export function finishSnapshot(store: ReplicaStore): void {
  const { writer } = store;
  if (writer === null) return;
  store.writer = null;
  startTask(store.runner, finishFile(store, writer));
}

export function abortSnapshot(store: ReplicaStore): void {
  const { writer } = store;
  if (writer === null) return;
  store.writer = null;
  startTask(store.runner, removeFile(writer));
}

function* openFile(store: ReplicaStore, writer: SnapshotWriter): Task {
  yield* perform({ kind: "create", path: writer.path, sizeBytes: 0 });
  writer.opened = true;
  const { early } = writer;
  writer.early = [];
  for (const { offsetBytes, chunks } of early) startTask(store.runner, writeChunks(store, writer, offsetBytes, chunks));
  unpark(store.runner, writer.path);
}

function addChunks(store: ReplicaStore, writer: SnapshotWriter, chunks: readonly Uint8Array[]): void {
  const { offsetBytes } = writer;
  for (const chunk of chunks) {
    writer.checksum = crc32(chunk, writer.checksum);
    writer.offsetBytes += chunk.length;
  }
  writer.unfinishedWrites += 1;
  if (writer.opened) startTask(store.runner, writeChunks(store, writer, offsetBytes, chunks));
  else writer.early.push({ offsetBytes, chunks });
}

function* writeChunks(store: ReplicaStore, writer: SnapshotWriter, offsetBytes: number, chunks: readonly Uint8Array[]): Task {
  yield* perform({ kind: "write", path: writer.path, offsetBytes, chunks });
  if (writer.unfinishedWrites === 1 && writer.offsetBytes - writer.syncedBytes >= SYNC_STEP_BYTES) {
    writer.syncedBytes = writer.offsetBytes;
    yield* perform({ kind: "sync", path: writer.path });
  }
  writer.unfinishedWrites -= 1;
  if (writer.unfinishedWrites === 0 && store.writer === writer) store.results.push({ kind: "snapshot-room" });
  unpark(store.runner, writer.path);
}

function* settled(writer: SnapshotWriter): Task {
  while (!writer.opened || writer.unfinishedWrites > 0) yield* park(writer.path);
}

function* removeFile(writer: SnapshotWriter): Task {
  yield* settled(writer);
  yield* perform({ kind: "remove", path: writer.path });
}

function* finishFile(store: ReplicaStore, writer: SnapshotWriter): Task {
  for (const rows of piecesOf(writer.table)) {
    // One at a time: a large table is encoded in steps.
    yield* settled(writer);
    addRows(store, writer, rows, encodeRows(rows));
  }
  addChunks(store, writer, encodeSnapshotEnd(writer));
  const { checksum } = writer;
  addChunks(store, writer, [encodeSnapshotChecksum(checksum)]);
  yield* settled(writer);
  yield* perform({ kind: "sync", path: writer.path });
  const { epoch, index, ageMs, generation, logTimeMs } = writer.head;
  const meta = { epoch, index, ageMs, generation, logTimeMs, sizeBytes: writer.offsetBytes, checksum };
  yield* publishSnapshot(store, writer.path, meta);
  store.results.push({ kind: "snapshot-persisted", meta });
}

/** From a synced temporary file: durable under its own name when the task ends. Only then are older ones deleted. */
export function* publishSnapshot(store: ReplicaStore, temporaryPath: string, meta: SnapshotMeta): Task {
  const path = snapshotPath(meta.index, meta.epoch);
  yield* perform({ kind: "rename", path: temporaryPath, toPath: path });
  yield* perform({ kind: "sync-folder", path: "." });
  const published: PublishedSnapshot = { meta, path, reads: 0 };
  const others = store.snapshots.filter((snapshot) => snapshot.path !== path);
  store.snapshots.length = 0;
  store.snapshots.push(...[...others, published].sort((a, b) => a.meta.index - b.meta.index));
  deleteOldSnapshots(store);
  // As a start does: nothing is installed that is no newer than what is there.
  if (store.transfer !== null && store.transfer.of.index <= meta.index) abandonTransfer(store);
}

/** What has come of it is deleted, once nothing writes to it. */
export function abandonTransfer(store: ReplicaStore): void {
  const { transfer } = store;
  if (transfer === null) return;
  store.transfer = null;
  transfer.abandoned = true;
  if (!transfer.working) startTask(store.runner, removeIfThere(transfer.path));
}

export function* removeIfThere(path: string): Task {
  yield* attempt({ kind: "remove", path }, "ENOENT");
}

/** The newest one stays, and those that transfers are being read from. */
export function deleteOldSnapshots(store: ReplicaStore): void {
  const newest = store.snapshots.at(-1);
  const old = store.snapshots.filter(
    (snapshot) => snapshot !== newest && !store.pinnedIndexes.has(snapshot.meta.index) && snapshot.reads === 0,
  );
  for (const snapshot of old) {
    store.snapshots.splice(store.snapshots.indexOf(snapshot), 1);
    startTask(store.runner, perform({ kind: "remove", path: snapshot.path }));
  }
}
