import { expect, test } from "vitest";
import { bootId } from "../../vocabulary/ids.js";
import { sameEpoch } from "../../vocabulary/epoch.js";
import { stepHost } from "./testing/host.js";
import { createClient, openSession, request, textFor, wordsOf } from "./testing/client.js";
import {
  activate,
  addHost,
  advance,
  changeView,
  connect,
  crash,
  createGroup,
  createView,
  flush,
  flushOne,
  GROUP,
  type Group,
  hear,
  hostOf,
  id,
  lead,
  nextEpoch,
  order,
  run,
  seal,
  start,
} from "./testing/group.js";

function rmHears(group: Group, number: number) {
  const line = group.rm.get(id(number));
  return line === undefined ? [] : hear(group, line).filter((message) => message.kind !== "report");
}

function kinds(group: Group, number: number): string[] {
  return rmHears(group, number).map((message) => message.kind);
}

test("S4: three replicas come up, and clients are told who serves", () => {
  const group = createGroup();
  const client = connect(group, hostOf(group, 1), "client");
  expect(hear(group, client)[0]).toMatchObject({ kind: "members", view: null, serving: false });
  changeView(group, [1, 2, 3], 1);
  expect(hear(group, client).at(-1)).toMatchObject({ kind: "members", serving: true });
  advance(group, 100);
  expect([1, 2, 3].map((number) => hostOf(group, number).replica.appliedIndex)).toEqual([1, 1, 1]);
});

test("S4: a group of one works without any network", () => {
  const group = createGroup({ size: 1 });
  changeView(group, [1], 1);
  const client = createClient(group, 1);
  openSession(client);
  expect(textFor(client, request(client, 1, "x"))).toBe("1");
});

test("a follower holds links to the other members, so that a failover waits for no connection", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1);
  advance(group, 100);
  const open = group.wires.filter((wire) => wire.open && wire.from !== null);
  const linked = (from: number): string[] =>
    open
      .filter((wire) => wire.from === hostOf(group, from))
      .map((wire) => wire.to.replica.config.replica)
      .sort();
  expect(linked(2)).toEqual([id(1), id(3)]);
  expect(linked(3)).toEqual([id(1), id(2)]);
});

test("S2a: Seal is answered only once the promise is durable", () => {
  const group = createGroup();
  group.instant = false;
  seal(group, 1, nextEpoch(group));
  expect(kinds(group, 1)).toEqual([]);
  flush(group, hostOf(group, 1));
  expect(kinds(group, 1)).toEqual(["sealed"]);
});

test("S2a: after Seal nothing of a lower epoch is accepted or confirmed, over a restart too", () => {
  const group = createGroup();
  const old = changeView(group, [1, 2, 3], 1);
  const client = createClient(group, 1);
  openSession(client);
  advance(group, 100);
  seal(group, 2, nextEpoch(group));
  seal(group, 3, [1, group.counter]);
  run(group);
  const before = hostOf(group, 2).replica.log.entries.length;
  expect(textFor(client, request(client, 1, "late"))).toBe("nothing");
  advance(group, 200);
  expect(hostOf(group, 2).replica.log.entries.length).toBe(before);
  crash(group, hostOf(group, 2));
  start(group, hostOf(group, 2));
  advance(group, 200);
  expect(hostOf(group, 2).replica.log.entries.length).toBe(before);
  expect(hostOf(group, 1).replica.stance).toMatchObject({ kind: "leading", view: { epoch: old.epoch } });
});

test("S2b: the answer to Seal waits for writes in flight and covers them", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1);
  const client = createClient(group, 1);
  openSession(client);
  advance(group, 100);
  group.instant = false;
  request(client, 1, "x");
  run(group);
  // The primary has executed and sent; the follower has the entry, not yet on its disk.
  const follower = hostOf(group, 2);
  expect(follower.writes.length).toBe(1);
  const last = follower.replica.log.entries.at(-1)?.index;
  rmHears(group, 2);
  seal(group, 2, nextEpoch(group));
  run(group);
  expect(follower.writes.length).toBe(2);
  const [entries, promise] = follower.writes;
  follower.writes = promise === undefined ? [] : [promise];
  flush(group, follower);
  expect(kinds(group, 2)).toEqual([]);
  follower.writes = entries === undefined ? [] : [entries];
  flush(group, follower);
  expect(rmHears(group, 2)).toMatchObject([{ kind: "sealed", lastIndex: last }]);
});

test("S2a: an equal Seal gets the same answer again, a lower one is refused, several RMs at once each get theirs", () => {
  const group = createGroup();
  const other = connect(group, hostOf(group, 1), "rm");
  seal(group, 1, [2, 1]);
  const [first] = rmHears(group, 1);
  seal(group, 1, [2, 1]);
  expect(rmHears(group, 1)).toEqual([first]);
  seal(group, 1, [1, 9]);
  expect(rmHears(group, 1)).toMatchObject([{ kind: "seal-refused", promise: [2, 1] }]);
  group.instant = false;
  seal(group, 1, [3, 1]);
  seal(group, 1, [4, 1]);
  run(group);
  flush(group, hostOf(group, 1));
  expect(rmHears(group, 1)).toMatchObject([
    { kind: "seal-refused", epoch: [3, 1] },
    { kind: "sealed", epoch: [4, 1] },
  ]);
  expect(new Set(hear(group, other).map((message) => message.kind))).toEqual(new Set(["report"]));
});

