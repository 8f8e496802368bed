import { all, busy, ofSpec, stormFor, struckBy, withBounds, withSettings } from "../focus.js";
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
    name: "first-segment-not-missed",
    rule: "S5a",
    edits: [
      {
        file: "storage/log-recovery.ts",
        find: "if (read.lastBatch === null && first !== 1)",
        replace: "if (read.lastBatch === null && first < 1)",
      },
    ],
    found: /^S5: .* recovered a log that ends at/,
    // The only segment that was written has to be lost after the next was made ready.
    hunt: {
      by: "swarm",
      seed: 16,
      within: 60,
      focus: all(ofSpec({ replicas: 3, durability: "disk", checkpointEntries: 10_000 }), struckBy(200, "file-lost", "disk-wiped")),
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
      seed: 4,
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
      seed: 11,
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
  {
    name: "folder-not-found-at-a-restart",
    rule: "S5c",
    edits: [
      {
        file: "sim/shells/server-shell.ts",
        find: "if (known !== undefined) return known;",
        replace: "if (known !== undefined && process.startTime < 1_500) return known;",
      },
    ],
    found: /^S5c: .* begins anew/,
    // One that is alone cannot be left out of the view while it starts again.
    hunt: { by: "swarm", seed: 1, within: 5, focus: all(ofSpec({ replicas: 1, durability: "disk" }), struckBy(300, "kill-server")) },
  },
  {
    name: "discarded-before-it-has-left",
    rule: "S5c",
    edits: [{ file: "rm/core/replicas.ts", find: "if (one.leaving && !member) discard(", replace: "if (one.leaving) discard(" }],
    found: /^S5c: the log of .* is set aside/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: all(ofSpec({ replicas: 3, durability: "disk" }), struckBy(300, "end-by-hand")) },
  },
  {
    name: "snapshot-installed-under-another-epoch",
    rule: "S5b",
    edits: [
      {
        file: "server/core/receiver.ts",
        find: "replaceLog(replica.log, { epoch: record.epoch, index: record.index });",
        replace: "replaceLog(replica.log, { epoch: replica.promise, index: record.index });",
      },
    ],
    found: /^S5b: .* in a snapshot/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: all(
        ofSpec({ replicas: 3, durability: "disk", checkpointEntries: 20 }),
        withBounds({ entriesBehindSnapshotMax: 0 }),
        stormFor(3_000),
        struckBy(200, "hand-over", "disk-wiped"),
      ),
    },
  },
];
