import { describe, expect, test } from "vitest";
import { groupName, incarnation, replicaId } from "../vocabulary/ids.js";
import type { View } from "../vocabulary/view.js";
import { createLedger, durableOf, type Ledger } from "./checkers/ledger.js";
import { checkNextView } from "./checkers/s1-one-chain.js";
import { runSeed } from "./run.js";
import { drawPlan } from "./swarm.js";
import { createWorld } from "./world.js";

const settings = { ...drawPlan(1).settings, codec: false };
const GROUP = groupName("counter");
const [A, B] = [incarnation("a".repeat(32)), incarnation("b".repeat(32))];

function newLedger(): Ledger {
  return createLedger(createWorld(1, settings, null), GROUP, "disk");
}

function viewOf(epoch: View["epoch"]): View {
  return {
    group: GROUP,
    generation: 1,
    epoch,
    members: [
      { replica: replicaId("counter-1"), incarnation: A },
      { replica: replicaId("counter-2"), incarnation: B },
    ],
    leader: replicaId("counter-1"),
    style: "active",
    quorum: 2,
    durability: "disk",
  };
}

/** Both have the start entries of these epochs on disk. */
function startsOn(ledger: Ledger, epochs: readonly View["epoch"][]): void {
  for (const each of [A, B]) durableOf(ledger, each).epochs = [...epochs];
}

describe("the checkers can fail", () => {
  test("S1b: an epoch that is not newer", () => {
    const ledger = newLedger();
    startsOn(ledger, [[1, 1]]);
    checkNextView(ledger, viewOf([1, 1]));
    expect(ledger.world.violation).toBeNull();
    checkNextView(ledger, viewOf([1, 1]));
    expect(ledger.world.violation?.rule).toBe("S1b");
  });

  test("S4a: a view whose start entry is on too few disks", () => {
    const ledger = newLedger();
    durableOf(ledger, A).epochs = [[1, 1]];
    checkNextView(ledger, viewOf([1, 1]));
    expect(ledger.world.violation?.rule).toBe("S4a");
  });

  test("S3: a leader that lacks what was committed", () => {
    const ledger = newLedger();
    startsOn(ledger, [[1, 2]]);
    for (const index of [1, 2]) {
      const entry = { index, epoch: [1, 1], ageMs: 0, body: { kind: "session-opened", nonce: "n" } } as const;
      ledger.committed.push({ epoch: entry.epoch, digest: index, entry, logTimeMs: 0, generation: 1 });
    }
    checkNextView(ledger, viewOf([1, 2]));
    expect(ledger.world.violation?.rule).toBe("S3");
  });
});

test("a disk that lies about its syncs is found out when the power goes", { timeout: 120_000 }, async () => {
  const rules: string[] = [];
  for (let seed = 1; seed <= 20 && rules.length === 0; seed++) {
    const drawn = drawPlan(seed);
    const { violation } = await runSeed(seed, {
      plan: {
        ...drawn,
        settings: { ...drawn.settings, diskLiesFromMs: 1_500 },
        spec: { ...drawn.spec, durability: "disk" },
        faults: [{ kind: "power-off", everyMs: 500 }],
      },
    });
    if (violation !== null) rules.push(violation.rule);
  }
  // Lost, or found out by the store itself.
  expect(rules[0]).toMatch(/^S5/);
});
