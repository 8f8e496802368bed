import { describe, expect, it } from "vitest";
import { crashDisk } from "./simulated-disk.js";
import type { StoreCommand } from "./replica-store.js";
import { createRig, entryAt, forAllChoices, give, type Rig, recovered, resultsOf, settle } from "./store.test-rig.js";

const CHOICES_MAX = 400;

/** Gives the commands one after the other, each once the disk is quiet; false when the limit of operations was met. */
function play(rig: Rig, commands: readonly StoreCommand[][], limit: number): boolean {
  give(rig, { kind: "recover" });
  if (!settle(rig, limit)) return false;
  for (const together of commands) {
    for (const command of together) give(rig, command);
    if (!settle(rig, limit)) return false;
  }
  return true;
}

/** Every point at which a run may stop, and for each every way in which the disk may come back. */
function forAllCrashes(commands: readonly StoreCommand[][], check: (before: Rig, after: Rig) => void): number {
  let states = 0;
  for (let limit = 1; ; limit++) {
    const whole = play(createRig(), commands, limit);
    states += forAllChoices(CHOICES_MAX, (choose) => {
      const before = createRig();
      play(before, commands, limit);
      const disk = structuredClone(before.disk);
      crashDisk(disk, choose);
      check(before, createRig(disk));
    });
    if (whole) return states;
  }
}

const persist = (ticket: number, indexes: number[], truncateAfter: number | null = null, term = 1): StoreCommand => ({
  kind: "persist",
  ticket,
  truncateAfter,
  entries: indexes.map((index) => entryAt(index, term)),
});

const ids = (entries: readonly { index: number; epoch: readonly [number, number] }[]) =>
  entries.map((entry) => `${entry.epoch[0]}:${entry.index}`);

describe("crash states of the log", () => {
  it("I7: recovery gives a prefix of what was written that contains everything acknowledged, over segments and batches", () => {
    const commands = [[persist(1, [1, 2])], [persist(2, [3]), persist(3, [4, 5])], [persist(4, [6, 7, 8])], [persist(5, [9])]];
    const written = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((index) => `1:${index}`);
    const ackedAt = [0, 2, 3, 5, 8, 9];
    const states = forAllCrashes(commands, (before, after) => {
      const acked = Math.max(0, ...resultsOf(before, "persisted").map((result) => ackedAt[result.ticket] ?? 0));
      const found = ids(recovered(after).entries);
      expect(found).toEqual(written.slice(0, found.length));
      expect(found.length).toBeGreaterThanOrEqual(acked);
    });
    expect(states).toBeGreaterThan(100);
  });

  it("L1: a truncation and what follows it are found both or neither", () => {
    const commands = [[persist(1, [1, 2, 3])], [persist(2, [2, 3, 4], 1, 2)]];
    const old = ["1:1", "1:2", "1:3"];
    const changed = ["1:1", "2:2", "2:3", "2:4"];
    forAllCrashes(commands, (before, after) => {
      const tickets = resultsOf(before, "persisted").map((result) => result.ticket);
      const found = ids(recovered(after).entries);
      if (tickets.includes(2)) expect(found).toEqual(changed);
      else if (tickets.includes(1)) expect([old, changed]).toContainEqual(found);
      else expect([[], old]).toContainEqual(found);
    });
  });

  it("I7: what was recovered once is recovered again after a second crash, and the log goes on from there", () => {
    const commands = [[persist(1, [1, 2])], [persist(2, [3, 4])]];
    forAllCrashes(commands, (_before, after) => {
      const found = ids(recovered(after).entries);
      const disk = structuredClone(after.disk);
      // Everything that is not synced is lost now.
      crashDisk(disk, () => 0);
      const again = createRig(disk);
      expect(ids(recovered(again).entries)).toEqual(found);
      give(again, persist(9, [found.length + 1, found.length + 2]));
      settle(again);
      crashDisk(again.disk, () => 0);
      expect(recovered(createRig(again.disk)).entries.length).toBe(found.length + 2);
    });
  });

  it("S2a: an acknowledged promise survives every crash, and none is found that was never asked for", () => {
    const promise = (ticket: number): StoreCommand => ({
      kind: "persist-promise",
      ticket,
      promise: [ticket, 0],
      activeView: null,
      blank: false,
    });
    forAllCrashes([[promise(1)], [promise(2), promise(3)], [promise(4)]], (before, after) => {
      const acked = Math.max(0, ...resultsOf(before, "promise-persisted").map((result) => result.ticket));
      const found = recovered(after).promise[0];
      expect(found).toBeGreaterThanOrEqual(acked);
      expect(found).toBeLessThanOrEqual(4);
    });
  });

  it("I7: snapshots are published whole or not at all, and the log is dropped only behind one", () => {
    const snapshot = (index: number): StoreCommand[] => [
      { kind: "begin-snapshot", index, epoch: [1, 1], ageMs: index, generation: 1, table: { sessions: [], keys: [] } },
      { kind: "snapshot-slice", bytes: new Uint8Array(10).fill(index) },
      { kind: "finish-snapshot" },
    ];
    const commands = [
      [persist(1, [1, 2, 3])],
      snapshot(3),
      [{ kind: "drop-log", throughIndex: 3 } as const, persist(2, [4, 5, 6])],
      [persist(3, [7, 8, 9])],
      snapshot(8),
      [{ kind: "drop-log", throughIndex: 8 } as const],
    ];
    forAllCrashes(commands, (before, after) => {
      const acked = Math.max(0, ...resultsOf(before, "persisted").map((result) => result.ticket * 3));
      const published = Math.max(0, ...resultsOf(before, "snapshot-persisted").map((result) => result.meta.index));
      const result = recovered(after);
      const base = result.snapshot?.meta.index ?? 0;
      expect(base).toBeGreaterThanOrEqual(published);
      expect(result.entries[0]?.index ?? base + 1).toBe(base + 1);
      expect(result.entries.at(-1)?.index ?? base).toBeGreaterThanOrEqual(acked);
    });
  });
});
