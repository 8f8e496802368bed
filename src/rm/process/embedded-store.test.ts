import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDisk, createMemoryDisk, type Disk } from "../../runtime/disk.js";
import type { DiskOperation } from "../../vocabulary/disk.js";
import { bootId, clusterId, groupName } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import { type ControlContent, emptyContent } from "../core/content.js";
import { openEmbeddedStore } from "./embedded-store.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "control-store-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const EMPTY = emptyContent(clusterId("c".repeat(32)), bootId("1".repeat(32)), { lfd: DEFAULTS.lfd, gfd: DEFAULTS.gfd });
const FIRST: ControlContent = { ...EMPTY, term: 1 };
const SECOND: ControlContent = {
  ...FIRST,
  hosts: [],
  groups: [
    {
      spec: {
        group: groupName("bank"),
        service: { name: "bank", hash: "a", path: "/a", styles: ["active"] },
        style: "active",
        replicas: 3,
        minimumReplicas: 1,
        quorum: "majority",
        durability: "disk",
        checkpointEntries: 10,
        handlerTimeoutMs: 10,
        onLoss: "wait",
      },
      activeView: null,
      founders: [],
      replicas: [],
      nextReplicaNumber: 1,
    },
  ],
};

test("what was swapped in is there after a restart, under its revision", async () => {
  const store = await openEmbeddedStore(createDisk(folder));
  expect(await store.read()).toEqual({ revision: 0, content: null });
  expect(await store.swap(0, FIRST)).toEqual({ kind: "swapped", revision: 1 });
  expect(await store.swap(1, SECOND)).toEqual({ kind: "swapped", revision: 2 });
  const again = await openEmbeddedStore(createDisk(folder));
  expect(await again.read()).toEqual({ revision: 2, content: SECOND });
});

test("S1c: a swap from another revision, or of a term that is not held, is refused and changes nothing", async () => {
  const store = await openEmbeddedStore(createDisk(folder));
  await store.swap(0, FIRST);
  expect(await store.swap(0, SECOND)).toMatchObject({ kind: "refused" });
  expect(await store.swap(1, { ...SECOND, owner: bootId("2".repeat(32)) })).toMatchObject({ kind: "refused" });
  expect(await store.read()).toEqual({ revision: 1, content: FIRST });
});

test("damage is named, and never taken for an empty store", async () => {
  const store = await openEmbeddedStore(createDisk(folder));
  await store.swap(0, FIRST);
  const path = join(folder, "control");
  const bytes = readFileSync(path);
  for (const at of [0, 9, bytes.length >> 1, bytes.length - 1]) {
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    writeFileSync(path, damaged);
    await expect(openEmbeddedStore(createDisk(folder))).rejects.toThrow("cannot be used");
  }
  writeFileSync(path, bytes.subarray(0, 20));
  await expect(openEmbeddedStore(createDisk(folder))).rejects.toThrow("cannot be used");
});

/** A disk that ends after a number of operations, as a crash does. */
function mortal(disk: Disk, operations: number): Disk {
  let left = operations;
  return {
    submit(operation, done) {
      left -= 1;
      if (left >= 0) disk.submit(operation, done);
    },
  };
}

test("section 7: a crash at any operation of a write leaves the content before it or the content after it", async () => {
  const seen = new Set<number>();
  for (let operations = 1; operations < 20; operations++) {
    const disk = createMemoryDisk();
    await (await openEmbeddedStore(disk)).swap(0, FIRST);
    const store = await openEmbeddedStore(mortal(disk, operations));
    const ended = await Promise.race([store.swap(1, SECOND), new Promise((resolve) => setImmediate(() => setImmediate(resolve)))]);
    const { revision, content } = await (await openEmbeddedStore(disk)).read();
    expect(content).toEqual(revision === 1 ? FIRST : SECOND);
    seen.add(revision);
    if (ended !== undefined) break;
  }
  expect([...seen]).toEqual([1, 2]);
});

test("section 7: the file is synced before it is renamed, and the folder after", async () => {
  const kinds: DiskOperation["kind"][] = [];
  const disk = createMemoryDisk();
  const store = await openEmbeddedStore({
    submit(operation, done) {
      kinds.push(operation.kind);
      disk.submit(operation, done);
    },
  });
  await store.swap(0, FIRST);
  expect(kinds.slice(kinds.indexOf("write"))).toEqual(["write", "sync", "rename", "sync-folder"]);
});
