import { describe, expect, it } from "vitest";
import { replicaId } from "../vocabulary/ids.js";
import type { View } from "../vocabulary/view.js";
import { describeFile, describeFolder, fileKindOf, type Look } from "./inspection.js";
import { MARK_SIZE_BYTES } from "./segment.js";
import { createSimulatedDisk, performOnDisk, type SimulatedDisk } from "./simulated-disk.js";
import { CONFIG, createRig, entryAt, give, recovered, resultsOf, type Rig, settle } from "./store.test-rig.js";

const VIEW: View = {
  group: CONFIG.group,
  generation: 1,
  epoch: [1, 1],
  members: [{ replica: replicaId("bank-1"), incarnation: CONFIG.freshIncarnation }],
  leader: replicaId("bank-1"),
  style: "active",
  quorum: 1,
  durability: "disk",
};

/** Two segments and a bit of a third, a snapshot at 3, a promise. */
function playedRig(): Rig {
  const rig = createRig();
  recovered(rig);
  give(rig, { kind: "persist-promise", ticket: 1, promise: [1, 1], activeView: VIEW, blank: false });
  for (let index = 1; index <= 8; index++) {
    give(rig, { kind: "persist", ticket: index, truncateAfter: null, entries: [entryAt(index)] });
    settle(rig);
  }
  give(rig, {
    kind: "begin-snapshot",
    index: 3,
    epoch: [1, 1],
    ageMs: 3,
    generation: 1,
    logTimeMs: 1_700_000_000_000,
    table: { sessions: [], keys: [] },
  });
  give(rig, { kind: "snapshot-slice", bytes: new Uint8Array(50).fill(9) });
  give(rig, { kind: "finish-snapshot" });
  settle(rig);
  return rig;
}

const PLAYED = playedRig().disk;

function filesOf(disk: SimulatedDisk): Map<string, Uint8Array> {
  return new Map([...disk.names].map(([name, number]) => [name, disk.files.get(number)?.now ?? new Uint8Array(0)]));
}

function lookAt(disk: SimulatedDisk): Look {
  return (operation) => performOnDisk(disk, operation);
}

/** A copy of the played disk with other files. */
function diskWith(change: (files: Map<string, Uint8Array>) => void): SimulatedDisk {
  const files = filesOf(PLAYED);
  change(files);
  const disk = createSimulatedDisk();
  for (const [path, bytes] of files) {
    performOnDisk(disk, { kind: "create", ticket: 0, path, sizeBytes: 0 });
    performOnDisk(disk, { kind: "write", ticket: 0, path, offsetBytes: 0, chunks: [bytes] });
  }
  return disk;
}

function startOn(disk: SimulatedDisk): Rig {
  const rig = createRig(structuredClone(disk));
  give(rig, { kind: "recover" });
  settle(rig);
  return rig;
}

const SEGMENTS = [...PLAYED.names.keys()].filter((name) => name.startsWith("segment-")).sort();

