import type { Entry } from "../vocabulary/entry.js";
import { EPOCH_ZERO, laterEpoch, sameEpoch } from "../vocabulary/epoch.js";
import type { TableImage } from "../vocabulary/session.js";
import { decodeIdentity, encodeIdentity, IDENTITY_PATH, IDENTITY_SIZE_BYTES_MAX, identityMismatch } from "./identity-file.js";
import { recoverLog } from "./log-recovery.js";
import { damaged, type Outcome, problemFound } from "./outcome.js";
import {
  decodePromise,
  encodePromise,
  PROMISE_PATH,
  PROMISE_SLOT_SIZE_BYTES,
  type PromiseRecord,
  writePromiseSlot,
} from "./promise-file.js";
import { SEGMENT_HEAD_SIZE_BYTES, segmentIdOf } from "./segment.js";
import { scannedSnapshot, snapshotOfName } from "./snapshot-file.js";
import { scanFile, startTransfer, transferOfName } from "./snapshot-reading.js";
import { TEMPORARY_SNAPSHOT } from "./snapshot-writing.js";
import type { SnapshotMeta, StoreIdentity } from "./store-command.js";
import type { ReplicaStore } from "./store-state.js";
import { listFolder, perform, readRange, readWhole, replaceFile, type Task } from "./task.js";
import { createLog, createSegment } from "./write-ahead-log.js";

/** PROTOCOL section 7: everything that is reported is durable when it is reported. */
export function* recover(store: ReplicaStore): Task {
  const outcome = yield* recoverAll(store);
  if (outcome.ok) return;
  store.stage = "ended";
  store.results.push(outcome.damage);
}

function* recoverAll(store: ReplicaStore): Task<Outcome<null>> {
  const names = yield* listFolder();
  const identity = yield* recoverIdentity(store, names);
  if (!identity.ok) return identity;
  if (identity.value === null) return yield* beginBlank(store);
  store.identity = identity.value;
  const promise = yield* recoverPromise(store);
  if (!promise.ok) return promise;
  const snapshot = yield* recoverSnapshot(store, names);
  if (!snapshot.ok) return snapshot;
  const log = yield* recoverLog(store, identity.value, names, snapshot.value?.meta ?? null);
  if (!log.ok) return log;
  store.log = log.value.log;
  yield* recoverTransfer(store, names, snapshot.value?.meta.index ?? 0);
  open(store, identity.value, promise.value, snapshot.value, log.value.entries);
  return { ok: true, value: null };
}

type LoadedSnapshot = { readonly meta: SnapshotMeta; readonly table: TableImage };

function open(
  store: ReplicaStore,
  identity: StoreIdentity,
  record: PromiseRecord,
  snapshot: LoadedSnapshot | null,
  entries: readonly Entry[],
): void {
  store.stage = "open";
  // L4: entries of an epoch are themselves a promise.
  const promise = laterEpoch(record.promise, entries.at(-1)?.epoch ?? snapshot?.meta.epoch ?? EPOCH_ZERO);
  const { transfer } = store;
  const partial = transfer === null ? null : { ...transfer.of, offsetBytes: transfer.storedBytes };
  const { activeView, blank } = record;
  store.results.push({ kind: "recovered", blank, identity, promise, activeView, snapshot, entries, partial });
}

function* recoverIdentity(store: ReplicaStore, names: readonly string[]): Task<Outcome<StoreIdentity | null>> {
  const file = names.includes(IDENTITY_PATH) ? yield* readWhole(IDENTITY_PATH, IDENTITY_SIZE_BYTES_MAX) : null;
  if (file !== null) {
    const decoded = decodeIdentity(file.bytes);
    if (!decoded.ok) return problemFound(IDENTITY_PATH, "the identity file", { ...decoded, what: decoded.reason });
    const mismatch = identityMismatch(decoded.identity, store.config);
    return mismatch === null ? { ok: true, value: decoded.identity } : damaged(IDENTITY_PATH, mismatch);
  }
  // A folder that was being made when the process ended holds one empty segment at most.
  const lost = yield* holdsState(names);
  if (lost) return damaged(IDENTITY_PATH, "the folder holds a replica's data, but the file that says whose is missing");
  return { ok: true, value: null };
}

function* holdsState(names: readonly string[]): Task<boolean> {
  for (const name of names) {
    const id = segmentIdOf(name);
    if (snapshotOfName(name) !== null || (id !== null && id !== 1)) return true;
    if (id === null) continue;
    const { bytes } = yield* readRange(name, SEGMENT_HEAD_SIZE_BYTES, 4096);
    if (bytes.some((byte) => byte !== 0)) return true;
  }
  return false;
}

