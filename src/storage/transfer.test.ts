import { describe, expect, it } from "vitest";
import type { DiskOperation } from "../vocabulary/disk.js";
import { roomNeededBytes, type SnapshotMeta, type StoreCommand } from "./replica-store.js";
import { crashDisk } from "./simulated-disk.js";
import {
  CONFIG,
  contentOf,
  createRig,
  give,
  loadAll,
  opened,
  persist,
  recovered,
  resultsOf,
  settle,
  TABLE,
  takeSnapshot,
} from "./store.test-rig.js";

describe("a snapshot on its way to a learner", () => {
  function sender(): { meta: SnapshotMeta; bytes: Uint8Array } {
    const rig = opened();
    persist(rig, 1, 10);
    const meta = takeSnapshot(rig, 10, [new Uint8Array(300).fill(4), new Uint8Array(5)], TABLE);
    return { meta, bytes: contentOf(rig.disk, "snapshot").bytes };
  }
  const slice = (meta: SnapshotMeta, bytes: Uint8Array, from: number, to: number): StoreCommand => ({
    kind: "receive-slice",
    ticket: from,
    snapshotEpoch: meta.epoch,
    snapshotIndex: meta.index,
    sizeBytes: meta.sizeBytes,
    checksum: meta.checksum,
    offsetBytes: from,
    bytes: bytes.subarray(from, to),
  });

  it("S5b: is resumed where it was cut, installed whole, and the log goes on behind it", () => {
    const { meta, bytes } = sender();
    const learner = opened();
    persist(learner, 1, 4, 1);
    give(learner, slice(meta, bytes, 0, 100));
    give(learner, slice(meta, bytes, 300, 400));
    settle(learner);
    expect(resultsOf(learner, "slice-stored").map((result) => result.offsetBytes)).toContain(100);
    const again = createRig(learner.disk);
    expect(recovered(again).partial).toMatchObject({ index: 10, offsetBytes: 100 });
    give(again, slice(meta, bytes, 100, bytes.length));
    settle(again);
    give(again, { kind: "install-received", ticket: 5, keepLog: false });
    settle(again);
    expect(resultsOf(again, "installed")).toEqual([{ kind: "installed", ticket: 5, meta, table: TABLE }]);
    expect(loadAll(again)).toEqual([new Uint8Array(300).fill(4), new Uint8Array(5)]);
    persist(again, 11, 13, 2);
    const result = recovered(createRig(again.disk));
    expect(result.snapshot?.meta).toEqual(meta);
    expect(result.entries.map((entry) => entry.index)).toEqual([11, 12, 13]);
  });

  it("begins anew where the sender does, whatever the pieces of the earlier one were", () => {
    const { meta, bytes } = sender();
    const learner = opened();
    give(learner, slice(meta, bytes, 0, 70));
    settle(learner);
    const again = createRig(learner.disk);
    expect(recovered(again).partial).toMatchObject({ offsetBytes: 70 });
    for (let at = 0; at < bytes.length; at += 100) give(again, slice(meta, bytes, at, Math.min(at + 100, bytes.length)));
    settle(again);
    give(again, { kind: "install-received", ticket: 5, keepLog: false });
    settle(again);
    expect(resultsOf(again, "installed")).toEqual([{ kind: "installed", ticket: 5, meta, table: TABLE }]);
    expect([...again.disk.names.keys()].filter((name) => name.startsWith("received-"))).toEqual([]);
  });

  it("goes when an own snapshot has overtaken it, and not for an older one", () => {
    const { meta, bytes } = sender();
    for (const half of [bytes.length, 100]) {
      const learner = opened();
      persist(learner, 1, 12);
      give(learner, slice(meta, bytes, 0, half));
      settle(learner);
      const received = () => [...learner.disk.names.keys()].filter((name) => name.startsWith("received-"));
      takeSnapshot(learner, 9, []);
      expect(received()).toHaveLength(1);
      takeSnapshot(learner, 10, []);
      expect(received()).toEqual([]);
      give(learner, { kind: "install-received", ticket: 1, keepLog: false });
      settle(learner);
      expect(resultsOf(learner, "install-refused")).toHaveLength(1);
    }
  });

  it("is asked for again when a place of it cannot be read: every start would end there", () => {
    const { meta, bytes } = sender();
    const learner = opened();
    const receive = (ticket: number, fault: (operation: DiskOperation) => string | null) => {
      give(learner, slice(meta, bytes, 0, bytes.length));
      settle(learner);
      give(learner, { kind: "install-received", ticket, keepLog: false });
      settle(learner, Number.POSITIVE_INFINITY, fault);
    };
    receive(1, ({ kind, path }) => (kind === "read" && path.startsWith("received-") ? "EIO" : null));
    expect(resultsOf(learner, "install-refused")).toMatchObject([{ ticket: 1, reason: expect.stringContaining("cannot be read") }]);
    receive(2, () => null);
    expect(resultsOf(learner, "installed")).toMatchObject([{ ticket: 2 }]);
  });

  it("says what room it needs before it has filled the disk: for what is to come, and for the next snapshot behind it", () => {
    const config = { ...CONFIG, sliceSizeBytes: 1024 * 1024 };
    const donor = opened(undefined, config);
    persist(donor, 1, 10);
    const meta = takeSnapshot(donor, 10, [new Uint8Array(3_000_000)]);
    const { bytes } = contentOf(donor.disk, "snapshot");
    const learner = opened(undefined, config);
    const atFirst = roomNeededBytes(learner.store);
    give(learner, slice(meta, bytes, 0, 1_000_000));
    settle(learner);
    const { segmentSizeBytes } = learner.store;
    expect(atFirst).toBeLessThan(meta.sizeBytes);
    expect(roomNeededBytes(learner.store)).toBe(segmentSizeBytes + 2 * meta.sizeBytes - 1_000_000);
    const again = opened(learner.disk, config);
    expect(roomNeededBytes(again.store)).toBe(segmentSizeBytes + 2 * meta.sizeBytes - 1_000_000);
    give(again, slice(meta, bytes, 1_000_000, bytes.length));
    settle(again);
    give(again, { kind: "install-received", ticket: 1, keepLog: false });
    settle(again);
    expect(roomNeededBytes(again.store)).toBe(segmentSizeBytes + meta.sizeBytes);
  });

  it("S5e: is not trusted after a sync of it failed: not by the next life, which finds its bytes in the kernel's memory", () => {
    const { meta, bytes } = sender();
    const learner = opened();
    persist(learner, 1, 4);
    give(learner, slice(meta, bytes, 0, bytes.length));
    settle(learner);
    give(learner, { kind: "install-received", ticket: 1, keepLog: false });
    settle(learner, Number.POSITIVE_INFINITY, ({ kind, path }) => (kind === "sync" && path.startsWith("received-") ? "EIO" : null));
    expect(resultsOf(learner, "failed")).toMatchObject([{ code: "EIO" }]);

    const again = createRig(learner.disk);
    if (recovered(again).partial === null) give(again, slice(meta, bytes, 0, bytes.length));
    settle(again);
    give(again, { kind: "install-received", ticket: 2, keepLog: false });
    settle(again);
    expect(resultsOf(again, "installed")).toHaveLength(1);
    crashDisk(again.disk, () => 0);
    expect(recovered(createRig(again.disk)).snapshot?.meta).toEqual(meta);
  });

  it("L5: a peer's words about it are not trusted: a whole snapshot that is not the announced one is refused", () => {
    const { meta, bytes } = sender();
    const [term, counter] = meta.epoch;
    const lies: Partial<SnapshotMeta>[] = [{ index: 11 }, { index: 1e15 }, { epoch: [term, counter + 1] }, { checksum: meta.checksum ^ 1 }];
    for (const lie of lies) {
      const learner = opened();
      give(learner, slice({ ...meta, ...lie }, bytes, 0, bytes.length));
      settle(learner);
      give(learner, { kind: "install-received", ticket: 1, keepLog: false });
      settle(learner);
      expect(resultsOf(learner, "install-refused"), JSON.stringify(lie)).toMatchObject([{ reason: expect.stringContaining("announced") }]);
      expect([...learner.disk.names.keys()].filter((name) => /^(received|snapshot)-/.test(name))).toEqual([]);
    }
  });

  it("L5: a peer's sizes are not trusted: nothing is stored behind the announced end, nor at another place than the next", () => {
    const { meta, bytes } = sender();
    for (const sizeBytes of [0, 1, meta.sizeBytes - 1, meta.sizeBytes + 1, 2 ** 52]) {
      const learner = opened();
      const pieces = [
        [0, bytes.length],
        [0, Math.min(100, sizeBytes)],
        [50, 150],
        [2 ** 40, 2 ** 40 + 10],
      ] as const;
      for (const [from, to] of pieces) {
        give(learner, slice({ ...meta, sizeBytes }, bytes, from, to));
        settle(learner);
        const received = [...learner.disk.names].filter(([name]) => name.startsWith("received-"));
        for (const [, file] of received) expect(learner.disk.files.get(file)?.now.length).toBeLessThanOrEqual(sizeBytes);
      }
      give(learner, { kind: "install-received", ticket: 1, keepLog: false });
      settle(learner);
      expect(resultsOf(learner, "installed"), `${sizeBytes} bytes`).toEqual([]);
      expect(resultsOf(learner, "failed")).toEqual([]);
    }
  });

  it("L5: is refused when one bit of it is wrong, and begins anew", () => {
    const { meta, bytes } = sender();
    for (const at of [0, 9, 20, 200, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      const learner = opened();
      give(learner, slice(meta, changed, 0, changed.length));
      settle(learner);
      give(learner, { kind: "install-received", ticket: 1, keepLog: false });
      settle(learner);
      expect(resultsOf(learner, "install-refused")).toHaveLength(1);
      give(learner, slice(meta, bytes, 0, bytes.length));
      settle(learner);
      give(learner, { kind: "install-received", ticket: 2, keepLog: false });
      settle(learner);
      expect(resultsOf(learner, "installed")).toHaveLength(1);
    }
  });
});