test("S2c: speculation without a committed entry is undone at Seal", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1);
  const client = createClient(group, 1);
  openSession(client);
  expect(textFor(client, request(client, 1, "kept"))).toBe("1");
  group.passes = (_, to) => to !== hostOf(group, 2) && to !== hostOf(group, 3);
  request(client, 2, "lost");
  run(group);
  expect(wordsOf(group, 1)).toBe("kept lost");
  group.passes = () => true;
  for (const number of [1, 2, 3]) seal(group, number, [1, group.counter + 1]);
  expect(wordsOf(group, 1)).toBe("kept");
});

test("S4a: Lead is answered only when w members have the start entry on disk, the leader's own included", () => {
  const group = createGroup();
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  rmHears(group, 1);
  group.instant = false;
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  lead(group, 1, view);
  run(group);
  flush(group, hostOf(group, 1));
  expect(kinds(group, 1)).toEqual([]);
  activate(group, 1, view);
  expect(kinds(group, 1)).toEqual(["activate-refused"]);
  flush(group, hostOf(group, 2));
  expect(rmHears(group, 1)).toMatchObject([{ kind: "led", startIndex: 1 }]);
  lead(group, 1, view);
  expect(kinds(group, 1)).toEqual(["led"]);
});

test("S4a: a leader that cannot reach w members says whom", () => {
  const group = createGroup();
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  rmHears(group, 1);
  crash(group, hostOf(group, 2));
  crash(group, hostOf(group, 3));
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  lead(group, 1, view);
  advance(group, 1_100);
  expect(rmHears(group, 1)).toMatchObject([{ kind: "lead-failed", unreachable: [id(2), id(3)] }]);
  lead(group, 1, view);
  expect(kinds(group, 1)).toEqual(["lead-failed"]);
});

test("S4c: nothing is committed, applied or answered before Activate", () => {
  const group = createGroup();
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  lead(group, 1, view);
  advance(group, 100);
  const client = createClient(group, 1);
  expect(hostOf(group, 1).replica.commitIndex).toBe(0);
  expect(hostOf(group, 2).replica.commitIndex).toBe(0);
  expect(textFor(client, ++client.ticket)).toBe("nothing");
  activate(group, 1, view);
  activate(group, 1, view);
  expect(kinds(group, 1).filter((kind) => kind === "activated")).toEqual(["activated", "activated"]);
  advance(group, 100);
  expect(hostOf(group, 2).replica.activeView?.epoch).toEqual(epoch);
  expect(hostOf(group, 2).disk.activeView?.epoch).toEqual(epoch);
});

test("S4d: a process that has started since does not lead, and does not activate", () => {
  const group = createGroup();
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  const before = hostOf(group, 1).replica.config.bootId;
  crash(group, hostOf(group, 1));
  start(group, hostOf(group, 1));
  order(group, 1, { kind: "lead", view, bootId: before, poison: [], leaderEnds: [], book: { version: epoch, entries: [] } });
  expect(rmHears(group, 1)).toMatchObject([{ kind: "lead-failed" }]);
  lead(group, 1, view);
  expect(rmHears(group, 1)).toMatchObject([{ kind: "lead-failed", reason: expect.stringContaining("not sealed") }]);
  seal(group, 1, epoch);
  expect(kinds(group, 1)).toEqual(["sealed"]);
  order(group, 1, { kind: "lead", view, bootId: before, poison: [], leaderEnds: [], book: { version: epoch, entries: [] } });
  expect(rmHears(group, 1)).toMatchObject([{ kind: "lead-failed", reason: expect.stringContaining("another process") }]);
  order(group, 1, { kind: "activate", view, bootId: bootId("other") });
  expect(rmHears(group, 1)).toMatchObject([{ kind: "activate-refused" }]);
});

test("S4a: only the promised epoch is led, by the incarnation that the view names", () => {
  const group = createGroup();
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  run(group);
  rmHears(group, 1);
  const view = createView(group, epoch, [1, 2, 3], 1, "active");
  lead(group, 1, { ...view, epoch: [9, 9] });
  lead(group, 1, { ...view, leader: id(2) });
  const members = view.members.map((member) => ({ ...member, incarnation: hostOf(group, 2).config.incarnation }));
  lead(group, 1, { ...view, members: members.slice(0, 1), quorum: 1 });
  expect(kinds(group, 1)).toEqual(["lead-failed", "lead-failed", "lead-failed"]);
  expect(hostOf(group, 1).replica.stance.kind).toBe("waiting");
});