/** The identity comes last: until it is there, the folder counts as empty. */
function* beginBlank(store: ReplicaStore): Task<Outcome<null>> {
  const { clusterId, group, replica, durability, freshIncarnation } = store.config;
  const identity: StoreIdentity = { clusterId, group, replica, durability, incarnation: freshIncarnation };
  const record: PromiseRecord = { sequence: 1, promise: EPOCH_ZERO, activeView: null, blank: true };
  store.promiseSequence = 1;
  yield* perform({ kind: "create", path: PROMISE_PATH, sizeBytes: 2 * PROMISE_SLOT_SIZE_BYTES });
  const bytes = encodePromise(record);
  yield* writePromiseSlot(0, bytes);
  yield* writePromiseSlot(1, bytes);
  yield* createSegment(identity.incarnation, 1, store.segmentSizeBytes);
  yield* replaceFile(IDENTITY_PATH, [encodeIdentity(identity)]);
  store.identity = identity;
  store.log = createLog(identity.group, identity.incarnation, store.segmentSizeBytes, [{ id: 1, maxIndex: 0, outsize: false }]);
  open(store, identity, record, null, []);
  return { ok: true, value: null };
}

function* recoverPromise(store: ReplicaStore): Task<Outcome<PromiseRecord>> {
  const file = yield* readWhole(PROMISE_PATH, 2 * PROMISE_SLOT_SIZE_BYTES);
  if (file === null) return damaged(PROMISE_PATH, "the file of the promise is missing");
  const decoded = decodePromise(file.bytes);
  if (!decoded.ok) return problemFound(PROMISE_PATH, "the file of the promise", { ...decoded, what: decoded.reason });
  const { record, slot } = decoded;
  store.promiseSequence = record.sequence;
  // What was found may not have been synced: first the slot that does not hold it, so that one is whole at any moment.
  const bytes = encodePromise(record);
  yield* writePromiseSlot(slot === 0 ? 1 : 0, bytes);
  yield* writePromiseSlot(slot, bytes);
  return { ok: true, value: record };
}

function* recoverSnapshot(store: ReplicaStore, names: readonly string[]): Task<Outcome<LoadedSnapshot | null>> {
  for (const name of names) {
    if (TEMPORARY_SNAPSHOT.test(name)) store.unfinishedBytes = (yield* readRange(name, 0, 0)).fileSizeBytes;
    if (TEMPORARY_SNAPSHOT.test(name) || name.endsWith(".tmp")) yield* perform({ kind: "remove", path: name });
  }
  const found = names.filter((name) => snapshotOfName(name) !== null).sort();
  const path = found.at(-1);
  const named = path === undefined ? null : snapshotOfName(path);
  if (path === undefined || named === null) return { ok: true, value: null };
  const { fileSizeBytes } = yield* readRange(path, 0, 0);
  const scan = yield* scanFile(path, store.config.group, fileSizeBytes, store.sliceSizeBytes);
  const scanned = scannedSnapshot(scan);
  if (scanned === null) {
    const problem = { what: scan.problem ?? "it has no head", isUnsupported: scan.unsupported !== null };
    return problemFound(`${path} at offset ${scan.offsetBytes}`, "the snapshot", problem);
  }
  if (scanned.meta.index !== named.index || !sameEpoch(scanned.meta.epoch, named.epoch))
    return damaged(path, `the file holds the snapshot at ${scanned.meta.index}, not the one that its name says`);
  // Its name may not have been durable yet when the process ended.
  yield* perform({ kind: "sync", path });
  yield* perform({ kind: "sync-folder", path: "." });
  store.snapshots.push({ meta: scanned.meta, path, reads: 0 });
  for (const older of found.slice(0, -1)) yield* perform({ kind: "remove", path: older });
  return { ok: true, value: scanned };
}

/** What was received before goes on where it ended; its checksum is looked at when it is whole. */
function* recoverTransfer(store: ReplicaStore, names: readonly string[], snapshotIndex: number): Task {
  for (const name of names) {
    const of = transferOfName(name);
    if (of === null) continue;
    const { fileSizeBytes } = yield* readRange(name, 0, 0);
    if (store.transfer !== null || of.index <= snapshotIndex || fileSizeBytes > of.sizeBytes) {
      yield* perform({ kind: "remove", path: name });
      continue;
    }
    store.transfer = { ...startTransfer(of, 0), path: name, created: true, takenBytes: fileSizeBytes, storedBytes: fileSizeBytes };
  }
  for (const name of names) {
    const number = /^received-(\d+)-/.exec(name)?.[1];
    store.nextFileNumber = Math.max(store.nextFileNumber, Number(number ?? 0) + 1);
  }
}
