import { describe, expect, it } from "vitest";
import type { StoreCommand } from "./replica-store.js";
import { crashDisk, type SimulatedDisk } from "./simulated-disk.js";
import { createRig, entryAt, forAllChoices, give, type Rig, recovered, resultsOf, settle } from "./store.test-rig.js";

const persist = (ticket: number, indexes: number[], term: number): StoreCommand => ({
  kind: "persist",
  ticket,
  truncateAfter: null,
  entries: indexes.map((index) => entryAt(index, term)),
});

/** The published file of a snapshot at 5 of epoch 2.1, and the command that hands it to a learner whole. */
function received(): StoreCommand {
  const rig = createRig();
  recovered(rig);
  give(rig, persist(1, [1, 2, 3, 4, 5], 2));
  settle(rig);
  give(rig, {
    kind: "begin-snapshot",
    index: 5,
    epoch: [2, 1],
    ageMs: 5,
    generation: 1,
    logTimeMs: 1_700_000_000_000,
    table: { sessions: [], keys: [] },
  });
  give(rig, { kind: "snapshot-slice", bytes: new Uint8Array(20).fill(5) });
  give(rig, { kind: "finish-snapshot" });
  settle(rig);
  const meta = resultsOf(rig, "snapshot-persisted")[0]?.meta;
  if (meta === undefined) throw new Error("no snapshot");
  give(rig, { kind: "read-snapshot", ticket: 1, index: 5, offsetBytes: 0, sizeBytes: meta.sizeBytes });
  settle(rig);
  const bytes = resultsOf(rig, "snapshot-read")[0]?.bytes ?? new Uint8Array(0);
  const { epoch: snapshotEpoch, index: snapshotIndex, sizeBytes, checksum } = meta;
  return { kind: "receive-slice", ticket: 1, snapshotEpoch, snapshotIndex, sizeBytes, checksum, offsetBytes: 0, bytes };
}

/** A log of its own that the snapshot contradicts, the snapshot, then what follows it. */
function play(rig: Rig, slice: StoreCommand, limit: number): boolean {
  const steps: StoreCommand[] = [
    { kind: "recover" },
    persist(1, [1, 2, 3, 4, 5, 6], 1),
    slice,
    { kind: "install-received", ticket: 2, keepLog: false },
    persist(3, [6, 7], 2),
  ];
  return steps.every((command) => {
    give(rig, command);
    return settle(rig, limit);
  });
}

/** A log that the snapshot agrees with, and which goes on above it (style cold-passive). */
function playAdoption(rig: Rig, slice: StoreCommand, limit: number): boolean {
  const steps: StoreCommand[] = [
    { kind: "recover" },
    persist(1, [1, 2, 3, 4, 5, 6], 2),
    slice,
    { kind: "install-received", ticket: 2, keepLog: true },
    persist(3, [7], 2),
    { kind: "drop-log", throughIndex: 5 },
    persist(4, [8], 2),
  ];
  return steps.every((command) => {
    give(rig, command);
    return settle(rig, limit);
  });
}

function afterEveryCrash(slice: StoreCommand, check: (before: Rig, disk: SimulatedDisk) => void, run = play): void {
  for (let limit = 1; ; limit++) {
    const whole = run(createRig(), slice, limit);
    forAllChoices(300, (choose) => {
      const before = createRig();
      run(before, slice, limit);
      crashDisk(before.disk, choose);
      check(before, before.disk);
    });
    if (whole) return;
  }
}

describe("crash states of an installation", () => {
  it("S5b: the snapshot is there with the log that follows it, or the old log is there alone", () => {
    afterEveryCrash(received(), (before, disk) => {
      const result = recovered(createRig(disk));
      const installed = resultsOf(before, "installed").length > 0;
      const acked = resultsOf(before, "persisted").map((persisted) => persisted.ticket);
      const entries = result.entries.map((entry) => `${entry.epoch[0]}:${entry.index}`);
      if (installed) expect(result.snapshot?.meta.index).toBe(5);
      if (acked.includes(3)) expect(entries).toEqual(["2:6", "2:7"]);
      else if (result.snapshot !== null) expect([[], ["2:6", "2:7"]]).toContainEqual(entries);
      else if (acked.includes(1)) expect(entries).toEqual(["1:1", "1:2", "1:3", "1:4", "1:5", "1:6"]);
    });
  });

  it("S5: where the log is kept, nothing of it above the snapshot is ever missing", () => {
    const check = (before: Rig, disk: SimulatedDisk): void => {
      const result = recovered(createRig(disk));
      const acked = resultsOf(before, "persisted").map((persisted) => persisted.ticket);
      const indexes = result.entries.map((entry) => entry.index).filter((index) => index > (result.snapshot?.meta.index ?? 0));
      if (resultsOf(before, "installed").length > 0) expect(result.snapshot?.meta.index).toBe(5);
      const first = result.snapshot === null ? 1 : 6;
      const last = acked.includes(4) ? 8 : acked.includes(3) ? 7 : acked.includes(1) ? 6 : 0;
      for (let index = first; index <= last; index++) expect(indexes).toContain(index);
    };
    afterEveryCrash(received(), check, playAdoption);
  });

  it("I7: a recovery that is cut by a crash, too, is done again with the same result", () => {
    const slice = received();
    for (let limit = 1; !play(createRig(), slice, limit); limit += 3) {
      const crashed = createRig();
      play(crashed, slice, limit);
      crashDisk(crashed.disk, (count) => count - 1);
      const expected = recovered(createRig(structuredClone(crashed.disk)));
      for (let during = 1; ; during++) {
        const second = createRig(structuredClone(crashed.disk));
        give(second, { kind: "recover" });
        const done = settle(second, during);
        crashDisk(second.disk, () => 0);
        const result = recovered(createRig(second.disk));
        expect(result.entries.map((entry) => entry.index)).toEqual(expected.entries.map((entry) => entry.index));
        expect(result.snapshot).toEqual(expected.snapshot);
        if (done) break;
      }
    }
  });
});
