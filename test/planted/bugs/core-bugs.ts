import type { Scope } from "../../../src/explore/scope.js";
import type { Edit, PlantedBug } from "../planted-bug.js";
import { editsOf } from "../swarm-bugs.js";

/** The real core is the manager; few steps are out of the ordinary. */
function inCore(scope: Partial<Scope>, within: number): PlantedBug["hunt"] {
  return { by: "explorer", scope: { manager: "core", requests: 0, keepsReports: false, search: "disturbances", ...scope }, within };
}

const TAKES_ANY_REVISION: Edit = {
  file: "explore/rm-core-steps.ts",
  find: 'if (ask.expectedRevision !== store.revision) return "the revision has moved on";',
  replace: "",
};

/** Found by the explorer in the Replication Manager's real core: those that the swarm finds there, too, and with them the fewest steps that they need. */
export const CORE_BUGS: readonly PlantedBug[] = [
  {
    name: "core-same-term-at-a-new-start",
    rule: "S1a",
    edits: editsOf("same-term-at-a-new-start"),
    found: /^S1a/,
    hunt: inCore({ members: 1, rms: 2 }, 500),
  },
  {
    name: "core-view-read-before-the-term",
    rule: "S1a",
    edits: [
      ...editsOf("view-read-before-the-term").filter((edit) => edit.file.startsWith("rm/")),
      {
        ...TAKES_ANY_REVISION,
        replace: `if (ask.content.term > store.content.term) return null;\n  ${TAKES_ANY_REVISION.find}`,
      },
      {
        file: "explore/rm-core-steps.ts",
        find: "  const before = activeView(store.content);\n  const view = activeView(content);",
        replace: `  const { term, owner } = content;
  if (term > store.content.term) return { ...store, content: { ...store.content, term, owner }, revision: store.revision + 1 };
  const before = activeView(store.content);
  const view = activeView(content);`,
      },
    ],
    found: /^S1/,
    hunt: inCore({ members: 1, rms: 2, attempts: 2, suspicions: 1 }, 10_000),
  },
  {
    name: "core-attempts-share-an-epoch",
    rule: "S1b",
    edits: editsOf("attempts-share-an-epoch"),
    found: /^S(1b|3)/,
    hunt: inCore({ attempts: 2, suspicions: 1, leadTimeouts: true, order: [3, 2, 1] }, 15_000),
  },
  {
    name: "core-store-takes-a-view-from-anyone",
    rule: "S1c",
    edits: [TAKES_ANY_REVISION, ...editsOf("store-takes-a-view-from-anyone").filter((edit) => edit.file.startsWith("rm/"))],
    found: /^S1/,
    hunt: inCore({ members: 1, rms: 2, attempts: 2, suspicions: 1 }, 20_000),
  },
  {
    name: "core-unknown-write-taken-for-done",
    rule: "S1d",
    edits: editsOf("unknown-write-taken-for-done"),
    found: /^S[14]/,
    hunt: inCore({ suspicions: 1, doubts: 1 }, 1_000),
  },
  {
    name: "core-one-answer-too-few",
    rule: "S3a",
    edits: editsOf("one-answer-too-few"),
    found: /^S3/,
    hunt: inCore({ requests: 1, restarts: 1 }, 15_000),
  },
  {
    name: "core-answers-counted-by-replica",
    rule: "S3b",
    edits: editsOf("answers-counted-by-replica"),
    found: /^S3/,
    hunt: inCore({ members: 2, requests: 1, wipes: 1 }, 1_000),
  },
  {
    name: "core-counts-attempted-view",
    rule: "S3c",
    edits: editsOf("counts-attempted-view"),
    found: /^S[13]/,
    hunt: inCore({ attempts: 2, suspicions: 1 }, 2_000),
  },
  {
    name: "core-any-answer-leads",
    rule: "S3d",
    edits: editsOf("any-answer-leads"),
    found: /^L1|^S3/,
    hunt: inCore({ requests: 1, suspicions: 1, order: [3, 2, 1] }, 15_000),
  },
  {
    name: "core-activated-before-it-is-written",
    rule: "S4b",
    edits: editsOf("activated-before-it-is-written"),
    found: /^S4c/,
    hunt: inCore({}, 1),
  },
];
