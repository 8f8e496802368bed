import { expect, test } from "vitest";
import { calm, createChaos, storm } from "./testing/chaos.js";

const SEEDS = Number(process.env.CORE_SEEDS ?? 20);
const FIRST = Number(process.env.CORE_SEED ?? 1);

const OPTIONS = {
  checkpointEntries: 25,
  bounds: { entriesBehindSnapshotMax: 5, sliceBytes: 200, appendEntriesMax: 4, windowEntries: 16, executionsAheadMax: 3 },
  timings: { appendHeartbeatMs: 10, transferResendMs: 40, leadTimeoutMs: 60 },
};

test("S1, S2, S3, S4, S5, S6, S7, S8: random runs lose nothing, double nothing, read nothing stale", { timeout: 300_000 }, () => {
  const marks: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const chaos = createChaos(seed, OPTIONS, 60);
    try {
      storm(chaos, 15_000);
      const words = calm(chaos);
      expect(new Set(words).size).toBe(words.length);
      for (const word of chaos.acked) expect(words).toContain(word);
      expect(words.length).toBe(180);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`, { cause: error });
    }
    for (const [name, count] of Object.entries(chaos.marks)) marks[name] = (marks[name] ?? 0) + count;
    marks.changes = (marks.changes ?? 0) + chaos.rm.changes;
    const snapshots = [...chaos.group.hosts.values()].reduce((sum, host) => sum + (host.replica.snapshot?.index ?? 0), 0);
    if (snapshots > 0) marks.snapshots = (marks.snapshots ?? 0) + 1;
  }
  for (const name of ["crash", "disk lost", "rm restarted", "retried after its answer", "read", "changes", "snapshots", "cold"]) {
    expect(marks[name] ?? 0, name).toBeGreaterThan(0);
  }
});
