import type { Edit, PlantedBug } from "../planted-bug.js";

const UNASSERTED: Edit = { file: "explore/rm-script.ts", find: "      assertIntersection(base, answers, leader);\n", replace: "" };

/** Found by the explorer: around the replica's core, and in what stands for the Replication Manager's there. */
export const EXPLORED_BUGS: readonly PlantedBug[] = [
  {
    name: "entries-told-durable-early",
    rule: "S5e",
    edits: [
      {
        file: "explore/host.ts",
        find: '    case "persist":\n    case "persist-promise":',
        replace:
          '    case "persist":\n      host.writes.push({ ticket: effect.ticket, effect, content: 0 });\n      events.push({ kind: "entries-persisted", ticket: effect.ticket });\n      return;\n    case "persist-promise":',
      },
    ],
    found: /^S3/,
    hunt: { by: "explorer", scope: { restarts: 1 }, within: 60_000 },
  },
  {
    name: "promise-told-durable-early",
    rule: "S2a",
    edits: [
      {
        file: "explore/host.ts",
        find: '    case "persist-promise":',
        replace:
          '    case "persist-promise":\n      host.writes.push({ ticket: effect.ticket, effect, content: 0 });\n      events.push({ kind: "promise-persisted", ticket: effect.ticket });\n      return;',
      },
    ],
    found: /^S2a/,
    hunt: { by: "explorer", scope: { restarts: 1 }, within: 2_000 },
  },
  {
    name: "amnesia",
    rule: "S5a",
    edits: [
      {
        file: "explore/catalog.ts",
        find: "const incarnation = isNew ? boot : before.life.incarnation;",
        replace: "const { incarnation } = before.life;",
      },
    ],
    found: /^S3/,
    hunt: { by: "explorer", scope: { members: 2, wipes: 1 }, within: 5_000 },
  },
  {
    name: "rm-one-answer-too-few",
    rule: "S3a",
    edits: [
      UNASSERTED,
      {
        file: "explore/rm-script.ts",
        find: "const needed = sealQuorum(base);",
        replace: "const needed = Math.max(1, sealQuorum(base) - 1);",
      },
    ],
    found: /^S3/,
    hunt: { by: "explorer", scope: {}, within: 10_000 },
  },
  {
    name: "rm-counts-attempted-view",
    rule: "S3c",
    edits: [
      UNASSERTED,
      {
        file: "explore/rm-script.ts",
        find: "const base = activeView(rm.content);",
        replace: "const base = rm.attempt?.view ?? activeView(rm.content);",
      },
    ],
    found: /^L1|^S[13]/,
    hunt: { by: "explorer", scope: { attempts: 2 }, within: 100_000 },
  },
  {
    name: "shortest-log-leads",
    rule: "S3d",
    edits: [
      UNASSERTED,
      { file: "rm/core/succession.ts", find: "? 1 : comparePositions(answer, first);", replace: "? 1 : comparePositions(first, answer);" },
    ],
    found: /^L1|^S3/,
    hunt: { by: "explorer", scope: {}, within: 5_000 },
  },
  {
    name: "rm-activates-unwritten",
    rule: "S4b",
    edits: [
      {
        file: "explore/rm-script.ts",
        find: "  const next = record === undefined ? rm.content",
        replace:
          "  if (rm.attempt?.base !== null) return { text, rm: { ...rm, attempt: null }, store, orders, begins: false, isDue: true };\n  const next = record === undefined ? rm.content",
      },
    ],
    found: /^S4c/,
    hunt: { by: "explorer", scope: {}, within: 5_000 },
  },
  {
    name: "store-takes-all",
    rule: "S1c",
    edits: [
      {
        file: "explore/rm-script.ts",
        find: 'if (rm.revision !== store.revision) return "the revision has moved on";',
        replace: "if (rm.revision >= 0) return null;",
      },
    ],
    found: /^S1:/,
    hunt: { by: "explorer", scope: { members: 1, requests: 0, rms: 2, attempts: 2 }, within: 2_000 },
  },
  {
    name: "second-rm-in-the-same-term",
    rule: "S1a",
    edits: [
      {
        file: "explore/rm-script.ts",
        find: "  const content = { ...store.content, term: store.content.term + 1, owner: ownerOf(rm.rm) };\n  const revision = store.revision + 1;",
        replace: "  const { content, revision } = store;\n  const counter = activeView(content)?.epoch[1] ?? 0;",
      },
      {
        file: "explore/rm-script.ts",
        find: 'phase: "ruling", content, revision }',
        replace: 'phase: "ruling", counter, content, revision }',
      },
    ],
    found: /^S1b/,
    hunt: { by: "explorer", scope: { requests: 0, rms: 2, attempts: 2 }, within: 40_000 },
  },
];
