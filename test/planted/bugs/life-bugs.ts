import { all, busy, ofSpec, stormFor, struckBy, withTimings } from "../focus.js";
import type { PlantedBug } from "../planted-bug.js";

/** S6a, S6e-S6g: how sessions and keys begin, age, go on and expire. */
export const LIFE_BUGS: readonly PlantedBug[] = [
  {
    name: "resumed-without-its-highest-number",
    rule: "S6f",
    edits: [
      {
        file: "server/core/session-requests.ts",
        find: "highestSequence: highestSequence(session),",
        replace: "highestSequence: Math.min(session.floor, highestSequence(session)),",
      },
    ],
    found: /^S6f: .* was its highest number/,
    hunt: { by: "swarm", seed: 1, within: 20, focus: all(ofSpec({ replicas: 3 }), busy(4, 4, 5), struckBy(100, "kill-client")) },
  },
  {
    name: "floor-moves-before-the-file-holds-the-end",
    rule: "S6f",
    edits: [
      {
        file: "client/core/send.ts",
        find: "const { sequence, floor } = call.place;",
        replace: "const { sequence } = call.place, floor = floorOf(state);",
      },
    ],
    found: /^S6f: .* below the floor/,
    hunt: { by: "swarm", seed: 9, within: 50, focus: all(ofSpec({ replicas: 3 }), busy(4, 4, 5), struckBy(100, "kill-client")) },
  },
  {
    name: "recovered-calls-leave-the-file-one-by-one",
    rule: "S6f",
    edits: [
      {
        file: "client/core/settle.ts",
        find: "if (isDefinite || !call.recovered) saveSettled",
        replace: "if (call !== undefined) saveSettled",
      },
    ],
    found: /^S6/,
    hunt: {
      by: "swarm",
      seed: 18,
      within: 50,
      focus: all(ofSpec({ replicas: 3 }), busy(4, 4, 5), struckBy(100, "kill-client", "kill-server")),
    },
  },
  {
    name: "session-given-out-before-it-is-committed",
    rule: "S8",
    edits: [
      {
        file: "server/core/line.ts",
        find: "    push(leading.logged, item);",
        replace: `    push(leading.logged, item);
    if (item.kind === "table" && item.body.kind === "session-opened")
      for (const { connection, ticket } of item.waiters.splice(0)) {
        const session = \`\${replica.generation}.\${item.index}.\${item.body.nonce}\`;
        turn.effects.push({ kind: "send", connection, message: { kind: "session-opened", ticket, session: session as never } });
      }`,
      },
    ],
    found: /^S8: .* gives out/,
    hunt: { by: "swarm", seed: 1, within: 5, focus: all(ofSpec({ replicas: 3 }), stormFor(1_000)) },
  },
  {
    name: "age-runs-before-the-view-is-active",
    rule: "S6e",
    edits: [{ file: "server/core/activation.ts", find: "    leading.activeSinceMs = nowMs;\n", replace: "" }],
    found: /^S6e: age has gone on/,
    hunt: { by: "swarm", seed: 1, within: 10, focus: all(ofSpec({ replicas: 3 }), struckBy(300, "hand-over")) },
  },
  {
    name: "age-goes-on-from-view-to-view",
    rule: "S6e",
    edits: [
      {
        file: "server/core/activation.ts",
        find: 'ageMs, body: { kind: "start", view, poison } });',
        replace: 'ageMs: ageMs + 1, body: { kind: "start", view, poison } });\n  leading.ageBaseMs += 1;',
      },
    ],
    found: /^S6e: age goes on/,
    hunt: { by: "swarm", seed: 1, within: 5, focus: ofSpec({ replicas: 3 }) },
  },
  {
    name: "sessions-expire-at-once-under-a-new-leader",
    rule: "S6e",
    edits: [
      {
        file: "server/core/session-requests.ts",
        find: "if (ageMs - leading.ageBaseMs < timings.sessionExpiryMs) return;",
        replace: "",
      },
    ],
    found: /^S6e: sessions expire/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: all(ofSpec({ replicas: 3 }), withTimings({ sessionExpiryMs: 1_000 }), struckBy(300, "hand-over", "kill-client")),
    },
  },
  {
    name: "sessions-expire-that-were-heard-of",
    rule: "S6e",
    edits: [
      {
        file: "server/core/session-requests.ts",
        find: "const unheard = sessionsBefore(table, ageMs - timings.sessionExpiryMs, PROPOSED_MAX);",
        replace: "const unheard = sessionsBefore(table, ageMs - timings.sessionExpiryMs / 4, PROPOSED_MAX);",
      },
    ],
    found: /^S6e: .* was heard of/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 20,
      focus: all(ofSpec({ replicas: 3 }), withTimings({ sessionExpiryMs: 1_000 }), struckBy(300, "kill-client")),
    },
  },
  {
    name: "keys-expire-early",
    rule: "S6g",
    edits: [
      {
        file: "server/core/session-requests.ts",
        find: "proposeKeys(turn, leading, ageMs - timings.keyExpiryMs);",
        replace: "proposeKeys(turn, leading, ageMs - timings.keyExpiryMs / 2);",
      },
    ],
    found: /^S6g: /,
    hunt: { by: "swarm", seed: 1, within: 10, focus: all(ofSpec({ replicas: 3 }), withTimings({ keyExpiryMs: 2_000 }), stormFor(3_000)) },
  },
];
