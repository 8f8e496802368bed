import { all, ofSpec, stormFor, struckBy } from "../focus.js";
import type { PlantedBug } from "../planted-bug.js";

const ANY_RM = {
  file: "rm/core/content.ts",
  find: "if (next.term !== current.term || next.owner !== current.owner) return",
  replace: "if (next.term !== current.term) return",
};

/** S1: one chain of views. */
export const CHAIN_BUGS: readonly PlantedBug[] = [
  {
    name: "same-term-at-a-new-start",
    rule: "S1a",
    edits: [{ file: "rm/core/term.ts", find: "term: from.term + 1, owner", replace: "term: Math.max(1, from.term), owner" }, ANY_RM],
    found: /^S1a/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: all(ofSpec({ replicas: 3, durability: "disk" }), struckBy(250, "second-rm", "kill-rm", "kill-server", "hand-over")),
    },
  },
  {
    name: "view-read-before-the-term",
    rule: "S1a",
    edits: [
      // A store that takes a term whatever was written meanwhile, and a manager that goes by what it read before.
      {
        file: "sim/control-store.ts",
        find: "if (store.revision !== expectedRevision) return",
        replace:
          "const before_ = store.content;\n  if (before_ !== null && content.term > before_.term) {\n    store.content = { ...before_, term: content.term, owner: content.owner };\n    store.revision += 1;\n    return null;\n  }\n  if (store.revision !== expectedRevision) return",
      },
      {
        file: "rm/core/term.ts",
        find: "rm.store.stored = found;\n  rm.store.draft = found;",
        replace:
          "const groups = rm.store.written?.groups ?? found.groups;\n  rm.store.stored = { ...found, groups };\n  rm.store.draft = rm.store.stored;",
      },
    ],
    found: /^S[13]/,
    hunt: {
      by: "swarm",
      seed: 17,
      within: 50,
      focus: all(ofSpec({ replicas: 3, durability: "disk" }), stormFor(8_000), struckBy(200, "second-rm", "hand-over", "kill-server")),
    },
  },
  {
    name: "attempts-share-an-epoch",
    rule: "S1b",
    edits: [{ file: "rm/core/attempt.ts", find: "group.counter += 1;", replace: "if (change.attempt === 0) group.counter += 1;" }],
    found: /^S(1b|3)/,
    hunt: {
      by: "swarm",
      seed: 2,
      within: 20,
      focus: all(ofSpec({ replicas: 3, durability: "disk" }), struckBy(200, "kill-at-failpoint", "kill-between-effects", "pause-server")),
    },
  },
  {
    name: "store-takes-a-view-from-anyone",
    rule: "S1c",
    edits: [
      {
        file: "sim/control-store.ts",
        find: "if (store.revision !== expectedRevision) return",
        replace: "if (expectedRevision < 0) return",
      },
      { ...ANY_RM, replace: "if (next.term < 0) return" },
      { file: "rm/core/content.ts", find: "if (compareEpochs(to.epoch, from.epoch) <= 0) return", replace: "if (to.epoch[0] < 0) return" },
      { file: "rm/core/content.ts", find: "if (to.epoch[0] !== term) return", replace: "if (term < 0) return" },
    ],
    found: /^S[1345]/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(ofSpec({ replicas: 3, durability: "disk" }), struckBy(200, "second-rm", "hand-over", "kill-server")),
    },
  },
  {
    name: "unknown-write-taken-for-done",
    rule: "S1d",
    edits: [
      {
        file: "rm/core/term.ts",
        find: 'read(rm, "re-reading", effects);\n  }\n}\n\n/** Groups',
        replace:
          'if (refusal === null) {\n      rm.store.stored = rm.store.written ?? rm.store.stored;\n      rm.store.revision += 1;\n      rm.store.phase = "ruling";\n      return;\n    }\n    read(rm, "re-reading", effects);\n  }\n}\n\n/** Groups',
      },
    ],
    found: /^S[14]/,
    hunt: { by: "swarm", seed: 5, within: 50, focus: (plan) => ({ ...plan, storeUnknownProbability: 0.1 }) },
  },
  {
    name: "old-store-goes-on",
    rule: "S1e",
    edits: [
      {
        file: "rm/core/answers.ts",
        find: "if (activeView !== null && compareEpochs(activeView.epoch, stored?.epoch ?? EPOCH_ZERO) > 0) {",
        replace: 'if (activeView !== null && who === "") {',
      },
      {
        file: "rm/core/answers.ts",
        find: "if (promise === null) return null;\n  const { term }",
        replace: "return null;\n  const { term }",
      },
      { file: "server/core/seal.ts", find: "if (known === null) return null;", replace: "if (known !== base) return null;" },
    ],
    found: /^S[135]/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 50,
      focus: all(ofSpec({ replicas: 3, durability: "disk" }), struckBy(600, "kill-server", "old-store")),
    },
  },
  {
    name: "written-otherwise-than-it-was-led",
    rule: "S4b",
    edits: [
      {
        file: "rm/core/view-change.ts",
        find: "activeView: change.view });",
        replace: "activeView: { ...change.view, quorum: change.view.members.length } });",
      },
    ],
    found: /^S4b: view .* is written as/,
    hunt: { by: "swarm", seed: 1, within: 5, focus: ofSpec({ replicas: 3, quorum: "majority" }) },
  },
  {
    name: "half-of-several-settings",
    rule: "section 11",
    edits: [{ file: "rm/core/admin.ts", find: "    rm.store.draft = draft;\n", replace: "" }],
    found: /^section 11/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: struckBy(300, "change-many", "kill-rm", "kill-server") },
  },
];
