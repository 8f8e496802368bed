import { describe, expect, test } from "vitest";
import { EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import { bootId, clusterId, type HostId, hostId, type Incarnation, incarnation, replicaId } from "../../vocabulary/ids.js";
import type { Member, View } from "../../vocabulary/view.js";
import { type ControlContent, emptyContent } from "./content.js";
import { GROUP, SPEC } from "./fake-server.test-harness.js";
import { type FoundReplica, planRecovery, type RecoveryInput, type RecoveryPlan } from "./recovery-plan.js";

const HOST: HostId = hostId("host-1");
const life = (number: number, time = 1): Incarnation => incarnation(`${number}${time}`.padEnd(32, "0"));
const member = (number: number, time = 1): Member => ({ replica: replicaId(`bank-${number}`), incarnation: life(number, time) });

function viewOf(epoch: Epoch, members: readonly number[], change: Partial<View> = {}): View {
  const quorum = members.length <= 2 ? members.length : Math.floor(members.length / 2) + 1;
  const [leader = 1] = members;
  return {
    group: GROUP,
    generation: 1,
    epoch,
    members: members.map((number) => member(number)),
    leader: replicaId(`bank-${leader}`),
    style: "active",
    quorum,
    durability: "disk",
    ...change,
  };
}

const FIRST = viewOf([1, 1], [1, 2, 3]);

function found(number: number, change: Partial<FoundReplica> = {}): FoundReplica {
  return {
    replica: replicaId(`bank-${number}`),
    incarnation: life(number),
    damage: null,
    promise: [1, 1],
    activeView: FIRST,
    lastEpoch: [1, 1],
    lastIndex: 10,
    begun: [FIRST],
    ...change,
  };
}

const detectors = { lfd: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 }, gfd: { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 } };

function inputOf(replicas: readonly FoundReplica[], change: Partial<RecoveryInput> = {}): RecoveryInput {
  return {
    clusterId: clusterId("c".repeat(32)),
    owner: bootId("b".repeat(32)),
    host: HOST,
    hosts: new Map(),
    detectors,
    spec: { ...SPEC, durability: "disk" },
    store: { kind: "missing" },
    replicas,
    expected: [],
    knownTerm: 0,
    ...change,
  };
}

function storeOf(activeView: View | null, term = 1): RecoveryInput["store"] {
  const content: ControlContent = {
    ...emptyContent(clusterId("c".repeat(32)), bootId("a".repeat(32)), detectors),
    term,
    hosts: [HOST],
    groups: [{ spec: { ...SPEC, durability: "disk" }, activeView, founders: [], leaderEnds: [], replicas: [], nextReplicaNumber: 9 }],
  };
  return { kind: "whole", content };
}

function viewIn(plan: RecoveryPlan): View | null | undefined {
  return "content" in plan ? plan.content.groups[0]?.activeView : undefined;
}

const wordsIn = (plan: RecoveryPlan): string => ("why" in plan ? plan.why : plan.lines.join("\n"));
const all = [found(1), found(2), found(3)];

