import { all, busy, ofSpec, onHosts, readWeakly, serving, stormFor, struckBy, withSettings } from "../focus.js";
import type { Edit, PlantedBug } from "../planted-bug.js";

const CUT_OFF_READERS = all(
  serving("register"),
  ofSpec({ replicas: 3, durability: "disk" }),
  onHosts(3),
  busy(4, 2, 12),
  stormFor(8_000),
  struckBy(1_500, "partition"),
);

/** A copy of a request that is queued or executing is not looked for. */
const UNATTACHED: Edit = {
  file: "server/core/admission.ts",
  find: "return attach(pending, waiter);\n  }\n  if (!isNew(",
  replace: "if (pending.index > 0) return attach(pending, waiter);\n  }\n  if (!isNew(",
};

/** S6-S9: sessions, reads, speculation, determinism. */
export const SESSION_BUGS: readonly PlantedBug[] = [
  {
    name: "snapshot-without-the-session-table",
    rule: "S6b",
    edits: [
      {
        file: "server/core/checkpoint.ts",
        find: "captureTable(replica.table) });",
        replace: "captureTable({ sessions: new Map(), keys: { parts: [new Map()], size: 0 } }) });",
      },
    ],
    found: /^S[69]/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(ofSpec({ replicas: 3, durability: "disk", checkpointEntries: 20 }), struckBy(300, "kill-server", "disk-wiped")),
    },
  },
  {
    name: "last-number-in-place-of-the-set",
    rule: "S6b",
    edits: [
      {
        file: "server/core/session-table.ts",
        find: "if (remembered === undefined) return NEW;\n  return isSameRequest(remembered, digest)",
        replace: `if (remembered === undefined) {
    const last = session.replies.get(highestSequence(session));
    return last === undefined || identity.sequence > highestSequence(session) ? NEW : { kind: "remembered", remembered: last };
  }
  return isSameRequest(remembered, digest)`,
      },
    ],
    found: /^S[67]/,
    // A lower number comes after a higher one where a replica that is not the leader yet redirects the first and admits the second.
    hunt: {
      by: "swarm",
      seed: 23,
      within: 200,
      focus: all(ofSpec({ replicas: 3, durability: "memory" }), busy(2, 8, 4), stormFor(3_000), struckBy(100, "hand-over", "pause-server")),
    },
  },
  {
    name: "retry-passes-its-queued-first-copy",
    rule: "S6c",
    edits: [UNATTACHED],
    found: /^S[679]/,
    hunt: {
      by: "swarm",
      seed: 2,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, style: "warm-passive" }),
        busy(4, 4, 5),
        withSettings({ replayProbability: 0.05, diskMaxMs: 20 }),
        struckBy(150, "connection-reset", "disk-slow"),
      ),
    },
  },
  {
    name: "duplicate-in-flight-executed-again",
    rule: "S6c",
    edits: [
      { ...UNATTACHED, replace: "if (pending.waiters.length === 0) return attach(pending, waiter);\n  }\n  if (!isNew(" },
      {
        file: "server/core/apply.ts",
        find: 'if (finding.kind !== "new") return tellFinding(turn, finding, item);\n  replica.executedCount++;',
        replace:
          'const again = finding.kind === "remembered" && item !== null;\n  if (finding.kind !== "new" && !again) return tellFinding(turn, finding, item);\n  replica.executedCount++;',
      },
      {
        file: "server/core/apply.ts",
        find: "remember(replica.table, identity, remembered, entry.ageMs);\n  if (poisoned)",
        replace: "if (!again) remember(replica.table, identity, remembered, entry.ageMs);\n  if (poisoned)",
      },
    ],
    found: /^S[679]/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, style: "active" }),
        busy(4, 1, 8),
        withSettings({ replayProbability: 0.05, diskMaxMs: 20 }),
        struckBy(150, "connection-reset", "disk-slow"),
      ),
    },
  },
  {
    name: "admits-before-its-log-is-applied",
    rule: "S6c",
    edits: [
      {
        file: "server/core/step.ts",
        find: 'leading.phase !== "active" || replica.appliedIndex < leading.startIndex) return;',
        replace: 'leading.phase !== "active") return;',
      },
      {
        file: "server/core/invariants.ts",
        find: 'assert(stance.phase === "active" && replica.appliedIndex >= stance.startIndex, ',
        replace: "assert(true, ",
      },
    ],
    found: /^S[2679]|^apply/,
    hunt: {
      by: "swarm",
      seed: 4,
      within: 50,
      focus: all(ofSpec({ replicas: 3 }), busy(4, 4, 5), struckBy(250, "kill-server", "hand-over", "connection-reset")),
    },
  },
  {
    name: "table-not-asked-when-applied",
    rule: "S6c",
    // Admission lets no second copy into the log, so this alone changes nothing: it is what remains when that fails.
    edits: [
      { ...UNATTACHED, replace: "}\n  if (!isNew(" },
      {
        file: "server/core/apply.ts",
        find: "const finding = find(replica.table, identity, digest);\n  raiseFloor(replica.table, identity, entry.ageMs);\n  if (finding.kind",
        replace: 'const finding = { kind: "new" } as Finding;\n  raiseFloor(replica.table, identity, entry.ageMs);\n  if (finding.kind',
      },
      { file: "server/core/session-table.ts", find: "assert(lookUp(table.keys, identity.key) === undefined, ", replace: "assert(true, " },
      { file: "server/core/session-table.ts", find: "assert(!session.replies.has(identity.sequence), ", replace: "assert(true, " },
    ],
    found: /^S6/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: all(
        ofSpec({ replicas: 3, style: "active" }),
        busy(4, 4, 5),
        withSettings({ replayProbability: 0.05, diskMaxMs: 20 }),
        struckBy(150, "connection-reset", "disk-slow"),
      ),
    },
  },
  {
    name: "sends-again-the-newest-first",
    rule: "S6d",
    edits: [
      {
        file: "client/core/send.ts",
        find: "numbered.sort((a, b) => (a.place?.sequence ?? 0) - (b.place?.sequence ?? 0));",
        replace: "numbered.reverse();",
      },
    ],
    found: /^S6d/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: all(ofSpec({ replicas: 3 }), busy(2, 4, 5)) },
  },
  {
    name: "new-requests-pass-what-is-sent-again",
    rule: "S6d",
    edits: [
      {
        file: "client/core/send.ts",
        find: "  sendNumbered(state, state.session.session, effects);\n  // S6d: what has no number yet was made later.\n  if (state.waitingNumbered.size > 0) return;\n",
        replace: "",
      },
      {
        file: "client/core/send.ts",
        find: "    if (!call.saving) sendCopy(state, call, state.route?.connection ?? 0, effects);\n  }\n}",
        replace:
          "    if (!call.saving) sendCopy(state, call, state.route?.connection ?? 0, effects);\n  }\n  sendNumbered(state, state.session.session, effects);\n}",
      },
    ],
    found: /^S6d/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: all(ofSpec({ replicas: 3 }), busy(2, 4, 5)) },
  },
  {
    name: "older-life-of-a-client-is-heard",
    rule: "S6f",
    edits: [
      {
        file: "server/core/session-table.ts",
        find: "if (session === undefined || session.resumption !== identity.resumption) return EXPIRED;",
        replace: "if (session === undefined) return EXPIRED;",
      },
    ],
    found: /^S6/,
    hunt: {
      by: "swarm",
      seed: 6,
      within: 60,
      focus: all(ofSpec({ replicas: 3 }), busy(4, 4, 5), struckBy(100, "last-words")),
    },
  },
  {
    name: "definite-error-for-an-unknown-outcome",
    rule: "S6h",
    edits: [
      {
        file: "client/core/settle.ts",
        find: "return !call.lostCopy && call.tickets.size === 0;",
        replace: "return call.tickets.size >= 0;",
      },
    ],
    found: /^S6h/,
    hunt: { by: "swarm", seed: 9, within: 30 },
  },
  {
    name: "room-is-asked-for-before-the-table",
    rule: "S6h",
    edits: [
      {
        file: "server/core/admission.ts",
        find: "  if (!isNew(turn, leading, waiter, identity, digest)) return;\n",
        replace: `  const early = checkRoom(turn, leading, 0);
  if (early !== null) return fail(turn, waiter, ...early);
  if (!isNew(turn, leading, waiter, identity, digest)) return;
`,
      },
    ],
    found: /^S6h/,
    hunt: { by: "swarm", seed: 1, within: 50, focus: ofSpec({ replicas: 3, durability: "disk", minimumReplicas: 3 }) },
  },
  {
    name: "read-joins-a-round-begun-before",
    rule: "S7",
    edits: [{ file: "server/core/reads.ts", find: "read.round = leading.reads.round + 1;", replace: "read.round = leading.reads.round;" }],
    found: /^S7/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: CUT_OFF_READERS,
    },
  },
  {
    name: "read-answered-at-the-commit-index",
    rule: "S7",
    edits: [{ file: "server/core/reads.ts", find: "return lastIndex(replica.log);\n}", replace: "return replica.commitIndex;\n}" }],
    found: /^S[78]/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(
        serving("register"),
        ofSpec({ replicas: 3, style: "warm-passive", durability: "disk" }),
        onHosts(3),
        busy(4, 2, 12),
        stormFor(8_000),
        struckBy(1_500, "partition", "kill-server"),
      ),
    },
  },
  {
    name: "lease-kept-through-a-pause",
    rule: "S7",
    edits: [
      {
        file: "server/core/reads.ts",
        find: "if (read.round > reads.confirmedRound || read.answer.index",
        replace: "if ((reads.confirmedRound === 0 && read.round > 0) || read.answer.index",
      },
    ],
    found: /^S7/,
    hunt: {
      by: "swarm",
      seed: 7,
      within: 50,
      focus: CUT_OFF_READERS,
    },
  },
  {
    name: "session-read-below-what-its-client-has-seen",
    rule: "S7",
    edits: [
      {
        file: "server/core/reads.ts",
        find: 'return message.consistency === "any" || replica.appliedIndex >= message.atLeastIndex;',
        replace: "return true;",
      },
    ],
    found: /^S7 session: .* was told of/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: all(ofSpec({ replicas: 3 }), readWeakly) },
  },
  {
    name: "next-life-forgets-what-the-last-has-seen",
    rule: "S7",
    edits: [
      {
        file: "client/core/session.ts",
        find: "state.highestIndex = Math.max(state.highestIndex, message.index);",
        replace: "",
      },
      {
        file: "client/core/send.ts",
        find: "if (waitsForResumption(state, call)) continue;",
        replace: "",
      },
    ],
    found: /^S7 session: .* its earlier life was told of/,
    hunt: {
      by: "swarm",
      seed: 18,
      within: 40,
      focus: all(
        ofSpec({ replicas: 3 }),
        readWeakly,
        onHosts(3),
        stormFor(6_000),
        struckBy(100, "kill-client", "slow-link", "pause-server"),
      ),
    },
  },
  {
    name: "any-read-of-what-is-not-committed",
    rule: "S8",
    edits: [
      {
        file: "server/core/reads.ts",
        find: "const index = seenIndex(turn);",
        replace: 'const index = read.consistency === "any" ? replica.appliedIndex : seenIndex(turn);',
      },
    ],
    found: /^S7 any: .* in place of/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: all(ofSpec({ replicas: 3, style: "warm-passive" }), readWeakly) },
  },
  {
    name: "answered-before-it-is-committed",
    rule: "S8",
    edits: [
      {
        file: "server/core/apply.ts",
        find: "item.executed = { reply: completion.reply,",
        replace:
          "for (const waiter of item.waiters.splice(0)) sendReply(turn, waiter, lastEpoch(turn.replica.log)[0] === 0 ? 0 : turn.replica.commitIndex + 1, completion.reply);\n  item.executed = { reply: completion.reply,",
      },
    ],
    found: /^S8/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "update-applied-again-after-promotion",
    rule: "S9",
    edits: [
      {
        file: "service/executor.ts",
        find: "  workCount: number;\n}\n\n/** `machine`",
        replace: "  workCount: number;\n  older: Uint8Array[];\n}\n\n/** `machine`",
      },
      { file: "service/executor.ts", find: "    workCount: 0,\n  };", replace: "    workCount: 0,\n    older: [],\n  };" },
      {
        file: "service/executor.ts",
        find: "machine.applyUpdate(command.redo);",
        replace: "machine.applyUpdate(command.redo);\n      state.older = [...state.older.slice(-1), command.redo];",
      },
      {
        file: "service/executor.ts",
        find: "  state.current = command.requestKey;\n  tell(",
        replace:
          "  const old = state.older[0];\n  if (!command.settled && old !== undefined && !state.machine.hasUnreleased()) {\n    state.older = [];\n    state.machine.applyUpdate(old);\n  }\n  state.current = command.requestKey;\n  tell(",
      },
    ],
    found: /^S[679]|^invariant/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "snapshot-without-the-log-time",
    rule: "S9",
    edits: [
      {
        file: "server/core/checkpoint.ts",
        find: "const { ageMs, generation, issuedLogTimeMs: logTimeMs } = replica;",
        replace: "const { ageMs, generation } = replica;\n  const logTimeMs = 0;",
      },
    ],
    found: /^S9: .* with log time 0; it is/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 10,
      focus: all(
        ofSpec({ replicas: 3, style: "active", durability: "disk", checkpointEntries: 20 }),
        stormFor(3_000),
        struckBy(300, "kill-server", "disk-wiped"),
      ),
    },
  },
  {
    name: "undo-changes-iteration-order",
    rule: "S9",
    edits: [
      {
        file: "service/journal/change.ts",
        find: "scope.undo?.push(() => dict.fill(place, key, old));",
        replace: "scope.undo?.push(() => {\n    if (place >= 0) writeEntry(cell, key, old);\n  });",
      },
    ],
    found: /^S9/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(serving("bank"), ofSpec({ replicas: 3, style: "warm-passive" }), struckBy(400, "kill-server", "hand-over")),
    },
  },
];
