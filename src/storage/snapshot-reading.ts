import { sameEpoch } from "../vocabulary/epoch.js";
import type { GroupName } from "../vocabulary/ids.js";
import { feedSnapshotScan, type SnapshotScan, scannedSnapshot, startSnapshotScan } from "./snapshot-file.js";
import { abandonTransfer, abortSnapshot, deleteOldSnapshots, publishSnapshot, removeIfThere, SYNC_STEP_BYTES } from "./snapshot-writing.js";
import type { StoreCommand } from "./store-command.js";
import type { PublishedSnapshot, ReplicaStore, SnapshotLoad, SnapshotTransfer } from "./store-state.js";
import { park, perform, readRange, startTask, type Task, unpark } from "./task.js";
import { appendToLog } from "./write-ahead-log.js";

export function transferPath(fileNumber: number, of: SnapshotTransfer["of"]): string {
  return `received-${fileNumber}-${of.index}-${of.epoch[0]}-${of.epoch[1]}-${of.sizeBytes}-${of.checksum}`;
}

export function transferOfName(name: string): SnapshotTransfer["of"] | null {
  const match = /^received-\d+-(\d+)-(\d+)-(\d+)-(\d+)-(\d+)$/.exec(name);
  if (match === null) return null;
  const [index = 0, term = 0, counter = 0, sizeBytes = 0, checksum = 0] = match.slice(1).map(Number);
  return { index, epoch: [term, counter], sizeBytes, checksum };
}

/** So much of the session table is decoded in one turn of the event loop. */
const ROWS_SIZE_BYTES = 32 * 1024;

/** Reads a whole file through a scan, in slices. A code that is tolerated is a problem of the file. */
export function* scanFile(
  path: string,
  group: GroupName,
  sizeBytes: number,
  sliceSizeBytes: number,
  ...tolerates: string[]
): Task<SnapshotScan> {
  const scan = startSnapshotScan(group, sizeBytes);
  const room = new Uint8Array(Math.min(sliceSizeBytes, sizeBytes));
  for (let readBytes = 0; scan.problem === null && !scan.whole; ) {
    const pieceSizeBytes = scan.isInState ? sliceSizeBytes : Math.min(sliceSizeBytes, ROWS_SIZE_BYTES);
    const { bytes, fileSizeBytes } = yield* readRange(path, readBytes, pieceSizeBytes, room, ...tolerates);
    readBytes += bytes.length;
    if (fileSizeBytes === 0 && sizeBytes > 0) scan.problem = "it cannot be read";
    else feedSnapshotScan(scan, bytes, () => {});
  }
  return scan;
}

export function readSnapshot(store: ReplicaStore, command: Extract<StoreCommand, { kind: "read-snapshot" }>): void {
  const snapshot = store.snapshots.find((published) => published.meta.index === command.index);
  if (snapshot === undefined) {
    store.results.push({ kind: "snapshot-missing", ticket: command.ticket, index: command.index });
    return;
  }
  store.pinnedIndexes.add(command.index);
  deleteOldSnapshots(store);
  startTask(store.runner, readPart(store, snapshot, command));
}

function* readPart(store: ReplicaStore, snapshot: PublishedSnapshot, command: Extract<StoreCommand, { kind: "read-snapshot" }>): Task {
  const { ticket, index, offsetBytes } = command;
  snapshot.reads += 1;
  const { bytes } = yield* readRange(snapshot.path, offsetBytes, command.sizeBytes);
  snapshot.reads -= 1;
  store.results.push({ kind: "snapshot-read", ticket, index, offsetBytes, bytes });
  deleteOldSnapshots(store);
}

export function releaseSnapshots(store: ReplicaStore, exceptIndexes: readonly number[]): void {
  for (const index of store.pinnedIndexes) if (!exceptIndexes.includes(index)) store.pinnedIndexes.delete(index);
  deleteOldSnapshots(store);
}

export function receiveSlice(store: ReplicaStore, command: Extract<StoreCommand, { kind: "receive-slice" }>): void {
  const { snapshotEpoch: epoch, snapshotIndex: index, sizeBytes, checksum, offsetBytes, bytes, ticket } = command;
  let { transfer } = store;
  // From the beginning once more: of what is there the caller knows nothing, and its slices may be cut otherwise.
  const isAnew = offsetBytes === 0 && transfer !== null && transfer.takenBytes > 0;
  if (transfer === null || isAnew || !isOf(transfer, command)) {
    abandonTransfer(store);
    transfer = startTransfer({ index, epoch, sizeBytes, checksum }, store.nextFileNumber++);
    store.transfer = transfer;
  }
  if (offsetBytes !== transfer.takenBytes || offsetBytes + bytes.length > sizeBytes) {
    store.results.push({ kind: "slice-stored", ticket, index, offsetBytes: transfer.storedBytes });
    return;
  }
  transfer.queue.push({ ticket, offsetBytes, bytes });
  transfer.takenBytes += bytes.length;
  if (transfer.working) return;
  transfer.working = true;
  startTask(store.runner, storeSlices(store, transfer));
}

export function startTransfer(of: SnapshotTransfer["of"], fileNumber: number): SnapshotTransfer {
  const path = transferPath(fileNumber, of);
  return { path, of, queue: [], takenBytes: 0, storedBytes: 0, syncedBytes: 0, created: false, working: false, abandoned: false };
}

function isOf(transfer: SnapshotTransfer, command: Extract<StoreCommand, { kind: "receive-slice" }>): boolean {
  const { of } = transfer;
  const same = of.index === command.snapshotIndex && of.sizeBytes === command.sizeBytes && of.checksum === command.checksum;
  return same && sameEpoch(of.epoch, command.snapshotEpoch);
}