describe("S1e: a control store from what the replicas know", () => {
  test("one that is lost is rebuilt with the last active view, in a term above everything that was promised", () => {
    const plan = planRecovery(inputOf([found(1), found(2, { promise: [7, 4] }), found(3)]), false);
    expect(plan.kind).toBe("rebuild");
    expect(viewIn(plan)).toEqual(FIRST);
    if (plan.kind !== "rebuild") return;
    expect(plan.content.term).toBeGreaterThan(7);
    expect(plan.content.groups[0]?.replicas.map(({ replica }) => replica)).toEqual(["bank-1", "bank-2", "bank-3"]);
    expect(plan.content.groups[0]).toMatchObject({ nextReplicaNumber: 4, founders: [] });
    expect(plan.event.kind).toBe("store-rebuilt");
    const again = planRecovery(inputOf(all, { knownTerm: plan.content.term }), false);
    expect(again.kind === "rebuild" && again.content.term).toBeGreaterThan(plan.content.term + 1);
  });

  test("what a host's table names keeps its name and its place, and no other gets that name", () => {
    const other = hostId("host-2");
    const plan = planRecovery(inputOf(all, { expected: [replicaId("bank-7")], hosts: new Map([[replicaId("bank-7"), other]]) }), false);
    if (plan.kind !== "rebuild") throw new Error(plan.kind);
    expect(plan.content.groups[0]).toMatchObject({ nextReplicaNumber: 8 });
    expect(plan.content.groups[0]?.replicas).toContainEqual({ replica: "bank-7", host: other, leaving: false });
    expect(plan.content.hosts).toEqual([HOST, other]);
  });

  test("the name of a replica that left is not given out again while a log names it", () => {
    const begun = [viewOf([1, 0], [1, 2, 3, 6]), FIRST];
    const plan = planRecovery(inputOf([found(1, { begun }), found(2), found(3)]), false);
    expect("content" in plan && plan.content.groups[0]).toMatchObject({ nextReplicaNumber: 7 });
    expect("content" in plan && plan.content.groups[0]?.replicas).toHaveLength(3);
  });

  test("one that is older is replaced, and what else it holds stays", () => {
    const later = viewOf([2, 1], [1, 2]);
    const store = storeOf(FIRST);
    const replicas = [found(1, { activeView: later, promise: [2, 1] }), found(2, { promise: [2, 1] }), found(3)];
    const plan = planRecovery(inputOf(replicas, { store }), false);
    expect(viewIn(plan)).toEqual(later);
    expect(plan.kind === "rebuild" && plan.content.groups[0]?.nextReplicaNumber).toBe(9);
  });

  test("one that is whole and knows everything is left alone, also while too few replicas are whole", () => {
    expect(planRecovery(inputOf(all, { store: storeOf(FIRST) }), false)).toMatchObject({ kind: "nothing" });
    const plan = planRecovery(inputOf([found(1)], { store: storeOf(FIRST) }), false);
    expect(plan.kind).toBe("nothing");
    expect(wordsIn(plan)).toContain("--accept-data-loss");
  });

  test("S4a: a view whose start is on w of its members may have been active although nobody was told", () => {
    const later = viewOf([1, 2], [1, 2]);
    const begun = [FIRST, later];
    const both = [found(1, { begun, promise: [1, 2] }), found(2, { begun, promise: [1, 2] }), found(3)];
    expect(viewIn(planRecovery(inputOf(both), false))).toEqual(later);
    const one = [found(1, { begun, promise: [1, 2] }), found(2), found(3)];
    expect(viewIn(planRecovery(inputOf(one), false))).toEqual(FIRST);
  });

  test("a damaged, lost or missing log that may know of a later view is a reason to change nothing", () => {
    const sealed = { promise: [1, 2] as const };
    const cases: readonly [readonly FoundReplica[], RegExp][] = [
      [[found(1, sealed), found(2, sealed), found(3, { damage: "promise: gone" })], /the data of bank-3 is damaged/],
      [[found(1, sealed), found(2, sealed), found(3, { incarnation: life(3, 2), activeView: null, begun: [] })], /bank-3 .* lost its data/],
      [[found(1, sealed), found(2, sealed)], /bank-3 .* lost its data/],
    ];
    for (const [replicas, words] of cases) {
      const plan = planRecovery(inputOf(replicas), false);
      expect(plan.kind).toBe("refused");
      expect(wordsIn(plan)).toMatch(words);
    }
    const plan = planRecovery(inputOf([found(1, sealed), found(2, sealed), found(3)], { expected: [replicaId("bank-4")] }), false);
    expect(wordsIn(plan)).toMatch(/no data of bank-4/);
  });

  test("S2a, S3a: none when w members have promised nothing later", () => {
    expect(viewIn(planRecovery(inputOf([found(1), found(2), found(3, { damage: "promise: gone" })]), false))).toEqual(FIRST);
    expect(viewIn(planRecovery(inputOf([found(1), found(2)], { expected: [replicaId("bank-3"), replicaId("bank-4")] }), false))).toEqual(
      FIRST,
    );
  });

  test("where nobody knows of a view, only the store itself can say that there was none: lost data looks the same", () => {
    const blank = { activeView: null, begun: [], lastIndex: 0, lastEpoch: EPOCH_ZERO };
    const blanks = [found(1, blank), found(2, blank), found(3, blank)];
    const refused = planRecovery(inputOf(blanks), false);
    expect(refused.kind).toBe("refused");
    expect(wordsIn(refused)).toMatch(/have lost their data.*nothing here tells which/);
    expect(planRecovery(inputOf(blanks, { store: storeOf(null, 1) }), false).kind).toBe("nothing");
    expect(planRecovery(inputOf(blanks, { store: storeOf(null, 0) }), false).kind).toBe("refused");
    const unseen = inputOf([found(1, blank), found(2, blank)], { expected: [replicaId("bank-3")] });
    expect(wordsIn(planRecovery(unseen, false))).toMatch(/there is no data of bank-3/);
    expect(planRecovery(inputOf([found(1, { ...blank, promise: EPOCH_ZERO })]), false).kind).toBe("nothing");
    expect(planRecovery(inputOf([found(1, { ...blank, damage: "identity: gone" })]), true).kind).toBe("refused");
  });
});

