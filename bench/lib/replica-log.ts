import { encodeValue } from "../../src/codec/value.js";
import { createDisk } from "../../src/runtime/disk.js";
import { openReplicaDisk, type ReplicaDisk } from "../../src/server/shell/replica-disk.js";
import type { StoreResult } from "../../src/storage/store-command.js";
import type { Entry } from "../../src/vocabulary/entry.js";
import { clusterId, groupName, incarnation, replicaId, sessionId } from "../../src/vocabulary/ids.js";

/** The store of one replica of `kv`, without the replica. */
export function openLog(folder: string, onResult: (result: StoreResult) => void): ReplicaDisk {
  const identity = {
    clusterId: clusterId("0".repeat(32)),
    group: groupName("kv"),
    replica: replicaId("kv-1"),
    durability: "disk" as const,
    freshIncarnation: incarnation("1".repeat(32)),
  };
  return openReplicaDisk(identity, createDisk(folder), () => performance.now(), onResult);
}

/** A put as clients send it. */
export function putEntry(index: number, input: Uint8Array): Entry {
  return {
    index,
    epoch: [1, 1],
    ageMs: index,
    body: {
      kind: "request",
      identity: { kind: "session", session: sessionId(1, 1, "0123456789abcdef01234567"), resumption: 0, sequence: index, floor: index },
      digest: 1,
      operation: "put",
      input,
      nowMs: 1_700_000_000_000,
      seed: 1,
    },
  };
}

/** One key and a value of this size. */
export function putInput(key: number, sizeBytes: number): Uint8Array {
  return encodeValue({ key: `key-${key}`, value: "v".repeat(sizeBytes) });
}
