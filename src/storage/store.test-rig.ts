import { createSimulatedDisk, performOnDisk, type SimulatedDisk } from "./simulated-disk.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import type { Entry } from "../vocabulary/entry.js";
import { clusterId, groupName, incarnation, replicaId } from "../vocabulary/ids.js";
import {
  createReplicaStore,
  type ReplicaStore,
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

/** Calls `run` with every sequence of choices in turn, up to `limit`; how many there were. */
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
    if (last === undefined || runs >= limit) return runs;
    last.value += 1;
    script = taken;
  }
}
