import { expect, test } from "vitest";
import type { Style } from "../../vocabulary/style.js";
import { answerTo, createClient, move, openSession, request, textFor, wordsOf } from "./testing/client.js";
import {
  addHost,
  advance,
  changeView,
  crash,
  createGroup,
  flushOne,
  GROUP,
  type Group,
  hear,
  hostOf,
  id,
  memberFor,
  nextEpoch,
  order,
  run,
  seal,
  start,
} from "./testing/group.js";
import { createServing } from "./testing/serving.js";
import { reportOf } from "./step.js";

const STYLES: readonly Style[] = ["warm-passive", "active"];
const SMALL = { checkpointEntries: 10, bounds: { entriesBehindSnapshotMax: 3, sliceBytes: 100, sliceWindow: 2 } };

function feed(group: Group, leader: number, learners: readonly number[]): void {
  order(group, leader, {
    kind: "learners",
    group: GROUP,
    epoch: group.view?.epoch ?? [0, 0],
    learners: learners.map((number) => memberFor(group, number)),
  });
}

const serving = (style: Style, count: number) => createServing(style, count, SMALL);

test.each(STYLES)("a checkpoint drops the log behind it and the service goes on (%s)", (style) => {
  const { group } = serving(style, 35);
  for (const number of [1, 2, 3]) {
    const { replica, disk } = hostOf(group, number);
    expect(replica.snapshot?.index).toBeGreaterThanOrEqual(30);
    expect(replica.log.entries.length).toBeLessThan(15);
    expect(disk.entries[0]?.index).toBe((replica.snapshot?.index ?? 0) + 1);
    expect(disk.snapshots.length).toBe(1);
  }
});

test.each(STYLES)("S8: a checkpoint is of the state at exactly one committed index (%s)", (style) => {
  const { group, client } = serving(style, 5);
  // Nine entries in a row without any acknowledgement: the leader runs ahead and may not capture that.
  group.passes = (_, __, message) => message.kind !== "append-ack";
  for (let sequence = 6; sequence <= 14; sequence++) request(client, sequence, `w${sequence}`, 6);
  run(group);
  expect(hostOf(group, 1).replica.snapshot).toBeNull();
  group.passes = () => true;
  advance(group, 100);
  const { snapshot, appliedIndex, commitIndex } = hostOf(group, 1).replica;
  expect(snapshot?.index).toBeGreaterThanOrEqual(10);
  expect(snapshot?.index).toBeLessThanOrEqual(commitIndex);
  expect(appliedIndex).toBe(16);
});

test.each(STYLES)("S5b: a learner gets a snapshot, then the log, and counts only once a view has admitted it (%s)", (style) => {
  const { group, client } = serving(style, 40);
  addHost(group, 4, 1);
  feed(group, 1, [4]);
  advance(group, 300);
  expect(wordsOf(group, 4).split(" ").length).toBe(40);
  expect(reportOf(hostOf(group, 4).replica)).toMatchObject({ role: "learner", blank: false });
  expect(reportOf(hostOf(group, 1).replica).learners).toMatchObject([{ replica: id(4), withinBound: true }]);
  // Not counted: with 2 and 3 silent nothing commits, whatever 4 acknowledges.
  group.passes = (from, to) => from === hostOf(group, 4) || to === hostOf(group, 4);
  const held = request(client, 41, "x");
  expect(textFor(client, held)).toBe("nothing");
  expect(hostOf(group, 4).replica.log.persistedIndex).toBeGreaterThan(hostOf(group, 1).replica.commitIndex);
  group.passes = () => true;
  advance(group, 100);
  changeView(group, [1, 2, 3, 4], 1, style, [1, 2, 3]);
  expect(reportOf(hostOf(group, 4).replica).role).toBe("follower");
  expect(textFor(client, request(client, 42, "y"))).toBe("42");
  crash(group, hostOf(group, 1));
  changeView(group, [2, 3, 4], 4, style, [2, 3, 4]);
  move(client, 4);
  // S6b: the table came with the snapshot.
  expect(textFor(client, request(client, 42, "y"))).toBe("42");
  expect(textFor(client, request(client, 41, "x"))).toBe("stale-sequence");
  expect(textFor(client, request(client, 43, "z"))).toBe("43");
});

test.each(STYLES)("a transfer that is cut goes on where it was, also from another process (%s)", (style) => {
  const { group } = serving(style, 40);
  const learner = addHost(group, 4, 1);
  let slices = 0;
  group.passes = (_, to, message) => {
    if (message.kind === "snapshot-slice" && to === learner) slices++;
    return slices <= 4;
  };
  feed(group, 1, [4]);
  run(group);
  const stored = learner.disk.transfer?.bytes.length ?? 0;
  expect(stored).toBeGreaterThan(0);
  crash(group, learner);
  start(group, learner);
  const offsets: number[] = [];
  group.passes = (_, to, message) => {
    if (message.kind === "snapshot-slice" && to === learner) offsets.push(message.offsetBytes);
    return true;
  };
  advance(group, 300);
  expect(offsets[0]).toBe(stored);
  expect(wordsOf(group, 4)).toBe(wordsOf(group, 1));
});

