import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDisk, createMemoryDisk, type Disk } from "../../runtime/disk.js";
import type { DiskOperation } from "../../vocabulary/disk.js";
import { bootId, clusterId, groupName } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import { type ControlContent, emptyContent } from "../core/content.js";
import { encodeControl } from "../../storage/control-file.js";
import { openEmbeddedStore, StoreUnsupported } from "./embedded-store.js";

/** A disk behind others can take its time. */
const SOON = { timeout: 20_000 };

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
      leaderEnds: [],
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
  const disk = createDisk(folder);
  const store = await openEmbeddedStore(disk);
  await store.swap(0, FIRST);
  const [path, copy] = [join(folder, "control"), join(folder, "control.copy")];
  await vi.waitFor(() => expect(readFileSync(copy)).toEqual(readFileSync(path)), SOON);
  const bytes = readFileSync(path);
  const recordBytes = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const open = () => openEmbeddedStore(createDisk(folder));
  for (const at of [0, 9, recordBytes >> 1, recordBytes - 1]) {
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    writeFileSync(path, damaged);
    writeFileSync(copy, damaged);
    await expect(open()).rejects.toThrow("cannot be used");
    // Of one of them it loses nothing.
    writeFileSync(path, bytes);
    expect(await (await open()).read()).toEqual({ revision: 1, content: FIRST });
    writeFileSync(path, damaged);
    writeFileSync(copy, bytes);
    expect(await (await open()).read()).toEqual({ revision: 1, content: FIRST });
  }
  rmSync(copy);
  writeFileSync(path, bytes.subarray(0, 20));
  await expect(open()).rejects.toThrow("cannot be used");
});

test("what another release wrote is told from damage, as what a recovery must not replace either", async () => {
  const head = { ...FIRST, revision: 1, groups: undefined };
  const contents: [string, unknown][][] = [
    [["head", { ...head, formatVersion: 2 }]],
    [
      ["head", head],
      ["lease/x", 1],
    ],
  ];
  for (const content of contents) {
    writeFileSync(join(folder, "control"), encodeControl(new Map(content)));
    await expect(openEmbeddedStore(createDisk(folder))).rejects.toThrow(StoreUnsupported);
  }
});

/** A disk on which a place of these files cannot be read any more. */
function worn(disk: Disk, ...paths: readonly string[]): Disk {
  return {
    submit(operation, done) {
      if (operation.kind !== "read" || !paths.includes(operation.path)) return disk.submit(operation, done);
      setImmediate(() => done({ kind: "failed", ticket: operation.ticket, code: "EIO", message: "EIO: i/o error, read" }));
    },
  };
}

test("a file that cannot be read any more is damage like any other: with the other one nothing is lost", async () => {
  await (await openEmbeddedStore(createDisk(folder))).swap(0, FIRST);
  const [path, copy] = [join(folder, "control"), join(folder, "control.copy")];
  await vi.waitFor(() => expect(readFileSync(copy)).toEqual(readFileSync(path)), SOON);
  for (const one of ["control", "control.copy"]) {
    const store = await openEmbeddedStore(worn(createDisk(folder), one));
    expect(await store.read()).toEqual({ revision: 1, content: FIRST });
  }
  // Of both, it may pass: what the system says is handed on.
  await expect(openEmbeddedStore(worn(createDisk(folder), "control", "control.copy"))).rejects.toMatchObject({ code: "EIO" });
});

test("section 7: an error of the copy ends the Replication Manager, too, and not only when it has something to write next", async () => {
  const disk = createMemoryDisk();
  let failing = false;
  const failed = vi.fn();
  const store = await openEmbeddedStore(
    {
      submit(operation, done) {
        if (!failing || operation.kind !== "sync" || operation.path !== "control.copy") return disk.submit(operation, done);
        setImmediate(() => done({ kind: "failed", ticket: operation.ticket, code: "EIO", message: "EIO: i/o error, fdatasync" }));
      },
    },
    failed,
  );
  await store.swap(0, FIRST);
  failing = true;
  expect(await store.swap(1, { ...FIRST, hosts: [] })).toMatchObject({ kind: "swapped" });
  await vi.waitFor(() => expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: "EIO" })), SOON);
});

/** A disk that ends after a number of operations, as a crash does; of a write that is the last one only a part arrives. */
function mortal(disk: Disk, operations: number): Disk {
  let left = operations;
  return {
    submit(operation, done) {
      left -= 1;
      if (left > 0) disk.submit(operation, done);
      else if (left === 0) disk.submit(torn(operation), done);
    },
  };
}

function torn(operation: DiskOperation): DiskOperation {
  if (operation.kind !== "write") return operation;
  return { ...operation, chunks: operation.chunks.map((chunk) => chunk.subarray(0, chunk.length >> 1)) };
}

const THIRD: ControlContent = { ...SECOND, detectors: { ...SECOND.detectors, lfd: { heartbeatIntervalMs: 30, suspicionTimeoutMs: 300 } } };
const [TURN, OPERATIONS_MAX] = [5, 40];

test("section 7: a crash at any operation leaves a content that was written, and none older than the last one that was acknowledged", async () => {
  const seen = new Set<number>();
  for (let operations = 1; operations < OPERATIONS_MAX; operations++) {
    const disk = createMemoryDisk();
    await (await openEmbeddedStore(disk)).swap(0, FIRST);
    for (let turn = 0; turn < TURN; turn++) await new Promise((resolve) => setImmediate(resolve));
    let acknowledged = 1;
    const write = async (): Promise<void> => {
      const store = await openEmbeddedStore(mortal(disk, operations));
      for (const content of [SECOND, THIRD, SECOND]) {
        await store.swap(acknowledged, content);
        acknowledged += 1;
      }
    };
    void write();
    for (let turn = 0; turn < TURN * OPERATIONS_MAX; turn++) await new Promise((resolve) => setImmediate(resolve));
    const { revision, content } = await (await openEmbeddedStore(disk)).read();
    expect(content).toEqual([FIRST, SECOND, THIRD, SECOND][revision - 1]);
    expect([acknowledged, acknowledged + 1]).toContain(revision);
    seen.add(revision);
  }
  expect([...seen]).toEqual([1, 2, 3, 4]);
});

test("section 7: the term goes to new files, synced before they are renamed; what follows is written in place, and is durable with one sync", async () => {
  const seen: string[] = [];
  const disk = createMemoryDisk();
  const store = await openEmbeddedStore({
    submit(operation, done) {
      seen.push(`${operation.kind} ${operation.path}`);
      disk.submit(operation, done);
    },
  });
  await store.swap(0, FIRST);
  expect(seen.slice(seen.indexOf("write control.tmp"), seen.indexOf("sync-folder .") + 1)).toEqual([
    "write control.tmp",
    "sync control.tmp",
    "rename control.tmp",
    "sync-folder .",
  ]);
  await vi.waitFor(() => expect(seen.filter((one) => one === "sync-folder .")).toHaveLength(2), SOON);
  seen.length = 0;
  await store.swap(1, { ...FIRST, hosts: [] });
  expect(seen.slice(0, 2)).toEqual(["write control", "sync control"]);
  await vi.waitFor(() => expect(seen.slice(2)).toEqual(["write control.copy", "sync control.copy"]), SOON);
});
