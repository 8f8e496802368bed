/** What a process makes of what it finds on its disk, before it says anything (section 7, L4, S5). */
import { assert } from "../../vocabulary/assert.js";
import { compareEpochs, EPOCH_ZERO, laterEpoch, sameEpoch } from "../../vocabulary/epoch.js";
import type { Entry } from "../../vocabulary/entry.js";
import type { ReplicaEvent, SnapshotRecord } from "./event.js";
import { append, lastEpoch, lastIndex, replaceLog } from "./log.js";
import { scanForPoison } from "./poison.js";
import { createReceiving } from "./receiver.js";
import { type Replica, takeLogTime } from "./state.js";

type Recovered = Extract<ReplicaEvent, { readonly kind: "recovered" }>;

/** The entries that go on from the snapshot. A snapshot installed just before a crash may have left a log that it replaces. */
function entriesAbove(
  snapshot: SnapshotRecord | null,
  entries: readonly Entry[],
): { readonly kept: readonly Entry[]; readonly cut: boolean } {
  if (snapshot === null) return { kept: entries, cut: false };
  const at = entries.find((entry) => entry.index === snapshot.index);
  const isReplaced = at !== undefined && !sameEpoch(at.epoch, snapshot.epoch);
  if (isReplaced) return { kept: [], cut: true };
  return { kept: entries.filter((entry) => entry.index > snapshot.index), cut: false };
}

export function onRecovered(replica: Replica, event: Recovered): void {
  assert(replica.phase === "starting", "recovery", () => "recovered twice");
  const record = event.snapshot?.record ?? null;
  const { log } = replica;
  if (event.snapshot !== null && record !== null) {
    replaceLog(log, { epoch: record.epoch, index: record.index });
    replica.snapshot = record;
    replica.table = event.snapshot.table;
    replica.ageMs = record.ageMs;
    replica.generation = record.generation;
    takeLogTime(replica, record);
    replica.commitIndex = record.index;
    replica.issuedIndex = record.index;
    replica.appliedIndex = record.index;
  }
  const { kept, cut } = entriesAbove(record, event.entries);
  for (const entry of kept) {
    append(log, entry);
    scanForPoison(replica, entry);
    if (entry.body.kind === "request") replica.logTimeMs = Math.max(replica.logTimeMs, entry.body.nowMs);
  }
  log.persistedIndex = lastIndex(log);
  log.submittedIndex = lastIndex(log);
  if (cut) log.truncateAfter = log.base.index;
  // L4: an entry is a promise of its epoch.
  replica.promise = laterEpoch(laterEpoch(event.promise, lastEpoch(log)), event.activeView?.epoch ?? EPOCH_ZERO);
  replica.durablePromise = replica.promise;
  replica.activeView = event.activeView;
  const isEmpty = lastIndex(log) === 0 && compareEpochs(replica.promise, EPOCH_ZERO) === 0;
  replica.blank = event.activeView === null && event.snapshot === null && (event.blank === true || isEmpty);
  if (event.transfer !== null) {
    const { storedBytes, ...identity } = event.transfer;
    replica.receiving = createReceiving(identity, storedBytes);
  }
  replica.warmth = event.cold === true ? "cold" : "warm";
  replica.phase = "running";
  replica.reportDirty = true;
  replica.membersDirty = true;
}