test("a snapshot that proves to be no use is asked for again with a growing wait", () => {
  const { group } = serving("active", 40);
  const learner = addHost(group, 4, 1);
  const begunMs: number[] = [];
  group.passes = (_, to, message) => {
    if (message.kind === "snapshot-slice" && to === learner) {
      if (message.offsetBytes === 0) begunMs.push(group.nowMs);
      if (message.offsetBytes === 0 && begunMs.length <= 3) message.bytes[0] = (message.bytes[0] ?? 0) ^ 1;
    }
    return true;
  };
  feed(group, 1, [4]);
  advance(group, 10_000);
  const waits = begunMs.slice(1).map((atMs, at) => atMs - (begunMs[at] ?? 0));
  expect(waits.length).toBe(3);
  const { transferResendMs } = learner.replica.timings;
  for (const [at, waitMs] of waits.entries()) expect(waitMs).toBeGreaterThanOrEqual(transferResendMs * 2 ** at);
  expect(wordsOf(group, 4)).toBe(wordsOf(group, 1));
});

test("slices that are lost are sent again", () => {
  const { group } = serving("active", 40);
  const learner = addHost(group, 4, 1);
  let slices = 0;
  group.passes = (_, to, message) => !(message.kind === "snapshot-slice" && to === learner && ++slices % 3 === 0);
  feed(group, 1, [4]);
  advance(group, 10_000);
  expect(wordsOf(group, 4)).toBe(wordsOf(group, 1));
});

test("a donor that checkpoints meanwhile keeps the snapshot that is read and the log behind it", () => {
  const { group, client } = serving("active", 40);
  const learner = addHost(group, 4, 1);
  let hold = true;
  group.passes = (_, to, message) => !(hold && message.kind === "snapshot-slice" && to === learner);
  feed(group, 1, [4]);
  run(group);
  const index = hostOf(group, 1).replica.snapshot?.index ?? 0;
  for (let sequence = 41; sequence <= 70; sequence++)
    expect(textFor(client, request(client, sequence, `w${sequence}`))).toBe(String(sequence));
  const { replica, disk } = hostOf(group, 1);
  expect(replica.snapshot?.index).toBeGreaterThan(index);
  expect(disk.snapshots.map(({ record }) => record.index)).toContain(index);
  expect(replica.log.base.index).toBeLessThanOrEqual(index);
  hold = false;
  advance(group, 2_000);
  expect(wordsOf(group, 4)).toBe(wordsOf(group, 1));
});

test("a transfer is not begun again for what is written meanwhile, as long as that is little against the state", () => {
  const group = createGroup({ ...SMALL, bounds: { ...SMALL.bounds, entriesBehindSnapshotMax: 0, logBytesMax: 300 } });
  changeView(group, [1, 2, 3], 1, "active");
  const client = createClient(group, 1);
  openSession(client);
  const write = (from: number, through: number, text: string): void => {
    for (let sequence = from; sequence <= through; sequence++)
      expect(textFor(client, request(client, sequence, `${text}${sequence}`))).toBe(String(sequence));
  };
  write(1, 40, "long".repeat(50));
  advance(group, 100);
  const learner = addHost(group, 4, 1);
  let hold = true;
  const sent = new Set<number>();
  group.passes = (_, to, message) => {
    if (message.kind !== "snapshot-slice" || to !== learner) return true;
    sent.add(message.snapshotIndex);
    return !hold;
  };
  feed(group, 1, [4]);
  run(group);
  write(41, 46, "w");
  hold = false;
  advance(group, 5_000);
  expect(wordsOf(group, 4)).toBe(wordsOf(group, 1));
  expect(sent.size).toBe(1);
});

test("S2b: a transfer that was under way is not installed once a higher epoch is promised", () => {
  const { group } = serving("active", 40);
  const learner = addHost(group, 4, 1);
  feed(group, 1, [4]);
  const size = hostOf(group, 1).replica.snapshot?.sizeBytes ?? 0;
  group.instant = false;
  for (let count = 0; count < 1_000; count++) {
    run(group);
    // All of it has come, the end of it is not on the disk yet.
    if (learner.replica.receiving?.offsetBytes === size) break;
    for (const number of [1, 2, 3, 4]) flushOne(group, hostOf(group, number));
  }
  expect(learner.replica.receiving?.storedBytes).toBeLessThan(size);
  seal(group, 4, [9, 1]);
  group.instant = true;
  advance(group, 500);
  const rm = group.rm.get(id(4));
  const sealed = (rm === undefined ? [] : hear(group, rm)).find((message) => message.kind === "sealed");
  expect(sealed).toMatchObject({ lastIndex: 0, blank: false });
  expect(learner.replica.snapshot).toBeNull();
});