test("S1e: a store that is older than what a member knows, or empty, is refused", () => {
  const group = createGroup();
  const first = changeView(group, [1, 2, 3], 1);
  const second = changeView(group, [1, 2, 3], 2);
  advance(group, 100);
  group.view = first;
  seal(group, 3, [7, 1]);
  expect(rmHears(group, 3).at(-1)).toMatchObject({ kind: "seal-refused", activeView: second });
  group.view = null;
  seal(group, 3, [7, 2]);
  expect(rmHears(group, 3).at(-1)).toMatchObject({ kind: "seal-refused", activeView: second });
  expect(hostOf(group, 3).replica.promise).toEqual(second.epoch);
});

test("S1e: a replica that has only promised before the first view is blank, one that has learnt is not", () => {
  const group = createGroup();
  seal(group, 1, nextEpoch(group));
  run(group);
  crash(group, hostOf(group, 1));
  start(group, hostOf(group, 1));
  seal(group, 1, nextEpoch(group));
  expect(rmHears(group, 1)).toMatchObject([{ kind: "sealed", blank: true, lastIndex: 0 }]);
  changeView(group, [1, 2, 3], 1);
  seal(group, 2, nextEpoch(group));
  expect(rmHears(group, 2).at(-1)).toMatchObject({ kind: "sealed", blank: false });
});

test("S3: a failover loses nothing acknowledged, and the old leader comes back as a follower", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1);
  const client = createClient(group, 1);
  openSession(client);
  for (const sequence of [1, 2, 3]) expect(textFor(client, request(client, sequence, `w${sequence}`))).toBe(String(sequence));
  crash(group, hostOf(group, 1));
  changeView(group, [2, 3], 2);
  start(group, hostOf(group, 1));
  order(group, 2, {
    kind: "learners",
    group: GROUP,
    epoch: group.view?.epoch ?? [0, 0],
    learners: [{ replica: id(1), incarnation: hostOf(group, 1).config.incarnation }],
  });
  advance(group, 100);
  expect(wordsOf(group, 1)).toBe("w1 w2 w3");
  changeView(group, [1, 2, 3], 3, "active", [2, 3]);
  advance(group, 100);
  expect([1, 2, 3].map((number) => wordsOf(group, number))).toEqual(["w1 w2 w3", "w1 w2 w3", "w1 w2 w3"]);
});

test("S5: a new incarnation of a member is not counted in its place", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1);
  crash(group, hostOf(group, 3));
  addHost(group, 2, 2);
  const client = createClient(group, 1);
  ++client.ticket;
  const before = hostOf(group, 1).replica.commitIndex;
  expect(() => openSession(client)).toThrow("no session");
  advance(group, 300);
  expect(hostOf(group, 1).replica.commitIndex).toBe(before);
  expect(hostOf(group, 2).replica.log.entries.length).toBe(0);
});

test("S5e: a failed disk ends the process", () => {
  const group = createGroup();
  const host = hostOf(group, 1);
  stepHost(host, group.nowMs, { kind: "disk-failed", reason: "EIO" }, group.outside);
  expect(host.ended).toContain("EIO");
  expect(host.alive).toBe(false);
});

test("S2a: each step of a view change can be the last: the next attempt goes on", () => {
  for (const point of ["seal-received", "seal-persisted", "sealed-answered", "start-appended", "start-on-quorum", "activated"] as const) {
    const group = createGroup();
    changeView(group, [1, 2, 3], 1);
    const client = createClient(group, 1);
    openSession(client);
    expect(textFor(client, request(client, 1, "kept"))).toBe("1");
    hostOf(group, 2).dieAt = point;
    const epoch = nextEpoch(group);
    for (const number of [1, 2, 3]) seal(group, number, epoch);
    run(group);
    const view = createView(group, epoch, [1, 2, 3], 2, "active");
    lead(group, 2, view);
    run(group);
    activate(group, 2, view);
    run(group);
    expect(hostOf(group, 2).alive, point).toBe(false);
    expect(hostOf(group, 2).reached.at(-1)).toBe(point);
    if (point === "activated") group.view = view;
    hostOf(group, 2).dieAt = null;
    start(group, hostOf(group, 2));
    const next = changeView(group, [1, 2, 3], 3);
    const { stance } = hostOf(group, 3).replica;
    expect(stance.kind === "leading" && stance.serving && sameEpoch(stance.view.epoch, next.epoch), point).toBe(true);
    advance(group, 100);
    expect([1, 2, 3].map((number) => wordsOf(group, number))).toEqual(["kept", "kept", "kept"]);
  }
});

test("L4: an append of a higher epoch is held until its promise is durable", () => {
  const group = createGroup();
  const epoch = nextEpoch(group);
  for (const number of [1, 2]) seal(group, number, epoch);
  run(group);
  group.instant = false;
  lead(group, 1, createView(group, epoch, [1, 2, 3], 1, "active"));
  run(group);
  const third = hostOf(group, 3);
  expect(third.replica.promise).toEqual(epoch);
  expect(third.replica.log.entries.length).toBe(0);
  flushOne(group, third);
  expect(third.disk.promise).toEqual(epoch);
  expect(third.replica.log.entries.length).toBe(1);
});
