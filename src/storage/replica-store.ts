import { assert, unreachable } from "../vocabulary/assert.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import { encodePromise, PROMISE_SLOT_SIZE_BYTES, type PromiseRecord, writePromiseSlot } from "./promise-file.js";
import { recover } from "./recovery.js";
import { installReceived, loadMore, loadState, readSnapshot, receiveSlice, releaseSnapshots } from "./snapshot-reading.js";
import { abortSnapshot, addStateSlice, addTableRows, beginSnapshot, finishSnapshot } from "./snapshot-writing.js";
import type { StoreCommand, StoreResult } from "./store-command.js";
import type { ReplicaStore } from "./store-state.js";
import { completeTask, startTask, type Task } from "./task.js";
import { appendToLog, dropLog } from "./write-ahead-log.js";

export type { SnapshotMeta, StoreCommand, StoreConfig, StoreResult } from "./store-command.js";
export { createReplicaStore, type ReplicaStore } from "./store-state.js";

/**
 * Takes one command or one completion; what the disk shall do and what the store says is added to the arrays. Operations of one step may be
 * performed in any order. After `damaged` or `failed` the store does nothing any more.
 */
export function stepStore(
  store: ReplicaStore,
  input: StoreCommand | DiskCompletion,
  operations: DiskOperation[],
  results: StoreResult[],
): void {
  if (store.stage === "ended") return;
  switch (input.kind) {
    case "done":
    case "listed":
    case "read-done":
    case "failed":
      completeTask(store.runner, input);
      break;
    default:
      take(store, input);
  }
  results.push(...store.results);
  store.results = [];
  const { failure } = store.runner;
  if (failure === null) operations.push(...store.runner.operations);
  else {
    store.stage = "ended";
    results.push({ kind: "failed", ...failure });
  }
  store.runner.operations = [];
}

function take(store: ReplicaStore, command: StoreCommand): void {
  if (command.kind === "recover") {
    assert(store.stage === "new", "store", () => "recover is the first command, and given once");
    store.stage = "recovering";
    startTask(store.runner, recover(store));
    return;
  }
  assert(store.stage === "open" && store.log !== null, "store", () => `${command.kind} before the store has recovered`);
  switch (command.kind) {
    case "persist": {
      const { ticket, truncateAfter, entries } = command;
      const done = (): void => {
        store.results.push({ kind: "persisted", ticket });
      };
      const cut = truncateAfter === null ? ({ kind: "none" } as const) : ({ kind: "truncate", afterIndex: truncateAfter } as const);
      return appendToLog(store.runner, store.log, { cut, entries, done });
    }
    case "persist-promise":
      store.promises.push(command);
      if (store.promising) return;
      store.promising = true;
      return startTask(store.runner, writePromises(store));
    case "begin-snapshot": {
      const { index, epoch, ageMs, generation, logTimeMs, table } = command;
      return beginSnapshot(store, { group: store.config.group, index, epoch, ageMs, generation, logTimeMs }, table);
    }
    case "snapshot-slice":
      return addStateSlice(store, command.bytes);
    case "snapshot-table":
      return addTableRows(store, command.rows);
    case "finish-snapshot":
      return finishSnapshot(store);
    case "abort-snapshot":
      return abortSnapshot(store);
    case "read-snapshot":
      return readSnapshot(store, command);
    case "release-snapshots":
      return releaseSnapshots(store, command.exceptIndexes);
    case "receive-slice":
      return receiveSlice(store, command);
    case "install-received":
      return installReceived(store, command.ticket, command.keepLog);
    case "drop-log":
      // Never beyond what a published snapshot holds, whatever is asked for.
      return dropLog(store.runner, store.log, Math.min(command.throughIndex, store.snapshots.at(-1)?.meta.index ?? 0));
    case "load-state":
      return loadState(store, command.ticket);
    case "load-more":
      return loadMore(store, command.ticket);
    default:
      return unreachable(command);
  }
}

/** A snapshot of nothing, and what a file system keeps for itself. */
const ROOM_BYTES_MIN = 1024 * 1024;

/**
 * What the disk must have free for the next segment and the next snapshot: that will be about as large as the last one, and larger by some
 * than one which ran out of room. One that is being received needs the rest of its own size first, and when it is installed, the old one
 * goes, and the next is as large as it.
 */
export function roomNeededBytes({ log, segmentSizeBytes, snapshots, transfer, unfinishedBytes }: ReplicaStore): number {
  const isReady = log !== null && (log.spareId !== null || log.freeIds.length > 0);
  const lastBytes = snapshots.at(-1)?.meta.sizeBytes ?? 0;
  const nextBytes = Math.max(lastBytes, Math.ceil(unfinishedBytes * 1.25), ROOM_BYTES_MIN);
  const { sizeBytes } = transfer?.of ?? { sizeBytes: 0 };
  const receivedBytes = transfer === null ? 0 : sizeBytes - transfer.storedBytes + Math.max(0, sizeBytes - lastBytes);
  return (isReady ? 0 : segmentSizeBytes) + Math.max(nextBytes, receivedBytes);
}

/** The newest promise is the one that counts: what waits together is written together. */
function* writePromises(store: ReplicaStore): Task {
  for (let newest = store.promises.at(-1); newest !== undefined; newest = store.promises.at(-1)) {
    const taken = store.promises.splice(0);
    const { promise, activeView, blank } = newest;
    store.promiseSequence += 1;
    const record: PromiseRecord = { sequence: store.promiseSequence, promise, activeView, blank };
    const bytes = encodePromise(record);
    assert(bytes.length <= PROMISE_SLOT_SIZE_BYTES, "store", () => "a promise is larger than its slot");
    yield* writePromiseSlot(0, bytes);
    for (const { ticket } of taken) store.results.push({ kind: "promise-persisted", ticket });
    yield* writePromiseSlot(1, bytes);
  }
  store.promising = false;
}