test("a follower that lags behind the log in memory gets a snapshot while the group serves", () => {
  const { group, client } = serving("warm-passive", 5);
  crash(group, hostOf(group, 3));
  for (let sequence = 6; sequence <= 60; sequence++)
    expect(textFor(client, request(client, sequence, `w${sequence}`))).toBe(String(sequence));
  expect(hostOf(group, 1).replica.log.base.index).toBeGreaterThan(10);
  start(group, hostOf(group, 3));
  advance(group, 300);
  expect(wordsOf(group, 3)).toBe(wordsOf(group, 1));
  expect(hostOf(group, 3).replica.appliedIndex).toBe(hostOf(group, 1).replica.appliedIndex);
});

test.each(STYLES)("hand-over: no index is given until the target has the last one, and all goes on after it (%s)", (style) => {
  const { group, client } = serving(style, 3);
  const rm = group.rm.get(id(1));
  const epoch = group.view?.epoch ?? [0, 0];
  const last = hostOf(group, 1).replica.log.base.index + hostOf(group, 1).replica.log.entries.length;
  order(group, 1, { kind: "hand-over", group: GROUP, epoch, target: id(2) });
  expect(
    rm === undefined ? [] : hear(group, rm).filter((message) => message.kind !== "report" && message.kind.startsWith("hand")),
  ).toMatchObject([{ kind: "hand-over-ready", index: last }]);
  const held = request(client, 4, "held");
  expect(textFor(client, held)).toBe("nothing");
  advance(group, 150);
  expect(textFor(client, request(client, 4, "held"))).toBe("4");
  order(group, 1, { kind: "hand-over", group: GROUP, epoch, target: id(2) });
  const redirected = request(client, 5, "next");
  const next = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, next);
  expect(answerTo(client, redirected)?.kind).toBe("redirect");
  changeView(group, [1, 2, 3], 2, style);
  move(client, 2);
  expect(textFor(client, request(client, 5, "next"))).toBe("5");
});

test("hand-over: a target that is away is said to be", () => {
  const { group } = serving("active", 3);
  const rm = group.rm.get(id(1));
  const epoch = group.view?.epoch ?? [0, 0];
  crash(group, hostOf(group, 2));
  order(group, 1, { kind: "hand-over", group: GROUP, epoch, target: id(2) });
  order(group, 1, { kind: "hand-over", group: GROUP, epoch: [8, 8], target: id(3) });
  group.passes = (_, to, message) => to !== hostOf(group, 3) || message.kind !== "append";
  order(group, 1, { kind: "hand-over", group: GROUP, epoch, target: id(3) });
  advance(group, 150);
  const heard = rm === undefined ? [] : hear(group, rm).filter((message) => message.kind.startsWith("hand-over"));
  expect(heard.map((message) => message.kind).slice(0, 2)).toEqual(["hand-over-failed", "hand-over-failed"]);
});

test("a transfer goes no faster than the group's setting, which can be changed under way", () => {
  const { group } = serving("active", 60);
  const learner = addHost(group, 4, 1);
  const times: number[] = [];
  group.passes = (_, to, message) => {
    if (message.kind === "snapshot-slice" && to === learner) times.push(group.nowMs);
    return true;
  };
  const pace = (transferBytesPerSecond: number): void =>
    order(group, 1, {
      kind: "configure",
      group: GROUP,
      knobs: { checkpointEntries: 10, transferBytesPerSecond, minimumReplicas: 1, handlerTimeoutMs: 1_000 },
    });
  // A slice of 100 bytes each 100 ms.
  pace(1_000);
  feed(group, 1, [4]);
  advance(group, 350);
  expect(times.length).toBeGreaterThanOrEqual(3);
  for (const [at, time] of times.entries()) if (at > 0) expect(time - (times[at - 1] ?? 0)).toBeGreaterThanOrEqual(79);
  const slow = times.length;
  const size = hostOf(group, 1).replica.snapshot?.sizeBytes ?? 0;
  expect(slow * 100).toBeLessThan(size);
  // So slow that the next slice would have to wait for a day.
  pace(1);
  advance(group, 150);
  pace(1_000_000);
  advance(group, 200);
  expect(wordsOf(group, 4)).toBe(wordsOf(group, 1));
});
