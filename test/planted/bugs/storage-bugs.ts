import { all, busy, ofSpec, struckBy, withSettings } from "../focus.js";
import type { PlantedBug } from "../planted-bug.js";

/** Section 7 and S5: what is on the disk. */
export const STORAGE_BUGS: readonly PlantedBug[] = [
  {
    name: "damage-in-the-middle-cut-off",
    rule: "S5d",
    edits: [
      {
        file: "storage/segment.ts",
        find: "damage: problem === null ? null : { offsetBytes, ...problem } };",
        replace: "damage: null };",
      },
    ],
    found: /^S5/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(ofSpec({ replicas: 3, durability: "disk", checkpointEntries: 10_000 }), struckBy(300, "disk-damaged", "kill-server")),
    },
  },
  {
    name: "group-commit-acknowledges-the-next-batch",
    rule: "section 7",
    edits: [
      {
        file: "storage/write-ahead-log.ts",
        find: "for (const batch of taken) batch.done();",
        replace:
          "for (const batch of taken) batch.done();\n    const next = log.pending[0];\n    if (next !== undefined) {\n      log.pending[0] = { ...next, done: () => {} };\n      next.done();\n    }",
      },
    ],
    found: /^S[58]/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, durability: "disk" }),
        busy(4, 4, 5),
        withSettings({ diskMaxMs: 20 }),
        struckBy(300, "kill-server", "power-off"),
      ),
    },
  },
  {
    name: "failed-sync-taken-for-done",
    rule: "S5e",
    edits: [
      {
        file: "storage/write-ahead-log.ts",
        find: 'yield* perform({ kind: "sync", path });\n  log.nextBatchNumber += 1;',
        replace: 'yield* attempt({ kind: "sync", path }, "EIO");\n  log.nextBatchNumber += 1;',
      },
    ],
    found: /^S5/,
    hunt: {
      by: "swarm",
      seed: 2,
      within: 30,
      focus: all(ofSpec({ replicas: 3, durability: "disk" }), struckBy(250, "disk-errors", "power-off")),
    },
  },
  {
    name: "torn-tail-reported-as-durable",
    rule: "section 7",
    edits: [{ file: "storage/log-recovery.ts", find: "yield* rewriteTail(log, read.value);", replace: "" }],
    found: /^S5/,
    hunt: {
      by: "swarm",
      seed: 7,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, durability: "disk" }),
        busy(4, 4, 5),
        withSettings({ diskMaxMs: 20 }),
        struckBy(200, "kill-server", "power-off"),
      ),
    },
  },
  {
    name: "snapshot-of-uncommitted-state",
    rule: "S8",
    edits: [
      {
        file: "server/core/checkpoint.ts",
        find: "fifoSize(execution.speculating) === 0 && !runsAhead(replica);",
        replace: "fifoSize(execution.speculating) === 0;",
      },
      {
        file: "server/core/line.ts",
        find: "&& isCheckpointDue(turn);",
        replace: "&& isCheckpointDue(turn) && leading.startedCount < 0;",
      },
      { file: "service/executor.ts", find: "assert(idle() && !machine.hasUnreleased(), rule,", replace: "assert(idle(), rule," },
    ],
    found: /^S[5689]|^invariant|^capture/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, style: "warm-passive", checkpointEntries: 20 }),
        busy(4, 4, 5),
        struckBy(250, "kill-server", "hand-over"),
      ),
    },
  },
];
