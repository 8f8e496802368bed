import { createSimulatedDisk, performOnDisk, type SimulatedDisk } from "./simulated-disk.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import type { Entry } from "../vocabulary/entry.js";
import { clusterId, groupName, incarnation, replicaId, sessionId } from "../vocabulary/ids.js";
import type { TableImage } from "../vocabulary/session.js";
import {
  createReplicaStore,
  type ReplicaStore,
  type SnapshotMeta,
  type StoreCommand,
  type StoreConfig,
  type StoreResult,
  stepStore,
} from "./replica-store.js";

export const CONFIG: StoreConfig = {
  clusterId: clusterId("c"),
  group: groupName("bank"),
  replica: replicaId("bank-1"),
  durability: "disk",
  freshIncarnation: incarnation("0".repeat(32)),
  segmentSizeBytes: 700,
  sliceSizeBytes: 64,
};

export function entryAt(index: number, term = 1, size = 20): Entry {
  return {
    index,
    epoch: [term, 1],
    ageMs: index,
    body: {
      kind: "request",
      identity: { kind: "key", key: `k${index}` },
      digest: 7,
      operation: "add",
      input: new Uint8Array(size).fill(index),
      nowMs: 1,
      seed: 2,
    },
  };
}

/** A store on a simulated disk; operations are performed one by one, so that a test can stop between any two. */
export interface Rig {
  readonly disk: SimulatedDisk;
  readonly store: ReplicaStore;
  readonly queue: DiskOperation[];
  readonly results: StoreResult[];
  performed: number;
  /** Segments that were made of former ones. */
  reused: number;
}

export function createRig(disk: SimulatedDisk = createSimulatedDisk(), config: StoreConfig = CONFIG): Rig {
  return { disk, store: createReplicaStore(config), queue: [], results: [], performed: 0, reused: 0 };
}

export function give(rig: Rig, input: StoreCommand | DiskCompletion): void {
  stepStore(rig.store, input, rig.queue, rig.results);
}

/** Performs up to `limit` operations; false when the limit stopped it with the last one performed and not yet told of. */
export function settle(
  rig: Rig,
  limit = Number.POSITIVE_INFINITY,
  fault: (operation: DiskOperation) => string | null = () => null,
): boolean {
  for (let operation = rig.queue.shift(); operation !== undefined; operation = rig.queue.shift()) {
    const completion = performOnDisk(rig.disk, operation, fault(operation));
    rig.performed += 1;
    if (operation.kind === "rename" && operation.path.startsWith("free-")) rig.reused += 1;
    if (rig.performed >= limit) return false;
    give(rig, completion);
  }
  return true;
}

export function resultsOf<K extends StoreResult["kind"]>(rig: Rig, kind: K): Extract<StoreResult, { kind: K }>[] {
  return rig.results.filter((result): result is Extract<StoreResult, { kind: K }> => result.kind === kind);
}

export function recovered(rig: Rig): Extract<StoreResult, { kind: "recovered" }> {
  give(rig, { kind: "recover" });
  settle(rig);
  const result = resultsOf(rig, "recovered")[0];
  if (result === undefined) throw new Error(`not recovered: ${JSON.stringify(rig.results)}`);
  return result;
}

/** Calls `run` with every sequence of choices in turn; how many there were. More than `limit` would not be all of them: that throws. */
export function forAllChoices(limit: number, run: (choose: (count: number) => number) => void): number {
  let script: { value: number; count: number }[] = [];
  for (let runs = 1; ; runs++) {
    let at = 0;
    const taken: { value: number; count: number }[] = [];
    run((count) => {
      const value = script[at]?.value ?? 0;
      at += 1;
      taken.push({ value, count });
      return value;
    });
    while (taken.length > 0 && (taken.at(-1)?.value ?? 0) + 1 >= (taken.at(-1)?.count ?? 0)) taken.pop();
    const last = taken.at(-1);
    if (last === undefined) return runs;
    if (runs >= limit) throw new Error(`more than ${limit} sequences of choices: a shorter run can be tried in full`);
    last.value += 1;
    script = taken;
  }
}

export const TABLE: TableImage = {
  sessions: Array.from({ length: 600 }, (_, at) => ({
    session: sessionId(1, at + 1, "ab"),
    resumption: 1,
    floor: 2,
    renewedAtAgeMs: 3,
    replies: [[at, { index: at, digest: 4, reply: { refused: false, bytes: new Uint8Array([at % 256]) } }]],
  })),
  keys: [{ key: "k", atAgeMs: 1, reply: { index: 1, digest: 2, reply: { refused: true, bytes: new Uint8Array(0) } } }],
};

export function persist(rig: Rig, from: number, to: number, term = 1, truncateAfter: number | null = null): void {
  const entries = Array.from({ length: to - from + 1 }, (_, at) => entryAt(from + at, term));
  give(rig, { kind: "persist", ticket: to, truncateAfter, entries });
  settle(rig);
}

export function takeSnapshot(
  rig: Rig,
  index: number,
  slices: readonly Uint8Array[],
  table: TableImage = { sessions: [], keys: [] },
): SnapshotMeta {
  give(rig, { kind: "begin-snapshot", index, epoch: [1, 1], ageMs: index, generation: 1, logTimeMs: 1_700_000_000_000, table });
  for (const bytes of slices) give(rig, { kind: "snapshot-slice", bytes });
  give(rig, { kind: "finish-snapshot" });
  settle(rig);
  const meta = resultsOf(rig, "snapshot-persisted").at(-1)?.meta;
  if (meta === undefined) throw new Error("no snapshot");
  return meta;
}

export function opened(disk?: SimulatedDisk, config = CONFIG): Rig {
  const rig = createRig(disk, config);
  recovered(rig);
  return rig;
}

/** All state slices of the newest snapshot. */
export function loadAll(rig: Rig): Uint8Array[] {
  give(rig, { kind: "load-state", ticket: 1 });
  settle(rig);
  while (resultsOf(rig, "state-slice").at(-1)?.last === false) {
    give(rig, { kind: "load-more", ticket: 1 });
    settle(rig);
  }
  return resultsOf(rig, "state-slice").map((result) => result.bytes);
}

export function contentOf(disk: SimulatedDisk, prefix: string): { path: string; bytes: Uint8Array } {
  for (const [path, number] of disk.names) {
    if (path.startsWith(prefix)) return { path, bytes: disk.files.get(number)?.now ?? new Uint8Array(0) };
  }
  throw new Error(`no file ${prefix}`);
}