describe("inspection of a folder", () => {
  it("tells identity, promise, snapshot and each batch", () => {
    const folder = describeFolder(lookAt(PLAYED), null);
    expect(folder.identity).toMatchObject({ ok: true, value: { replica: "bank-1", incarnation: CONFIG.freshIncarnation } });
    expect(folder.promise).toMatchObject({
      ok: true,
      value: { record: { promise: [1, 1], activeView: VIEW }, slots: [{ ok: true }, { ok: true }] },
    });
    expect(folder.snapshots).toMatchObject([{ head: { index: 3 }, stateSlices: 1, stateBytes: 50, verified: true, problem: null }]);
    const batches = folder.segments.flatMap((segment) => segment.batches).filter(({ entryCount }) => entryCount > 0);
    expect(batches.map(({ firstIndex, lastIndex, syncedIndex }) => [firstIndex, lastIndex, syncedIndex])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((index) => [index, index, index - 1]),
    );
    expect(folder.segments.map(({ sealed, spare }) => [sealed, spare])).toContainEqual([true, false]);
    expect(folder.verdict).toEqual({ kind: "whole", promise: [1, 1], snapshotIndex: 3, entryCount: 5, lastIndex: 8, partial: null });
  });

  it("tells the entries that were asked for, with what they hold", () => {
    const entries = describeFolder(lookAt(PLAYED), { fromIndex: 4, toIndex: 5 }).segments.flatMap((segment) =>
      segment.batches.flatMap((batch) => batch.entries),
    );
    expect(entries).toMatchObject([
      { index: 4, kind: "request", cutOff: false, words: expect.stringContaining('operation "add" for key "k4"') },
      { index: 5, payloads: [{ name: "input", sizeBytes: 20 }] },
    ]);
  });

  it("marks what a later batch has cut off", () => {
    const rig = startOn(PLAYED);
    give(rig, { kind: "persist", ticket: 1, truncateAfter: 7, entries: [entryAt(8, 2)] });
    settle(rig);
    const entries = describeFolder(lookAt(rig.disk), { fromIndex: 8, toIndex: 8 }).segments.flatMap((segment) =>
      segment.batches.flatMap((batch) => batch.entries),
    );
    expect(entries.map(({ epoch, cutOff }) => [epoch[0], cutOff])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  it("changes nothing", () => {
    const before = structuredClone(PLAYED);
    describeFolder(lookAt(PLAYED), { fromIndex: 1, toIndex: 9 });
    expect(PLAYED).toEqual(before);
  });

  it("an empty folder holds nothing yet", () => {
    expect(describeFolder(lookAt(createSimulatedDisk()), null).verdict).toEqual({ kind: "blank" });
  });

  it("an unfinished last batch is no damage", () => {
    const last = SEGMENTS.findLast((name) =>
      describeFolder(lookAt(PLAYED), null).segments.some((each) => each.path === name && !each.spare),
    );
    const disk = diskWith((files) => {
      const bytes = files.get(last ?? "")?.slice() ?? new Uint8Array(0);
      // Its mark and the end of its trailer were never written.
      const end = bytes.findLastIndex((byte) => byte !== 0);
      files.set(last ?? "", bytes.fill(0, end - MARK_SIZE_BYTES - 10));
    });
    const folder = describeFolder(lookAt(disk), null);
    expect(folder.verdict).toMatchObject({ kind: "whole", lastIndex: 7 });
    expect(folder.segments.find(({ path }) => path === last)).toMatchObject({ rest: "unfinished batch", problem: null });
  });
});

describe("damage", () => {
  it.each(["identity", ...SEGMENTS, "snapshot-0000000000000003-1-1"])("any flipped bit of %s: the verdict is that of a start", (path) => {
    const size = filesOf(PLAYED).get(path)?.length ?? 0;
    for (let offset = 0; offset < size; offset += 5) {
      const disk = diskWith((files) => {
        const bytes = files.get(path)?.slice() ?? new Uint8Array(0);
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8));
        files.set(path, bytes);
      });
      const { verdict } = describeFolder(lookAt(disk), { fromIndex: 0, toIndex: 99 });
      const rig = startOn(disk);
      const [damage] = resultsOf(rig, "damaged");
      if (damage !== undefined) expect(verdict).toEqual(damage);
      else expect(verdict).toMatchObject({ kind: "whole", entryCount: resultsOf(rig, "recovered")[0]?.entries.length });
    }
  });

  it("a damaged snapshot is not verified, and the place is told", () => {
    const path = "snapshot-0000000000000003-1-1";
    const disk = diskWith((files) => {
      const bytes = files.get(path)?.slice() ?? new Uint8Array(0);
      files.set(path, bytes.fill(1, 100, 101));
    });
    const [snapshot] = describeFolder(lookAt(disk), null).snapshots;
    expect(snapshot).toMatchObject({ verified: false, head: { index: 3 }, problem: { what: "its checksum is wrong" } });
    expect(snapshot?.problem?.offsetBytes).toBe((snapshot?.sizeBytes ?? 0) - 4);
  });

  it("a missing segment is named, and what follows is told all the same", () => {
    const [, second = ""] = SEGMENTS;
    const folder = describeFolder(lookAt(diskWith((files) => files.delete(second))), null);
    expect(folder.verdict).toMatchObject({ kind: "damaged", where: second, what: expect.stringContaining("missing") });
    expect(folder.segments.filter(({ batches }) => batches.length > 0).length).toBeGreaterThan(1);
    expect(folder.segments.every(({ problem }) => problem === null)).toBe(true);
  });

  it("with a damaged identity the log is read by the incarnation of the last active view", () => {
    const folder = describeFolder(lookAt(diskWith((files) => files.set("identity", new Uint8Array(3)))), null);
    expect(folder.identity).toMatchObject({ ok: false, problem: "it has only 3 bytes" });
    expect(folder.segments[0]?.batches[0]).toMatchObject({ firstIndex: 1, syncedIndex: 0 });
    expect(folder.verdict).toMatchObject({ kind: "damaged", where: "identity" });
  });

  it("one damaged slot of the promise is told, though nothing is lost", () => {
    const disk = diskWith((files) => {
      const bytes = files.get("promise")?.slice() ?? new Uint8Array(0);
      files.set("promise", bytes.fill(0, 0, 100));
    });
    const folder = describeFolder(lookAt(disk), null);
    expect(folder.promise).toMatchObject({ ok: true, value: { record: { promise: [1, 1] }, slots: [{ ok: false }, { ok: true }] } });
    expect(folder.verdict.kind).toBe("whole");
  });
});

describe("one file", () => {
  it("a segment alone says what it needs", () => {
    const [first = ""] = SEGMENTS;
    const alone = diskWith((files) => {
      for (const name of [...files.keys()]) if (name !== first) files.delete(name);
    });
    expect(describeFile(lookAt(alone), first, "segment", null)).toMatchObject({
      kind: "segment",
      description: [{ problem: { what: expect.stringContaining("copy those beside it") } }],
    });
  });

  it("is known by its name, or by how it begins", () => {
    const files = filesOf(PLAYED);
    const kinds = [...files].map(([name, bytes]) => [fileKindOf(name, new Uint8Array(0)), fileKindOf("copy", bytes.subarray(0, 8))]);
    for (const [byName, byContent] of kinds) expect(byContent).toBe(byName);
    expect(kinds.map(([kind]) => kind)).not.toContain(null);
    expect(fileKindOf("notes.txt", new Uint8Array([1, 2, 3, 255]))).toBeNull();
  });

  it("a snapshot is read without knowing whose it is", () => {
    expect(describeFile(lookAt(PLAYED), "snapshot-0000000000000003-1-1", "snapshot", null)).toMatchObject({
      description: { verified: true, head: { group: "bank" } },
    });
  });
});
