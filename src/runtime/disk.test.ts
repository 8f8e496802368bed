import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createReplicaStore, type StoreCommand, type StoreResult, stepStore } from "../storage/replica-store.js";
import { CONFIG, entryAt } from "../storage/store.test-rig.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import { bootId } from "../vocabulary/ids.js";
import { readAddress, writeAddress } from "./address-file.js";
import { createDisk, createMemoryDisk, type Disk } from "./disk.js";
import { lockFolder } from "./folder-lock.js";

const folders: string[] = [];
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "troupe-disk-"));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Request = DiskOperation extends infer O ? (O extends DiskOperation ? Omit<O, "ticket"> : never) : never;
const submit = (disk: Disk, request: Request): Promise<DiskCompletion> =>
  new Promise((resolve) => disk.submit({ ...request, ticket: 1 }, resolve));

/** Gives commands to a store on a disk and waits until the disk is quiet. */
function runStore(disk: Disk, commands: readonly StoreCommand[]): Promise<StoreResult[]> {
  const store = createReplicaStore({ ...CONFIG, segmentSizeBytes: 4096 });
  const results: StoreResult[] = [];
  const left = [...commands];
  return new Promise((resolve) => {
    let unfinished = 0;
    const feed = (input: StoreCommand | DiskCompletion): void => {
      const operations: DiskOperation[] = [];
      stepStore(store, input, operations, results);
      unfinished += operations.length;
      for (const operation of operations)
        disk.submit(operation, (completion) => {
          unfinished -= 1;
          feed(completion);
        });
      if (unfinished > 0) return;
      const next = left.shift();
      if (next === undefined) resolve(results);
      else feed(next);
    };
    const first = left.shift();
    if (first !== undefined) feed(first);
  });
}

describe.each([["real", () => createDisk(join(makeFolder(), "data"))] as const, ["in memory", createMemoryDisk] as const])(
  "a disk: %s",
  (_name, make) => {
    it("does what the operations say", async () => {
      const disk = make();
      expect(await submit(disk, { kind: "create", path: "a", sizeBytes: 10 })).toEqual({ kind: "done", ticket: 1 });
      await submit(disk, { kind: "write", path: "a", offsetBytes: 8, chunks: [new Uint8Array([1, 2]), new Uint8Array([3])] });
      await submit(disk, { kind: "sync", path: "a" });
      const bytes = new Uint8Array([0, 1, 2, 3]);
      expect(await submit(disk, { kind: "read", path: "a", offsetBytes: 7, sizeBytes: 99 })).toEqual({
        kind: "read-done",
        ticket: 1,
        bytes,
        fileSizeBytes: 11,
      });
      await submit(disk, { kind: "truncate", path: "a", sizeBytes: 9 });
      await submit(disk, { kind: "rename", path: "a", toPath: "b" });
      await submit(disk, { kind: "sync-folder", path: "." });
      expect(await submit(disk, { kind: "list", path: "." })).toEqual({ kind: "listed", ticket: 1, names: ["b"] });
      expect(await submit(disk, { kind: "read", path: "a", offsetBytes: 0, sizeBytes: 1 })).toMatchObject({
        kind: "failed",
        code: "ENOENT",
      });
      expect(await submit(disk, { kind: "read", path: "b", offsetBytes: 0, sizeBytes: 99 })).toMatchObject({ fileSizeBytes: 9 });
      await submit(disk, { kind: "remove", path: "b" });
      expect(await submit(disk, { kind: "remove", path: "b" })).toMatchObject({ kind: "failed", code: "ENOENT" });
    });

    it("carries a replica's store over a restart", async () => {
      const disk = make();
      const entries = Array.from({ length: 50 }, (_, at) => entryAt(at + 1, 1, 300));
      const results = await runStore(disk, [
        { kind: "recover" },
        ...entries.map((entry): StoreCommand => ({ kind: "persist", ticket: entry.index, truncateAfter: null, entries: [entry] })),
        {
          kind: "begin-snapshot",
          index: 30,
          epoch: [1, 1],
          ageMs: 3,
          generation: 1,
          logTimeMs: 1_700_000_000_000,
          table: { sessions: [], keys: [] },
        },
        { kind: "snapshot-slice", bytes: new Uint8Array(1000).fill(3) },
        { kind: "finish-snapshot" },
        { kind: "drop-log", throughIndex: 30 },
      ]);
      expect(results.filter((result) => result.kind === "persisted").length).toBe(50);
      const again = await runStore(disk, [{ kind: "recover" }, { kind: "load-state", ticket: 7 }]);
      expect(again[0]).toMatchObject({ kind: "recovered", blank: true, snapshot: { meta: { index: 30 } } });
      expect(again[0]?.kind === "recovered" && again[0].entries.map((entry) => entry.index)).toEqual(
        entries.slice(30).map((entry) => entry.index),
      );
      expect(again[1]).toMatchObject({ kind: "state-slice", ticket: 7, last: true, bytes: new Uint8Array(1000).fill(3) });
    });
  },
);

describe("files and folders", () => {
  it("are readable by their owner only, and no path leads out", async () => {
    const folder = join(makeFolder(), "data");
    const disk = createDisk(folder);
    await submit(disk, { kind: "create", path: "a", sizeBytes: 1 });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o600);
    for (const path of ["../b", "/etc/passwd", "a/../../b", "a\0b"])
      expect(await submit(disk, { kind: "create", path, sizeBytes: 1 })).toMatchObject({ kind: "failed", code: "EINVAL" });
  });

  it("a locked folder names its holder, and is free again after release", async () => {
    const folder = makeFolder();
    const lock = await lockFolder(folder);
    await expect(lockFolder(`${folder}/.`)).rejects.toThrow(new RegExp(`in use by process ${process.pid}`));
    await lock.release();
    await (await lockFolder(folder)).release();
  });

  it("an address is read as it was written, and anything else is none", () => {
    const folder = makeFolder();
    expect(readAddress(folder, "lfd")).toBeNull();
    const record = { host: "127.0.0.1", port: 4000, pid: 7, startTime: 99, bootId: bootId("b") };
    writeAddress(folder, "lfd", record);
    expect(readAddress(folder, "lfd")).toEqual(record);
  });
});