test.each([false, true])("S1e: a store that another release wrote is left alone, data loss accepted: %s", (acceptsLoss) => {
  const plan = planRecovery(inputOf([found(1)], { store: { kind: "unsupported", reason: "another release wrote it" } }), acceptsLoss);
  expect(plan).toEqual({ kind: "refused", why: "another release wrote it" });
});

describe("loss: goes on from what is left", () => {
  test("the best survivors make the next generation; what the others held is named", () => {
    const replicas = [found(1, { lastIndex: 12 }), found(2, { damage: "segment-1: bad", lastIndex: 14 })];
    const plan = planRecovery(inputOf(replicas, { store: storeOf(FIRST) }), true);
    expect(plan.kind).toBe("give-up");
    expect(viewIn(plan)).toMatchObject({ generation: 2, members: [member(1)], leader: "bank-1", quorum: 1 });
    expect(wordsIn(plan)).toMatch(/from bank-1, through index 12 of epoch 1\.1/);
    expect(wordsIn(plan)).toMatch(/Given up: what bank-2 held: segment-1: bad; it can be read through index 14/);
    expect(wordsIn(plan)).toMatch(/Given up: what bank-3 held .*its data is not there/);
    expect(plan.kind === "give-up" && viewIn(plan)?.epoch[0] === plan.content.term && plan.event.kind).toBe("data-loss-accepted");
  });

  test("S3d: the epoch of the last entry first, then the index; only equals go on together", () => {
    const five = viewOf([1, 1], [1, 2, 3, 4, 5]);
    const of = (number: number, lastEpoch: Epoch, lastIndex: number) =>
      found(number, { activeView: five, begun: [five], lastEpoch, lastIndex });
    const pick = (...replicas: FoundReplica[]) => viewIn(planRecovery(inputOf(replicas, { store: storeOf(five) }), true))?.members;
    expect(pick(of(1, [1, 1], 90), of(2, [2, 1], 80))).toEqual([member(2)]);
    expect(pick(of(1, [2, 1], 90), of(2, [2, 1], 90))).toEqual([member(1), member(2)]);
    expect(pick(of(1, [2, 1], 90), of(2, [2, 1], 89))).toEqual([member(1)]);
  });

  test("is refused while nothing has to be given up, and when nothing is left", () => {
    expect(planRecovery(inputOf(all, { store: storeOf(FIRST) }), true)).toMatchObject({ kind: "refused" });
    expect(wordsIn(planRecovery(inputOf(all), true))).toMatch(/without --accept-data-loss/);
    expect(wordsIn(planRecovery(inputOf([found(1, { damage: "x" })], { store: storeOf(FIRST) }), true))).toMatch(/nothing to go on from/);
  });

  test("a disk of an older generation is neither chosen nor believed", () => {
    const now = viewOf([1, 5], [3], { generation: 2 });
    const old = [
      found(1, { lastIndex: 500, lastEpoch: [9, 9], promise: [9, 9], activeView: viewOf([9, 9], [1, 2]) }),
      found(3, { activeView: now, promise: [1, 5] }),
    ];
    expect(planRecovery(inputOf(old, { store: storeOf(now, 2) }), false).kind).toBe("nothing");
    expect(viewIn(planRecovery(inputOf(old), false))).toEqual(now);
    const lost = [found(1, { lastIndex: 500, lastEpoch: [9, 9], activeView: viewOf([9, 9], [1, 2]) })];
    expect(planRecovery(inputOf(lost, { store: storeOf(now, 2) }), true).kind).toBe("refused");
  });
});
