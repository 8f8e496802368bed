import { all, busy, ofSpec, onHosts, stormFor, struckBy, withBounds, withSettings } from "../focus.js";
import type { Edit, PlantedBug } from "../planted-bug.js";

const LATE_MESSAGES = all(
  ofSpec({ replicas: 3, durability: "disk" }),
  withSettings({ replayProbability: 0.05 }),
  struckBy(250, "hand-over", "pause-server", "partition"),
);

/** The core's own assertion of the rule, out of the way: the world's checkers are to see it. */
const UNASSERTED: Edit = {
  file: "rm/core/view-change.ts",
  find: "if (change.base !== null) assertIntersection(change.base, answers, leader);",
  replace: "if (leader.atMs < 0) assertIntersection(change.base as never, answers, leader);",
};

/** S2-S5: sealing, intersection, activation, amnesia. */
export const VIEW_BUGS: readonly PlantedBug[] = [
  {
    name: "seal-answered-before-promise-is-durable",
    rule: "S2a",
    edits: [
      {
        file: "server/core/seal.ts",
        find: "compareEpochs(replica.durablePromise, replica.promise) === 0 &&",
        replace: "",
      },
    ],
    found: /^S2/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "entries-taken-after-a-seal",
    rule: "S2a",
    edits: [
      { file: "server/core/follower.ts", find: "if (order < 0) {", replace: "if (order < -1) {" },
      { file: "server/core/invariants.ts", find: "assert(sameEpoch(stance.epoch, replica.promise), ", replace: "assert(true, " },
      { file: "server/core/invariants.ts", find: "assert(sameEpoch(stance.view.epoch, replica.promise), ", replace: "assert(true, " },
    ],
    found: /^S2a/,
    hunt: {
      by: "swarm",
      seed: 3,
      within: 40,
      focus: LATE_MESSAGES,
    },
  },
  {
    name: "round-confirmed-after-a-seal",
    rule: "S2a",
    edits: [{ file: "server/core/reads.ts", find: "if (compareEpochs(message.epoch, turn.replica.promise) < 0) return;", replace: "" }],
    found: /^S2a/,
    hunt: {
      by: "swarm",
      seed: 1,
      within: 40,
      focus: LATE_MESSAGES,
    },
  },
  {
    name: "seal-answered-with-writes-in-flight",
    rule: "S2b",
    edits: [{ file: "server/core/seal.ts", find: "isSettled(log) &&", replace: "" }],
    found: /^S[23]/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "speculation-stays-after-a-seal",
    rule: "S2c",
    edits: [
      {
        file: "server/core/stance.ts",
        find: 'turn.effects.push({ kind: "execution", command: { kind: "undo-unreleased" } });',
        replace: "",
      },
    ],
    found: /^S[269]|^invariant|^capture|^restore|^apply/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "one-answer-too-few",
    rule: "S3a",
    edits: [
      UNASSERTED,
      {
        file: "rm/core/succession.ts",
        find: "change.asked.length : sealQuorum(change.base);",
        replace: "change.asked.length : Math.max(1, sealQuorum(change.base) - 1);",
      },
    ],
    found: /^S3/,
    hunt: {
      by: "swarm",
      seed: 3,
      within: 40,
      focus: all(
        ofSpec({ replicas: 3, quorum: "majority", durability: "disk" }),
        onHosts(3),
        withSettings({ tailProbability: 0.1, tailMs: 200 }),
        struckBy(150, "kill-server"),
      ),
    },
  },
  {
    name: "answers-counted-by-replica",
    rule: "S3b",
    edits: [
      UNASSERTED,
      {
        file: "rm/core/view-change.ts",
        find: ": holdsIncarnation(change.base, answer.replica, answer.incarnation);",
        replace: ": change.base.members.some((member) => member.replica === answer.replica);",
      },
    ],
    found: /^S[358]/,
    hunt: {
      by: "swarm",
      seed: 6,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, quorum: "majority", durability: "disk" }),
        onHosts(3),
        withSettings({ tailProbability: 0.1, tailMs: 200 }),
        struckBy(200, "disk-wiped", "kill-server"),
      ),
    },
  },
  {
    name: "counts-attempted-view",
    rule: "S3c",
    edits: [
      UNASSERTED,
      {
        file: "rm/core/attempt.ts",
        find: "startAttempt(rm, nowMs, group, change, nowMs + waitMs);",
        replace:
          "if (change.view !== null) Object.assign(change, { base: change.view, asked: change.view.members });\n  startAttempt(rm, nowMs, group, change, nowMs + waitMs);",
      },
      { file: "rm/core/view-change.ts", find: "assert(sameView(record.activeView, change.base), ", replace: "assert(true, " },
    ],
    found: /^S3/,
    hunt: {
      by: "swarm",
      seed: 2,
      within: 30,
      focus: all(
        ofSpec({ replicas: 3, quorum: "majority", durability: "disk" }),
        onHosts(3),
        withSettings({ tailProbability: 0.1, tailMs: 200 }),
        struckBy(150, "kill-at-failpoint", "kill-between-effects"),
      ),
    },
  },
  {
    name: "any-answer-leads",
    rule: "S3d",
    edits: [
      UNASSERTED,
      { file: "rm/core/succession.ts", find: "for (const answer of bestAnswers(answers)) {", replace: "for (const answer of answers) {" },
    ],
    found: /^S[358]/,
    hunt: {
      by: "swarm",
      seed: 3,
      within: 50,
      focus: all(
        ofSpec({ replicas: 3, quorum: "majority", durability: "disk" }),
        onHosts(3),
        withSettings({ tailProbability: 0.1, tailMs: 200 }),
        struckBy(150, "kill-server"),
      ),
    },
  },
  {
    name: "index-before-epoch",
    rule: "S3d",
    edits: [
      {
        file: "rm/core/succession.ts",
        find: "return compareEpochs(a.lastEpoch, b.lastEpoch) || a.lastIndex - b.lastIndex;",
        replace: "return a.lastIndex - b.lastIndex || compareEpochs(a.lastEpoch, b.lastEpoch);",
      },
    ],
    found: /^S3d/,
    hunt: {
      by: "swarm",
      seed: 25,
      within: 60,
      focus: all(
        ofSpec({ replicas: 3, quorum: "majority", durability: "disk" }),
        onHosts(3),
        withBounds({ appendEntriesMax: 1, windowEntries: 2, admissionBoundEntries: 64 }),
        busy(1, 24, 8),
        stormFor(8_000),
        struckBy(400, "partition", "kill-server", "hand-over"),
      ),
    },
  },
  {
    name: "led-with-the-start-entry-on-one",
    rule: "S4a",
    edits: [
      {
        file: "server/core/activation.ts",
        find: "if (isOnQuorum(replica, leading, leading.startIndex)) {",
        replace: "if (replica.log.persistedIndex >= leading.startIndex) {",
      },
    ],
    found: /^S4a/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "activated-before-it-is-written",
    rule: "S4b",
    edits: [{ file: "rm/core/view-change.ts", find: "if (!sameView(record.activeView, change.view)) return;", replace: "" }],
    found: /^S4b/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "serves-before-it-is-told",
    rule: "S4c",
    edits: [
      {
        file: "server/core/activation.ts",
        find: 'leading.phase = "led";',
        replace: 'leading.phase = "active";\n    learnActiveView(turn, leading.view);',
      },
    ],
    found: /^S4/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "leads-again-after-a-restart",
    rule: "S4d",
    edits: [
      {
        file: "server/core/step.ts",
        find: "return onRecovered(replica, event);",
        replace: "onRecovered(replica, event);\n      return leadAgain(turn);",
      },
      {
        file: "server/core/step.ts",
        find: "import { onActivate, onLead, settleLead }",
        replace: "import { leadAgain, onActivate, onLead, settleLead }",
      },
      {
        file: "server/core/activation.ts",
        find: "function sendLed(",
        replace: `export function leadAgain(turn: Turn): void {
  const { replica } = turn;
  const { activeView: view, config } = replica;
  if (view === null || view.leader !== config.replica || !sameEpoch(view.epoch, replica.promise)) return;
  if (!holdsIncarnation(view, config.replica, config.incarnation)) return;
  becomeLeader(turn, 0, { kind: "lead", view, bootId: config.bootId, poison: [], book: replica.book });
  if (replica.stance.kind === "leading") replica.stance.phase = "active";
}

function sendLed(`,
      },
    ],
    found: /^S4d/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "wiped-disk-comes-back-under-its-name",
    rule: "S5a",
    edits: [
      {
        file: "sim/shells/server-shell.ts",
        find: "const fresh = incarnation(world.chance.ids.hex(32));",
        replace: 'const fresh = incarnation(replica.replace(/[^0-9a-f]/g, "").padStart(32, "0"));',
      },
    ],
    found: /^S5/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "learner-counts",
    rule: "S5b",
    edits: [
      { file: "server/core/quorum.ts", find: "if (peer.member) values.push", replace: "values.push" },
      { file: "server/core/quorum.ts", find: "assert(values.length === leading.view.members.length, ", replace: "assert(true, " },
    ],
    found: /^S[48]/,
    hunt: { by: "swarm", seed: 3, within: 50 },
  },
  {
    name: "two-processes-on-one-incarnation",
    rule: "S5a",
    edits: [
      {
        file: "sim/shells/server-shell.ts",
        find: "if (holder !== undefined && isAlive(holder)) {",
        replace: "if (holder === process) {",
      },
    ],
    found: /^S5a/,
    hunt: { by: "swarm", seed: 4, within: 50 },
  },
  {
    name: "absence-taken-for-a-verdict",
    rule: "section 8",
    edits: [
      {
        file: "lfd/core/judgement.ts",
        find: 'if (!life.timedOut) return well("expected", "expected to register again with the restarted LFD");',
        replace: 'if (!life.timedOut) return { verdict: "gone", cause: "absent", reason: "absent", detectionMs: 0 };',
      },
    ],
    found: /^section 8/,
    hunt: { by: "swarm", seed: 1, within: 50 },
  },
  {
    name: "member-whose-disk-hangs-is-waited-for",
    rule: "section 8",
    edits: [{ file: "rm/core/membership.ts", find: "stalledMember(rm, nowMs, group, view) ??", replace: "" }],
    found: /^liveness/,
    hunt: {
      by: "swarm",
      seed: 4,
      within: 20,
      focus: all(
        ofSpec({ replicas: 2, durability: "disk", quorum: "majority" }),
        withSettings({ delayMaxMs: 0.3, tailProbability: 0, diskMaxMs: 2 }),
        stormFor(1_500),
        struckBy(700, "disk-hang"),
        busy(1, 2, 20),
      ),
    },
  },
];
