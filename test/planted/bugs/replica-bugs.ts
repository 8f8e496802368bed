import type { Scope } from "../../../src/explore/scope.js";
import type { PlantedBug } from "../planted-bug.js";
import { editsOf } from "../swarm-bugs.js";

/** Two replicas: what one of them has lost nobody has, and one answer is enough for a leader. Few steps are out of the ordinary. */
function inPair(scope: Partial<Scope>, within: number): PlantedBug["hunt"] {
  return { by: "explorer", scope: { members: 2, search: "disturbances", ...scope }, within };
}

/** Found by the explorer in the replica's real core: the swarm's own bugs of it, with the fewest steps that they need. */
export const REPLICA_BUGS: readonly PlantedBug[] = [
  {
    name: "replica-repeated-append-truncates",
    rule: "L1",
    edits: editsOf("repeated-append-truncates"),
    found: /^S3: .* where .* was committed before/,
    hunt: inPair({ requests: 2 }, 15_000),
  },
  {
    name: "replica-counts-older-epochs-by-themselves",
    rule: "L3",
    edits: editsOf("counts-older-epochs-by-themselves"),
    found: /^S4c/,
    hunt: inPair({}, 2_000),
  },
  {
    name: "replica-seal-answered-before-promise-is-durable",
    rule: "S2a",
    edits: editsOf("seal-answered-before-promise-is-durable"),
    found: /^S2a/,
    hunt: inPair({ requests: 0, restarts: 1 }, 1_000),
  },
  {
    name: "replica-entries-taken-after-a-seal",
    rule: "S2a",
    edits: editsOf("entries-taken-after-a-seal"),
    found: /^S2a: .* sends append-ack/,
    hunt: inPair({ forgets: false }, 1_000),
  },
  {
    name: "replica-round-confirmed-after-a-seal",
    rule: "S2a",
    edits: editsOf("round-confirmed-after-a-seal"),
    found: /^S2a: .* sends confirmed/,
    hunt: inPair({ reads: 1, forgets: false }, 1_000),
  },
  {
    name: "replica-speculation-stays-after-a-seal",
    rule: "S2c",
    edits: editsOf("speculation-stays-after-a-seal"),
    found: /^S9/,
    hunt: inPair({ style: "warm-passive" }, 1_000),
  },
  {
    name: "replica-led-with-the-start-entry-on-one",
    rule: "S4a",
    edits: editsOf("led-with-the-start-entry-on-one"),
    found: /^L1|^S3/,
    hunt: inPair({ spares: 1, requests: 0, attempts: 2, search: "breadth" }, 15_000),
  },
  {
    name: "replica-serves-before-it-is-told",
    rule: "S4c",
    edits: editsOf("serves-before-it-is-told"),
    found: /^S4c/,
    hunt: inPair({}, 1_000),
  },
  {
    name: "replica-leads-again-after-a-restart",
    rule: "S4d",
    edits: editsOf("leads-again-after-a-restart"),
    found: /^S3: .* where .* was committed before/,
    hunt: inPair({ restarts: 1 }, 4_000),
  },
  {
    name: "replica-last-number-in-place-of-the-set",
    rule: "S6b",
    edits: editsOf("last-number-in-place-of-the-set"),
    found: /^S6: request 1/,
    hunt: inPair({ requests: 2 }, 1_000),
  },
  {
    name: "replica-snapshot-without-the-session-table",
    rule: "S6b",
    edits: editsOf("snapshot-without-the-session-table"),
    found: /^S[69]/,
    hunt: inPair({ spares: 1, requests: 2, checkpointEntries: 2 }, 8_000),
  },
  {
    name: "replica-duplicate-in-flight-executed-again",
    rule: "S6c",
    edits: editsOf("duplicate-in-flight-executed-again"),
    found: /^S9: .* holds "a a"/,
    hunt: inPair({ members: 3 }, 2_000),
  },
  {
    name: "replica-table-not-asked-when-applied",
    rule: "S6c",
    edits: editsOf("table-not-asked-when-applied"),
    found: /^S6/,
    hunt: inPair({}, 1_000),
  },
  {
    name: "replica-read-joins-a-round-begun-before",
    rule: "S7",
    edits: editsOf("read-joins-a-round-begun-before"),
    found: /^S7: a read shows .* before it was asked/,
    hunt: inPair({ reads: 1 }, 5_000),
  },
  {
    name: "replica-lease-kept-through-a-pause",
    rule: "S7",
    edits: editsOf("lease-kept-through-a-pause"),
    found: /^S7: a read shows .* before it was asked/,
    hunt: inPair({ reads: 2 }, 10_000),
  },
  {
    name: "replica-read-answered-at-the-commit-index",
    rule: "S7",
    edits: editsOf("read-answered-at-the-commit-index"),
    found: /^S7: a read shows .* committed is only/,
    hunt: inPair({ members: 3, reads: 1, style: "warm-passive" }, 3_000),
  },
  {
    name: "replica-answered-before-it-is-committed",
    rule: "S8",
    edits: editsOf("answered-before-it-is-committed"),
    found: /^S6: .* the committed entries make 0/,
    hunt: inPair({ style: "warm-passive" }, 1_000),
  },
];
