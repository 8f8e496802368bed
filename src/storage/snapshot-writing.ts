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
import { park, perform, startTask, type Task, type TaskRunner, unpark } from "./task.js";

export const TEMPORARY_SNAPSHOT = /^snapshot-new-\d+$/;

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
    checksum: 0,
    stateSlices: 0,
    stateBytes: 0,
    sessions: 0,
    keys: 0,
  };
  store.writer = writer;
  addChunks(store.runner, writer, encodeSnapshotHead(head));
  startTask(store.runner, openFile(store.runner, writer));
}

export function addStateSlice(store: ReplicaStore, bytes: Uint8Array): void {
  const { writer } = store;
  if (writer === null) return;
  writer.stateSlices += 1;
  writer.stateBytes += bytes.length;
  addChunks(store.runner, writer, encodeStateSlice(bytes));
}

export function addTableRows(store: ReplicaStore, rows: TableImage): void {
  const { writer } = store;
  if (writer !== null) addRows(store, writer, rows, encodeRows(rows));
}

function addRows(store: ReplicaStore, writer: SnapshotWriter, rows: TableImage, piece: readonly Uint8Array[]): void {
  writer.sessions += rows.sessions.length;
  writer.keys += rows.keys.length;
  addChunks(store.runner, writer, piece);
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

function* openFile(runner: TaskRunner, writer: SnapshotWriter): Task {
  yield* perform({ kind: "create", path: writer.path, sizeBytes: 0 });
  writer.opened = true;
  const { early } = writer;
  writer.early = [];
  for (const { offsetBytes, chunks } of early) startTask(runner, writeChunks(runner, writer, offsetBytes, chunks));
  unpark(runner, writer.path);
}

function addChunks(runner: TaskRunner, writer: SnapshotWriter, chunks: readonly Uint8Array[]): void {
  const { offsetBytes } = writer;
  for (const chunk of chunks) {
    writer.checksum = crc32(chunk, writer.checksum);
    writer.offsetBytes += chunk.length;
  }
  writer.unfinishedWrites += 1;
  if (writer.opened) startTask(runner, writeChunks(runner, writer, offsetBytes, chunks));
  else writer.early.push({ offsetBytes, chunks });
}

function* writeChunks(runner: TaskRunner, writer: SnapshotWriter, offsetBytes: number, chunks: readonly Uint8Array[]): Task {
  yield* perform({ kind: "write", path: writer.path, offsetBytes, chunks });
  writer.unfinishedWrites -= 1;
  unpark(runner, writer.path);
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
  addChunks(store.runner, writer, encodeSnapshotEnd(writer));
  const { checksum } = writer;
  addChunks(store.runner, writer, [encodeSnapshotChecksum(checksum)]);
  yield* settled(writer);
  yield* perform({ kind: "sync", path: writer.path });
  const { epoch, index, ageMs, generation } = writer.head;
  const meta = { epoch, index, ageMs, generation, sizeBytes: writer.offsetBytes, checksum };
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
}

/** The newest one stays, and one that a transfer is being read from. */
export function deleteOldSnapshots(store: ReplicaStore): void {
  const newest = store.snapshots.at(-1);
  const old = store.snapshots.filter(
    (snapshot) => snapshot !== newest && snapshot.meta.index !== store.pinnedIndex && snapshot.reads === 0,
  );
  for (const snapshot of old) {
    store.snapshots.splice(store.snapshots.indexOf(snapshot), 1);
    startTask(store.runner, perform({ kind: "remove", path: snapshot.path }));
  }
}
