import { describe, expect, it } from "vitest";
import { bootId, groupName, incarnation } from "../vocabulary/ids.js";
import { decodeControl, encodeControl } from "./control-file.js";
import { roomNeededBytes } from "./replica-store.js";
import { crashDisk, createSimulatedDisk, flipBit, performOnDisk, type SimulatedDisk } from "./simulated-disk.js";
import { MARK_SIZE_BYTES } from "./segment.js";
import { SYNC_STEP_BYTES } from "./snapshot-writing.js";
import {
  CONFIG,
  contentOf,
  createRig,
  entryAt,
  give,
  loadAll,
  opened,
  persist,
  type Rig,
  recovered,
  resultsOf,
  settle,
  TABLE,
  takeSnapshot,
} from "./store.test-rig.js";

/** The kinds of what was performed. */
function performAll(rig: Rig): string[] {
  const kinds: string[] = [];
  for (let operation = rig.queue.shift(); operation !== undefined; operation = rig.queue.shift()) {
    kinds.push(operation.kind);
    give(rig, performOnDisk(rig.disk, operation, null));
  }
  return kinds;
}

describe("a replica's store", () => {
  it("gives a fresh folder its identity and keeps it", () => {
    const rig = createRig();
    expect(recovered(rig)).toMatchObject({ blank: true, entries: [], snapshot: null, promise: [0, 0] });
    const other = { ...CONFIG, freshIncarnation: incarnation("f".repeat(32)) };
    expect(recovered(createRig(rig.disk, other))).toMatchObject({ blank: true, identity: { incarnation: CONFIG.freshIncarnation } });
  });

  it("a folder of another group is refused by name", () => {
    const rig = opened();
    const other = createRig(rig.disk, { ...CONFIG, group: groupName("kv") });
    give(other, { kind: "recover" });
    settle(other);
    expect(resultsOf(other, "damaged")[0]?.what).toContain("belongs to group bank, not to kv");
  });

  it("what waits for the disk becomes one write and one sync", () => {
    const rig = opened();
    const before = rig.performed;
    for (let index = 1; index <= 4; index++) give(rig, { kind: "persist", ticket: index, truncateAfter: null, entries: [entryAt(index)] });
    settle(rig);
    // The first goes alone, the other three together.
    expect(rig.performed - before).toBeLessThanOrEqual(4 + 6);
    expect(resultsOf(rig, "persisted").map((result) => result.ticket)).toEqual([1, 2, 3, 4]);
  });

  it("S5e: a failed write or sync ends the store, and nothing is acknowledged after it", () => {
    for (const kind of ["write", "sync"] as const) {
      const rig = opened();
      give(rig, { kind: "persist", ticket: 1, truncateAfter: null, entries: [entryAt(1)] });
      settle(rig, Number.POSITIVE_INFINITY, (operation) => (operation.kind === kind ? "EIO" : null));
      expect(rig.results.at(-1)).toMatchObject({ kind: "failed", code: "EIO" });
      give(rig, { kind: "persist", ticket: 2, truncateAfter: null, entries: [entryAt(1)] });
      settle(rig);
      expect(resultsOf(rig, "persisted")).toEqual([]);
    }
  });

  it("a snapshot holds state and table over a restart, and only the newest stays", () => {
    const rig = opened();
    persist(rig, 1, 20);
    takeSnapshot(rig, 5, [new Uint8Array([5])]);
    const slices = [new Uint8Array(500).fill(1), new Uint8Array(0), new Uint8Array([9])];
    const meta = takeSnapshot(rig, 15, slices, TABLE);
    give(rig, { kind: "drop-log", throughIndex: 99 });
    settle(rig);
    const again = createRig(rig.disk);
    const result = recovered(again);
    expect(result.snapshot).toEqual({ meta, table: TABLE });
    expect(result.entries.map((entry) => entry.index)).toEqual([16, 17, 18, 19, 20]);
    expect(loadAll(again)).toEqual(slices);
    expect([...rig.disk.names.keys()].filter((name) => name.startsWith("snapshot"))).toHaveLength(1);
  });

  it("says what room it needs next: for a segment, unless one is ready, and a snapshot like the last one, or more than one that found no room", () => {
    const config = { ...CONFIG, sliceSizeBytes: 1024 * 1024 };
    const rig = opened(undefined, config);
    const snapshotMin = roomNeededBytes(rig.store) - rig.store.segmentSizeBytes;
    expect(snapshotMin).toBeGreaterThan(0);
    persist(rig, 1, 8);
    expect(rig.store.log?.spareId).not.toBeNull();
    expect(roomNeededBytes(rig.store)).toBe(snapshotMin);
    const { sizeBytes } = takeSnapshot(rig, 5, [new Uint8Array(snapshotMin)]);
    expect(roomNeededBytes(rig.store)).toBe(sizeBytes);

    give(rig, { kind: "begin-snapshot", index: 6, epoch: [1, 1], ageMs: 6, generation: 1, logTimeMs: 1_700_000_000_000, table: TABLE });
    settle(rig);
    for (let at = 0; at < 2; at++) give(rig, { kind: "snapshot-slice", bytes: new Uint8Array(snapshotMin) });
    settle(rig);
    const again = createRig(rig.disk, config);
    recovered(again);
    expect(roomNeededBytes(again.store)).toBeGreaterThan(2 * snapshotMin);
  });

  it("a transfer keeps its snapshot until it lets go of it", () => {
    const rig = opened();
    persist(rig, 1, 9);
    takeSnapshot(rig, 3, [new Uint8Array(10)]);
    give(rig, { kind: "read-snapshot", ticket: 1, index: 3, offsetBytes: 0, sizeBytes: 10 });
    settle(rig);
    takeSnapshot(rig, 6, []);
    give(rig, { kind: "read-snapshot", ticket: 2, index: 3, offsetBytes: 10, sizeBytes: 10 });
    give(rig, { kind: "release-snapshots", exceptIndexes: [] });
    settle(rig);
    expect(resultsOf(rig, "snapshot-read").map((result) => result.bytes.length)).toEqual([10, 10]);
    give(rig, { kind: "read-snapshot", ticket: 3, index: 3, offsetBytes: 0, sizeBytes: 10 });
    expect(rig.results.at(-1)).toEqual({ kind: "snapshot-missing", ticket: 3, index: 3 });
  });

  it("a transfer keeps its snapshot when another one reads a newer one, and no longer than it is said to be in use", () => {
    const rig = opened();
    persist(rig, 1, 9);
    const read = (index: number) => {
      give(rig, { kind: "read-snapshot", ticket: index, index, offsetBytes: 0, sizeBytes: 10 });
      settle(rig);
      return rig.results.at(-1)?.kind;
    };
    for (const index of [3, 6, 9]) {
      takeSnapshot(rig, index, []);
      expect(read(index)).toBe("snapshot-read");
    }
    expect(read(3)).toBe("snapshot-read");
    give(rig, { kind: "release-snapshots", exceptIndexes: [3] });
    settle(rig);
    expect([3, 6, 9].map(read)).toEqual(["snapshot-read", "snapshot-missing", "snapshot-read"]);
    expect([...rig.disk.names.keys()].filter((name) => name.startsWith("snapshot-"))).toHaveLength(2);
  });
});