function* storeSlices(store: ReplicaStore, transfer: SnapshotTransfer): Task {
  const { path, queue, of } = transfer;
  if (!transfer.created) yield* perform({ kind: "create", path, sizeBytes: 0 });
  transfer.created = true;
  for (let slice = queue.shift(); slice !== undefined && !transfer.abandoned; slice = queue.shift()) {
    yield* perform({ kind: "write", path, offsetBytes: slice.offsetBytes, chunks: [slice.bytes] });
    transfer.storedBytes = slice.offsetBytes + slice.bytes.length;
    if (transfer.storedBytes - transfer.syncedBytes >= SYNC_STEP_BYTES) {
      if (!(yield* syncReceived(store, path))) return;
      transfer.syncedBytes = transfer.storedBytes;
    }
    store.results.push({ kind: "slice-stored", ticket: slice.ticket, index: of.index, offsetBytes: transfer.storedBytes });
  }
  transfer.working = false;
  if (transfer.abandoned) yield* removeIfThere(path);
}

const SYNC_FAILURES = ["EIO", "ENOSPC", "EDQUOT", "EROFS"];

/**
 * S5e: a file whose sync failed is not trusted after. Its next sync would succeed, and what the kernel still has in memory would look whole
 * to a next life, which resumes a transfer by the size of its file: so it is deleted before the store fails.
 */
function* syncReceived(store: ReplicaStore, path: string): Task<boolean> {
  const synced = yield { request: { kind: "sync", path }, tolerates: SYNC_FAILURES };
  if (synced.kind !== "failed") return true;
  yield* removeIfThere(path);
  store.runner.failure = { code: synced.code, message: synced.message };
  return false;
}

export function installReceived(store: ReplicaStore, ticket: number, keepLog: boolean): void {
  const { transfer } = store;
  if (transfer === null || transfer.working || transfer.storedBytes !== transfer.of.sizeBytes) {
    store.results.push({ kind: "install-refused", ticket, reason: "no snapshot has been received whole" });
    return;
  }
  store.transfer = null;
  abortSnapshot(store);
  startTask(store.runner, install(store, transfer, ticket, keepLog));
}

/** What a peer sent is input: nothing of it counts before all of it is verified. */
function* install(store: ReplicaStore, transfer: SnapshotTransfer, ticket: number, keepLog: boolean): Task {
  const { path, of } = transfer;
  if (!(yield* syncReceived(store, path))) return;
  // What cannot be read here can be asked for again; every start would end at it.
  const scan = yield* scanFile(path, store.config.group, of.sizeBytes, store.sliceSizeBytes, "EIO");
  const scanned = scannedSnapshot(scan);
  const asAnnounced =
    scanned !== null && scanned.meta.index === of.index && sameEpoch(scanned.meta.epoch, of.epoch) && scanned.meta.checksum === of.checksum;
  if (scanned === null || !asAnnounced) {
    yield* removeIfThere(path);
    const reason = scan.problem ?? "it is not the snapshot that was announced";
    store.results.push({ kind: "install-refused", ticket, reason: `the received snapshot is refused: ${reason}` });
    return;
  }
  yield* publishSnapshot(store, path, scanned.meta);
  if (!keepLog) yield* resetLog(store, of.index, `install-${ticket}`);
  store.results.push({ kind: "installed", ticket, meta: scanned.meta, table: scanned.table });
}

function* resetLog(store: ReplicaStore, afterIndex: number, name: string): Task {
  if (store.log === null) return;
  let durable = false;
  const done = (): void => {
    durable = true;
    unpark(store.runner, name);
  };
  appendToLog(store.runner, store.log, { cut: { kind: "reset", afterIndex }, entries: [], done });
  while (!durable) yield* park(name);
}

export function loadState(store: ReplicaStore, ticket: number): void {
  const snapshot = store.snapshots.at(-1);
  if (store.load !== null) store.load.snapshot.reads -= 1;
  store.load = null;
  if (snapshot === undefined) {
    store.results.push({ kind: "state-slice", ticket, bytes: new Uint8Array(0), last: true });
    return;
  }
  snapshot.reads += 1;
  const room = new Uint8Array(Math.min(store.sliceSizeBytes, snapshot.meta.sizeBytes));
  store.load = { snapshot, scan: startSnapshotScan(store.config.group, snapshot.meta.sizeBytes, false), room, slices: [], readBytes: 0 };
  loadMore(store, ticket);
}

export function loadMore(store: ReplicaStore, ticket: number): void {
  if (store.load !== null) startTask(store.runner, loadNext(store, store.load, ticket));
}

/** Reads on until it is known whether a slice is the last one. */
function* loadNext(store: ReplicaStore, load: SnapshotLoad, ticket: number): Task {
  const { scan, slices, snapshot } = load;
  while (slices.length < 2 && !scan.whole) {
    const { bytes } = yield* readRange(snapshot.path, load.readBytes, store.sliceSizeBytes, load.room);
    load.readBytes += bytes.length;
    feedSnapshotScan(scan, bytes, (slice) => slices.push(slice.slice()));
    if (scan.problem === null) continue;
    store.runner.failure = { code: "EIO", message: `${snapshot.path} was whole before and is damaged now: ${scan.problem}` };
    return;
  }
  const slice = slices.shift() ?? new Uint8Array(0);
  const last = slices.length === 0;
  if (last && store.load === load) {
    snapshot.reads -= 1;
    store.load = null;
    deleteOldSnapshots(store);
  }
  store.results.push({ kind: "state-slice", ticket, bytes: slice, last });
}
