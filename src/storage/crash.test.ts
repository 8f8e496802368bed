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

/** Every point at which a run may stop (after what `prelude` plays), and for each every way in which the disk may come back. */
function forAllCrashes(
  commands: readonly StoreCommand[][],
  check: (before: Rig, after: Rig) => void,
  prelude: readonly StoreCommand[][] = [],
): number {
  let states = 0;
  const first = createRig();
  if (prelude.length > 0) play(first, prelude, Number.POSITIVE_INFINITY);
  for (let limit = first.performed + 1; ; limit++) {
    const before = createRig();
    const whole = play(before, [...prelude, ...commands], limit);
    states += forAllChoices(CHOICES_MAX, (choose) => {
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

function beginSnapshot(index: number): StoreCommand {
  const table = { sessions: [], keys: [] };
  return { kind: "begin-snapshot", index, epoch: [1, 1], ageMs: index, generation: 1, logTimeMs: 1_700_000_000_000, table };
}

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

  it("trap 28: segments that are used again never bring back what they held, whatever a crash leaves of them", () => {
    const snapshot = (index: number): StoreCommand[] => [beginSnapshot(index), { kind: "finish-snapshot" }];
    // Entries of one size, so that old batches lie exactly where new ones go.
    const batches = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => [persist(from + 2 * at + 1, [from + 2 * at, from + 2 * at + 1])]);
    const prelude = [...batches(1, 9), snapshot(16), [{ kind: "drop-log", throughIndex: 16 } as const]];
    const commands = [...batches(19, 6), snapshot(24), [{ kind: "drop-log", throughIndex: 24 } as const], ...batches(31, 2)];
    let [reused, stale] = [0, 0];
    forAllCrashes(
      commands,
      (before, after) => {
        const acked = Math.max(0, ...resultsOf(before, "persisted").map((result) => result.ticket));
        const names = [...after.disk.names.keys()];
        reused = Math.max(reused, before.reused);
        const result = recovered(after);
        const base = result.snapshot?.meta.index ?? 0;
        const found = result.entries.map((entry) => entry.index);
        expect(found).toEqual(Array.from({ length: found.length }, (_, at) => base + 1 + at));
        expect(base + found.length).toBeGreaterThanOrEqual(acked);
        expect(base + found.length).toBeLessThanOrEqual(34);
        if (names.some((name) => name.startsWith("free-"))) stale += 1;
        // And it goes on from there, over what the files held before.
        give(after, persist(99, [base + found.length + 1, base + found.length + 2]));
        settle(after);
        crashDisk(after.disk, () => 0);
        expect(recovered(createRig(after.disk)).entries.at(-1)?.index).toBe(base + found.length + 2);
      },
      prelude,
    );
    expect(reused).toBeGreaterThan(2);
    expect(stale).toBeGreaterThan(0);
  });

  it("S5d: a log dropped while the next segment is begun is never taken for one that lacks a segment", () => {
    const index = 8;
    const together = [{ kind: "drop-log", throughIndex: index } as const, persist(20, [9, 10, 11])];
    const prelude = [[persist(1, [1, 2, 3, 4])], [persist(5, [5, 6, 7, 8])], [beginSnapshot(index), { kind: "finish-snapshot" } as const]];
    let dropped = 0;
    for (const commands of [[together], [[...together].reverse()]]) {
      forAllCrashes(
        commands,
        (before, after) => {
          const result = recovered(after);
          if (![...after.disk.names.keys()].includes("segment-000000000001")) dropped += 1;
          const acked = Math.max(0, ...resultsOf(before, "persisted").map(({ ticket }) => (ticket === 20 ? 11 : index)));
          expect(result.entries.at(-1)?.index ?? result.snapshot?.meta.index ?? 0).toBeGreaterThanOrEqual(acked);
        },
        prelude,
      );
    }
    expect(dropped).toBeGreaterThan(0);
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
      beginSnapshot(index),
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
