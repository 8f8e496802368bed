import { cutFollowers, move, request, requestByKey, serving, type TestClient, textFor, wordsOf } from "./testing/client.js";
import { expect, test } from "vitest";
import type { ReplicaEvent } from "./event.js";
import { harmful } from "./poison.js";
import { remember } from "./session-table.js";
import { stepHost } from "./testing/host.js";
import { bytesOf } from "./testing/list-service.js";
import { activate, advance, changeView, crash, createView, type Group, hostOf, lead, nextEpoch, run, seal } from "./testing/group.js";
import { sessionId } from "../../vocabulary/ids.js";
import { identityKey, type RequestIdentity } from "../../vocabulary/session.js";
import type { View } from "../../vocabulary/view.js";

function identityOf(client: TestClient, sequence: number): RequestIdentity {
  return { kind: "session", session: client.session ?? ("" as never), resumption: 0, sequence, floor: 0 };
}

function viewNow(group: Group): View {
  if (group.view === null) throw new Error("there is no view");
  return group.view;
}

test("S6i: poison in a start entry is applied as refused by every replica, in the log and later", () => {
  const { group, client } = serving("active");
  const before = viewNow(group);
  cutFollowers(group);
  request(client, 1, "bad", 1);
  request(client, 2, "good", 1);
  run(group);
  group.passes = () => true;
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  const bad = identityOf(client, 1);
  // Each leader since died at it, or at what came before it; and so it was never answered.
  const leaderEnds = [{ epoch: before.epoch, executing: identityKey(bad) }];
  lead(group, 1, view, { poison: [bad, { kind: "key", key: "never" }], leaderEnds });
  run(group);
  activate(group, 1, view);
  advance(group, 100);
  expect([1, 2, 3].map((number) => wordsOf(group, number))).toEqual(["good", "good", "good"]);
  expect(textFor(client, request(client, 1, "bad", 1))).toBe("refused poison");
  expect(textFor(client, requestByKey(client, "never", "x"))).toBe("refused poison");
  expect(textFor(client, request(client, 2, "good", 1))).toBe("1");
});

test("S6i: what is committed is applied only once the start entry of the promised epoch, and so its poison, is known", () => {
  const { group, client } = serving("active", { bounds: { applyAheadMax: 1 } });
  const third = hostOf(group, 3);
  const held: ReplicaEvent[] = [];
  third.completions.push = (...events) => held.push(...events);
  request(client, 1, "x", 1);
  request(client, 2, "y", 1);
  advance(group, 100);
  expect(third.replica).toMatchObject({ commitIndex: 4, issuedIndex: 3, appliedIndex: 2 });
  const epoch = nextEpoch(group);
  seal(group, 3, epoch);
  run(group);
  third.completions = [];
  for (const event of held) stepHost(third, group.nowMs, event, group.outside);
  run(group);
  expect(third.replica).toMatchObject({ issuedIndex: 3, appliedIndex: 3 });
  changeView(group, [1, 2, 3], 3, "active");
  expect(wordsOf(group, 3)).toBe("x y");
});

test("S6i: what a primary executed and logged is no poison, whoever names it: its reply may be known", () => {
  const { group, client } = serving("warm-passive");
  // The followers hold the entry, and do not know that it is committed.
  group.passes = (_, __, message) => message.kind !== "append" || message.commitIndex <= 2;
  expect(textFor(client, request(client, 1, "innocent", 1))).toBe("1");
  const epoch = nextEpoch(group);
  for (const number of [2, 3]) seal(group, number, epoch);
  run(group);
  group.passes = () => true;
  const view = createView(group, epoch, [2, 3], 2, "warm-passive");
  const bad = identityOf(client, 1);
  lead(group, 2, view, { poison: [bad], leaderEnds: [] });
  run(group);
  activate(group, 2, view);
  advance(group, 100);
  expect([2, 3].map((number) => wordsOf(group, number))).toEqual(["innocent", "innocent"]);
  move(client, 2);
  expect(textFor(client, request(client, 1, "innocent", 1))).toBe("1");
});

