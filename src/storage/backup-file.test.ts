import { readFileSync, writeFileSync } from "node:fs";
import { crc32 } from "../codec/checksum.js";
import { expect, test } from "vitest";
import { clusterId, groupName, incarnation, replicaId } from "../vocabulary/ids.js";
import { type BackupRecord, decodeBackup, encodeBackup } from "./backup-file.js";
import { damageInBackup, describeBackup } from "./inspection-backup.js";

const group = groupName("bank");
const RECORD: BackupRecord = {
  clusterId: clusterId("c".repeat(32)),
  spec: {
    group,
    service: { name: "bank", hash: "d".repeat(64), path: "/data/services/bank.mjs", styles: ["active", "warm-passive"] },
    style: "active",
    replicas: 3,
    minimumReplicas: 1,
    quorum: "majority",
    durability: "disk",
    checkpointEntries: 10_000,
    handlerTimeoutMs: 5_000,
    onLoss: "wait",
  },
  view: {
    group,
    generation: 1,
    epoch: [2, 1],
    members: [{ replica: replicaId("bank-1"), incarnation: incarnation("1".repeat(32)) }],
    leader: replicaId("bank-1"),
    style: "active",
    quorum: 1,
    durability: "disk",
  },
  snapshot: { index: 7, epoch: [2, 1], sizeBytes: 300, checksum: 99 },
  takenAtMs: 1_800_000_000_000,
};
/** Written anew with TROUPE_WRITE_VECTORS=1; a backup of this format version must stay readable. */
const GOLDEN = new URL("../../test/vectors/backup-1", import.meta.url);

test("format 1 of a backup is the bytes that it was, and is still understood", () => {
  if (process.env.TROUPE_WRITE_VECTORS === "1") writeFileSync(GOLDEN, encodeBackup(RECORD));
  const golden = new Uint8Array(readFileSync(GOLDEN));
  expect(new Uint8Array(encodeBackup(RECORD))).toEqual(golden);
  expect(decodeBackup(golden)).toEqual({ ok: true, record: RECORD });
});

test("no damage is taken for a backup: every byte counts, and another version is refused in words", () => {
  const bytes = new Uint8Array(encodeBackup(RECORD));
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 16;
    expect(decodeBackup(damaged).ok).toBe(false);
  }
  for (let size = 0; size < bytes.length; size += 7) expect(decodeBackup(bytes.subarray(0, size)).ok).toBe(false);
  const newer = bytes.slice();
  new DataView(newer.buffer).setUint32(8, 2);
  new DataView(newer.buffer).setUint32(12, crc32(bytes.subarray(20), 2));
  expect(decodeBackup(newer)).toMatchObject({ ok: false, reason: expect.stringMatching(/version 2.*version 1/), isUnsupported: true });
});

test("a backup whose snapshot is missing, or another one, is told as damaged", () => {
  const bytes = new Uint8Array(encodeBackup(RECORD));
  const found = describeBackup((operation) =>
    operation.kind === "read" && operation.path === "backup"
      ? { kind: "read-done", ticket: 0, bytes, fileSizeBytes: bytes.length }
      : { kind: "failed", ticket: 0, code: "ENOENT", message: "it is not there" },
  );
  expect(damageInBackup(found)).toEqual([expect.stringContaining("snapshot-0000000000000007-2-1 at offset 0")]);
  const nothing = describeBackup(() => ({ kind: "failed", ticket: 0, code: "ENOENT", message: "it is not there" }));
  expect(damageInBackup(nothing)).toEqual([expect.stringContaining("never finished")]);
});
