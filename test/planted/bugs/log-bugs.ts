import { all, busy, ofSpec, onHosts, struckBy, withBounds, withSettings } from "../focus.js";
import type { PlantedBug } from "../planted-bug.js";

/** L1-L5: the log. */
export const LOG_BUGS: readonly PlantedBug[] = [
  {
    name: "repeated-append-truncates",
    rule: "L1",
    edits: [
      {
        file: "server/core/follower.ts",
        find: "if (held !== null && sameEpoch(held, entry.epoch)) continue;",
        replace: "if (entry.index <= replica.commitIndex) continue;",
      },
    ],
    found: /^(L|S[2358]|liveness|convergence|protocol)/,
    hunt: {
      by: "swarm",
      seed: 15,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, quorum: "all" }),
        withSettings({ replayProbability: 0.05 }),
        struckBy(200, "connection-reset", "pause-server"),
      ),
    },
  },
  {
    name: "acknowledges-length-of-log",
    rule: "L2",
    edits: [
      {
        file: "server/core/follower.ts",
        find: "const verified = Math.min(message.prevIndex + message.entries.length, lastIndex(log));",
        replace: "const verified = lastIndex(log);",
      },
    ],
    found: /^(L2|S3)/,
    hunt: {
      by: "swarm",
      seed: 9,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, durability: "disk" }),
        onHosts(3),
        withBounds({ appendEntriesMax: 1, windowEntries: 2 }),
        busy(4, 1, 8),
        struckBy(250, "kill-server", "partition", "connection-reset"),
      ),
    },
  },
  {
    name: "counts-older-epochs-by-themselves",
    rule: "L3",
    edits: [
      { file: "server/core/quorum.ts", find: 'if (leading.phase !== "active") return;\n', replace: "" },
      {
        file: "server/core/quorum.ts",
        find: "const index = quorumIndex(replica, leading);\n  if (index < leading.startIndex || index",
        replace:
          'const counted = quorumIndex(replica, leading);\n  const index = leading.phase === "active" ? counted : Math.min(counted, leading.startIndex - 1);\n  if (index',
      },
    ],
    found: /^(L3|S[34])/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "append-follows-before-promise-is-durable",
    rule: "L4",
    edits: [
      {
        file: "server/core/follower.ts",
        find: "if (compareEpochs(replica.durablePromise, epoch) < 0) {",
        replace: "if (replica.held.length > HELD_MAX) {",
      },
      {
        file: "server/core/follower.ts",
        find: "assert(compareEpochs(replica.durablePromise, following.epoch) >= 0, ",
        replace: "assert(true, ",
      },
    ],
    found: /^L4/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: all(
        ofSpec({ replicas: 3, durability: "disk" }),
        withSettings({ diskMaxMs: 20 }),
        struckBy(250, "kill-server", "kill-at-failpoint", "hand-over"),
      ),
    },
  },
  {
    name: "checksum-of-an-entry-is-not-compared",
    rule: "L5",
    edits: [
      {
        file: "codec/entry.ts",
        find: "if (crc32(bytes.subarray(CHECKED_FROM_BYTES), size) !== checksum) return",
        replace: "if (crc32(bytes.subarray(CHECKED_FROM_BYTES), size) < 0) return",
      },
    ],
    found: /^L5/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 10,
      focus: all(ofSpec({ replicas: 3 }), withSettings({ codec: true }), struckBy(300, "entry-damaged")),
    },
  },
];