test.each<[string, readonly (number | null)[], string]>([
  ["its leader lived on, and two later ones died at it", [null, 2, 2], "x bad y"],
  ["its only leader died at it", [2], "x y"],
  ["nobody tells how the leader ended", [], "x bad y"],
  ["every leader died at it", [2, 2], "x y"],
  ["a leader died at an entry before it", [2, 1, 2], "x y"],
  ["a leader died at an entry behind it", [3, 2, 2], "x bad y"],
  ["a leader died at what nobody knows", [9, 2, 2], "x bad y"],
])("S6i: a request that waits in the log is refused only if no leader can have answered it: %s", (_, ends, words) => {
  const { group, client } = serving("active", { bounds: { applyAheadMax: 1 } });
  const before = viewNow(group);
  const held: [number, ReplicaEvent][] = [];
  for (const number of [2, 3]) hostOf(group, number).completions.push = (event) => held.push([number, event]);
  for (const [at, word] of ["x", "bad", "y"].entries()) expect(textFor(client, request(client, at + 1, word, 1))).toBe(["1", "2", "3"][at]);
  crash(group, hostOf(group, 1));
  const epoch = nextEpoch(group);
  for (const number of [2, 3]) seal(group, number, epoch);
  run(group);
  for (const number of [2, 3]) hostOf(group, number).completions = [];
  for (const [number, event] of held) stepHost(hostOf(group, number), group.nowMs, event, group.outside);
  run(group);
  expect(wordsOf(group, 2)).toBe("x");
  const leaderEnds = ends.map((sequence, at) => ({
    epoch: [before.epoch[0], before.epoch[1] + at] as const,
    executing: sequence === null ? null : identityKey(identityOf(client, sequence)),
  }));
  const view = createView(group, epoch, [2, 3], 2, "active");
  lead(group, 2, view, { poison: [identityOf(client, 2)], leaderEnds });
  run(group);
  activate(group, 2, view);
  advance(group, 100);
  expect(wordsOf(group, 2)).toBe(words);
});

test("S6i: a request whose answer is acknowledged, and so forgotten, is not refused to those who have yet to execute it", () => {
  const { group, client } = serving("active", { bounds: { applyAheadMax: 1 } });
  const held: [number, ReplicaEvent][] = [];
  for (const number of [2, 3]) hostOf(group, number).completions.push = (event) => held.push([number, event]);
  request(client, 1, "x", 1);
  expect(textFor(client, request(client, 2, "bad", 1))).toBe("2");
  expect(textFor(client, request(client, 3, "y", 3))).toBe("3");
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  for (const number of [2, 3]) hostOf(group, number).completions = [];
  for (const [number, event] of held) stepHost(hostOf(group, number), group.nowMs, event, group.outside);
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  lead(group, 1, view, { poison: [identityOf(client, 2)], leaderEnds: [] });
  run(group);
  activate(group, 1, view);
  advance(group, 100);
  expect([1, 2, 3].map((number) => wordsOf(group, number))).toEqual(["x bad y", "x bad y", "x bad y"]);
});

test("S6i: a request is refused also by a leader that has yet to apply the opening of its session", () => {
  const { group, client } = serving("warm-passive");
  const second = hostOf(group, 2);
  second.replica.appliedIndex = 1;
  second.replica.issuedIndex = 1;
  second.replica.table.sessions.clear();
  expect(harmful(second.replica, { poison: [identityOf(client, 1)], leaderEnds: [] })).toHaveLength(1);
  const never = { ...identityOf(client, 1), session: sessionId(1, 1, "never") } as RequestIdentity;
  expect(harmful(second.replica, { poison: [never], leaderEnds: [] })).toEqual([]);
});

test("S6i: a replica that has executed what the others refuse has diverged and ends", () => {
  const { group, client } = serving("active");
  const before = viewNow(group);
  group.passes = (_, __, message) => message.kind !== "append" || message.commitIndex <= 2;
  expect(textFor(client, request(client, 1, "bad", 1))).toBe("1");
  crash(group, hostOf(group, 1));
  group.passes = () => true;
  const epoch = nextEpoch(group);
  seal(group, 2, epoch);
  seal(group, 3, epoch);
  run(group);
  // 3 has applied it by itself meanwhile.
  const third = hostOf(group, 3);
  expect(wordsOf(group, 3)).toBe("");
  const reply = { refused: false, bytes: bytesOf("1") };
  remember(third.replica.table, identityOf(client, 1), { index: 3, digest: 0, reply }, 0);
  third.replica.issuedIndex = 3;
  third.replica.commitIndex = 3;
  third.replica.appliedIndex = 3;
  const view = createView(group, epoch, [2, 3], 2, "active");
  const bad = identityOf(client, 1);
  lead(group, 2, view, { poison: [bad], leaderEnds: [{ epoch: before.epoch, executing: identityKey(bad) }] });
  run(group);
  activate(group, 2, view);
  advance(group, 100);
  expect(third.ended).toContain("diverged");
  expect(wordsOf(group, 2)).toBe("");
});