describe("damage", () => {
  function damagedBy(disk: SimulatedDisk): string | null {
    const rig = createRig(disk);
    give(rig, { kind: "recover" });
    settle(rig);
    const [found] = resultsOf(rig, "damaged");
    return found === undefined ? null : `${found.where}: ${found.what}`;
  }

  it("S5d: a bit turned over anywhere in the log is reported with its place, never cut away, the last acknowledged batch included", () => {
    const rig = opened(createSimulatedDisk(), { ...CONFIG, segmentSizeBytes: 10_000 });
    persist(rig, 1, 3);
    persist(rig, 4, 5);
    const written = contentOf(rig.disk, "segment").bytes.findLastIndex((byte) => byte !== 0) + 1;
    for (let at = 0; at < written - MARK_SIZE_BYTES; at++) {
      const disk = structuredClone(rig.disk);
      flipBit(disk, "segment-000000000001", at, at % 8);
      const found = damagedBy(disk);
      // Bits of padding behind the segment's head are the only ones without meaning.
      expect(found, `offset ${at}`).toContain("segment-000000000001");
    }
  });

  it("S5d: a batch that the power took half is cut, and so is a damaged one whose mark it took with it; once started again, damage is told", () => {
    const rig = opened();
    persist(rig, 1, 2);
    const written = contentOf(rig.disk, "segment").bytes.findLastIndex((byte) => byte !== 0) + 1;
    const trailerAt = written - MARK_SIZE_BYTES - 1;
    const unlucky = structuredClone(rig.disk);
    crashDisk(unlucky, () => 0);
    const safe = structuredClone(unlucky);
    flipBit(unlucky, "segment-000000000001", trailerAt);
    // Two faults leave what a torn write leaves: the one case that nothing tells.
    expect(recovered(createRig(unlucky)).entries).toEqual([]);
    // A start syncs the mark: from then on the power cannot take it.
    expect(recovered(createRig(safe)).entries.length).toBe(2);
    crashDisk(safe, () => 0);
    flipBit(safe, "segment-000000000001", trailerAt);
    expect(damagedBy(safe)).toContain("the mark that says that batch 1 was synced");
  });

  it("S5d: damage to the mark itself costs nothing, and the next start writes it anew", () => {
    const rig = opened();
    persist(rig, 1, 2);
    const written = contentOf(rig.disk, "segment").bytes.findLastIndex((byte) => byte !== 0) + 1;
    flipBit(rig.disk, "segment-000000000001", written - 1);
    expect(recovered(createRig(rig.disk)).entries.length).toBe(2);
    flipBit(rig.disk, "segment-000000000001", written - MARK_SIZE_BYTES - 1);
    expect(damagedBy(rig.disk)).toContain("the mark that says that batch 1 was synced");
  });

  it("S5d: a missing segment, a missing identity and a damaged snapshot are reported", () => {
    const rig = opened();
    for (let from = 1; from <= 20; from += 2) persist(rig, from, from + 1);
    takeSnapshot(rig, 3, [new Uint8Array(50).fill(1)]);
    const segments = [...rig.disk.names.keys()].filter((name) => name.startsWith("segment-")).sort();
    expect(segments.length).toBeGreaterThan(3);
    for (const name of [...segments.slice(0, -2), "identity", "promise"]) {
      const disk = structuredClone(rig.disk);
      disk.names.delete(name);
      disk.durableNames.delete(name);
      expect(damagedBy(disk), name).not.toBeNull();
    }
    const { path, bytes } = contentOf(rig.disk, "snapshot");
    for (let at = 0; at < bytes.length; at += 5) {
      const disk = structuredClone(rig.disk);
      flipBit(disk, path, at, at % 8);
      expect(damagedBy(disk), `offset ${at}`).toContain(path);
    }
  });

  it("S5a: a log whose only segment with batches is missing is reported, though the next segment is there, ready for use", () => {
    const rig = opened();
    persist(rig, 1, 8);
    for (const snapshotIndex of [0, 4]) {
      if (snapshotIndex > 0) takeSnapshot(rig, snapshotIndex, []);
      const disk = structuredClone(rig.disk);
      expect([...disk.names.keys()].filter((name) => name.startsWith("segment-"))).toHaveLength(2);
      disk.names.delete("segment-000000000001");
      expect(damagedBy(disk), `snapshot ${snapshotIndex}`).toContain("segment-000000000001: a segment of the log is missing");
    }
  });

  it("S2a: one damaged slot of the promise loses nothing", () => {
    const rig = opened();
    give(rig, { kind: "persist-promise", ticket: 1, promise: [5, 2], activeView: null, blank: true });
    settle(rig);
    expect(recovered(createRig(rig.disk)).blank).toBe(true);
    for (const at of [20, 8192 + 20]) {
      const disk = structuredClone(rig.disk);
      flipBit(disk, "promise", at);
      expect(recovered(createRig(disk)).promise).toEqual([5, 2]);
    }
  });

  it("the control file says what of it is damaged", () => {
    const map = new Map<string, unknown>([
      ["term", 3],
      ["view", { members: [bootId("a")] }],
    ]);
    const bytes = encodeControl(map);
    expect(decodeControl(bytes)).toEqual({ ok: true, map });
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(decodeControl(changed).ok).toBe(false);
      expect(decodeControl(bytes.subarray(0, at)).ok).toBe(false);
    }
  });

  it("a snapshot asks for its next piece when the disk has the last one, and is synced in steps", () => {
    const rig = opened();
    give(rig, {
      kind: "begin-snapshot",
      index: 1,
      epoch: [1, 1],
      ageMs: 1,
      generation: 1,
      logTimeMs: 1_700_000_000_000,
      table: { sessions: [], keys: [] },
    });
    const slice = new Uint8Array(SYNC_STEP_BYTES / 4);
    const syncsAt: number[] = [];
    for (let pieces = 0; pieces <= 8; pieces += 1) {
      // Whatever is in the slices' memory before there is room again would be in the file.
      expect(resultsOf(rig, "snapshot-room").length).toBe(pieces);
      if (performAll(rig).includes("sync")) syncsAt.push(pieces);
      expect(resultsOf(rig, "snapshot-room").length).toBe(pieces + 1);
      give(rig, { kind: "snapshot-slice", bytes: slice });
    }
    expect(syncsAt).toEqual([4, 8]);
    give(rig, { kind: "abort-snapshot" });
    settle(rig);
    expect(resultsOf(rig, "snapshot-room").length).toBe(9);
  });

  it("what a peer sends is synced in steps as well", () => {
    const rig = opened();
    const bytes = new Uint8Array(SYNC_STEP_BYTES / 2);
    const identity = { snapshotIndex: 9, snapshotEpoch: [1, 1] as const, sizeBytes: 4 * bytes.length, checksum: 1 };
    let syncs = 0;
    for (let at = 0; at < 4; at += 1) {
      give(rig, { kind: "receive-slice", ticket: at, ...identity, offsetBytes: at * bytes.length, bytes });
      syncs += performAll(rig).filter((kind) => kind === "sync").length;
    }
    expect(syncs).toBe(2);
  });
});
