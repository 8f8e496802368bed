import { expect, test } from "vitest";
import { fifoSize } from "./fifo.js";
import { lastIndex } from "./log.js";
import { nextWakeMs, reportOf } from "./step.js";
import { createClient, move, openSession, query, request, requestByKey, type TestClient, textFor, wordsOf } from "./testing/client.js";
import {
  activate,
  addHost,
  advance,
  changeView,
  crash,
  createGroup,
  createView,
  flushOne,
  GROUP,
  type Group,
  hear,
  hostOf,
  id,
  lead,
  memberFor,
  nextEpoch,
  order,
  run,
  seal,
  start,
  wake,
} from "./testing/group.js";
import { createServing } from "./testing/serving.js";

const SMALL = { checkpointEntries: 10, bounds: { entriesBehindSnapshotMax: 0, sliceBytes: 100 } };
const NEVER = { bounds: { entriesBehindSnapshotMax: 0, sliceBytes: 100 } };
const COLD = "cold-passive";

function replicaOf(group: Group, number: number) {
  return hostOf(group, number).replica;
}

function serving(count: number, options: Parameters<typeof createGroup>[0] = SMALL) {
  const served = createServing(COLD, count, options);
  advance(served.group, 100);
  return served;
}

function append(client: TestClient, from: number, through: number): void {
  for (let sequence = from; sequence <= through; sequence++)
    expect(textFor(client, request(client, sequence, `w${sequence}`))).toBe(String(sequence));
  advance(client.group, 200);
}

/** Disks stand still from here on; what is asked of them waits. Returns what completes the rest. */
function holdDisks(group: Group): () => void {
  group.instant = false;
  return () => {
    group.instant = true;
    advance(group, 20);
  };
}

test("a cold backup acknowledges and counts what is committed, and applies nothing", () => {
  const { group } = serving(5, NEVER);
  for (const number of [2, 3]) {
    const replica = replicaOf(group, number);
    expect(hostOf(group, number).unloaded).toBe(true);
    expect(replica).toMatchObject({ warmth: "cold", commitIndex: 7, table: { sessions: new Map() } });
    expect(replica.appliedIndex).toBe(replica.snapshot?.index);
    expect(replica.log.persistedIndex).toBe(7);
  }
  expect(wordsOf(group, 1)).toBe("w1 w2 w3 w4 w5");
  const report = reportOf(replicaOf(group, 2));
  expect(report.cold).toMatchObject({ stage: "cold", replayEntries: 7 - report.appliedIndex });
  expect(report.cold?.replayBytes).toBeGreaterThan(0);
  expect(reportOf(replicaOf(group, 1)).cold).toBeUndefined();
});

test("a backup gets the leader's snapshots beside the log, and cuts its own log behind them", () => {
  const { group } = serving(60);
  const leader = replicaOf(group, 1);
  for (const number of [2, 3]) {
    const { replica, disk } = hostOf(group, number);
    expect(replica.warmth).toBe("cold");
    expect(replica.snapshot).toEqual(leader.snapshot);
    expect(replica.appliedIndex).toBe(leader.snapshot?.index);
    expect(replica.log.base.index).toBe(leader.snapshot?.index);
    expect(disk.entries[0]?.index).toBe((leader.snapshot?.index ?? 0) + 1);
    expect(disk.snapshots.length).toBe(1);
    expect(lastIndex(replica.log)).toBe(lastIndex(leader.log));
  }
});

test("a snapshot is shipped only when it saves as much log as it is large", () => {
  const { group, client } = serving(60);
  let slices = 0;
  group.passes = (_, to, message) => {
    if (message.kind === "snapshot-slice" && to === hostOf(group, 2)) slices++;
    return true;
  };
  const { snapshot } = replicaOf(group, 2);
  const large = { ...(snapshot ?? { index: 0 }), sizeBytes: 1_000_000 };
  for (const peer of leadingOf(group).peers.values()) expect(peer.shippedIndex).toBe(snapshot?.index);
  // As if the state were a million bytes: a few small entries are not worth that.
  replicaOf(group, 1).snapshot = large as typeof snapshot;
  append(client, 61, 61);
  expect(slices).toBe(0);
  replicaOf(group, 1).snapshot = snapshot;
  append(client, 62, 90);
  expect(slices).toBeGreaterThan(0);
});

function leadingOf(group: Group) {
  const { stance } = replicaOf(group, 1);
  if (stance.kind !== "leading") throw new Error("1 does not lead");
  return stance;
}

test("shipping takes one slice at a time, and pauses between them", () => {
  const { group, client } = serving(30, { ...SMALL, timings: { shipmentSliceMs: 50 } });
  for (let sequence = 31; sequence <= 45; sequence++) request(client, sequence, `w${sequence}`);
  const times: number[] = [];
  group.passes = (_, to, message) => {
    if (message.kind === "snapshot-slice" && to === hostOf(group, 2)) times.push(group.nowMs);
    return true;
  };
  advance(group, 1_000);
  expect(times.length).toBeGreaterThan(3);
  for (const [i, time] of times.entries()) if (i > 0) expect(time - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(50);
});

test("a shipment that waits for the group's rate wakes the leader when it is due, and not all the time", () => {
  const { group, client } = serving(30, { ...SMALL, timings: { shipmentSliceMs: 5 } });
  const knobs = { checkpointEntries: 10, transferBytesPerSecond: 1_000, minimumReplicas: 1, handlerTimeoutMs: 1_000 };
  order(group, 1, { kind: "configure", group: GROUP, knobs });
  for (let sequence = 31; sequence <= 45; sequence++) request(client, sequence, `w${sequence}`);
  let shipping = 0;
  for (let ms = 0; ms < 300; ms++) {
    group.nowMs += 1;
    wake(group);
    run(group);
    const flows = [...leadingOf(group).peers.values()].flatMap(({ shipment }) => shipment ?? []);
    if (flows.some(({ readOffset, ackedOffset, sizeBytes }) => readOffset === ackedOffset && readOffset < sizeBytes)) shipping++;
    expect(nextWakeMs(replicaOf(group, 1))).toBeGreaterThan(group.nowMs);
  }
  expect(shipping).toBeGreaterThan(50);
});

test("S2b, S3, S4: a cold backup is sealed, leads and is activated by its log; it serves once it has replayed", () => {
  const { group, client } = serving(25);
  append(client, 26, 28);
  const before = replicaOf(group, 2).appliedIndex;
  crash(group, hostOf(group, 1));
  const epoch = nextEpoch(group);
  for (const number of [2, 3]) seal(group, number, epoch);
  run(group);
  const view = createView(group, epoch, [2, 3], 2, COLD);
  lead(group, 2, view);
  run(group);
  activate(group, 2, view);
  group.view = view;
  run(group);
  expect(replicaOf(group, 2)).toMatchObject({ stance: { phase: "active" } });
  expect(replicaOf(group, 2).commitIndex).toBeGreaterThan(before);
  advance(group, 100);
  expect(replicaOf(group, 2)).toMatchObject({ stance: { serving: true }, warmth: "warm" });
  move(client, 2);
  // S6b: the table is there as well, from snapshot and log.
  expect(textFor(client, request(client, 28, "w28", 28))).toBe("28");
  expect(textFor(client, request(client, 29, "w29"))).toBe("29");
  expect(wordsOf(group, 2).split(" ").length).toBe(29);
});

test("S6c, S7: while it loads and replays, a new leader admits nothing and answers no read", () => {
  const { group, client } = serving(25);
  crash(group, hostOf(group, 1));
  const epoch = nextEpoch(group);
  for (const number of [2, 3]) seal(group, number, epoch);
  run(group);
  const release = holdDisks(group);
  const view = createView(group, epoch, [2, 3], 2, COLD);
  lead(group, 2, view);
  // The start entry becomes durable everywhere; loading, which was asked for first, does not.
  const { writes } = hostOf(group, 2);
  run(group);
  const load = writes.shift();
  for (let round = 0; round < 6; round++) {
    for (const number of [2, 3]) while (hostOf(group, number).writes.length > 0) flushOne(group, hostOf(group, number));
    run(group);
  }
  activate(group, 2, view);
  group.view = view;
  run(group);
  const replica = replicaOf(group, 2);
  expect(replica).toMatchObject({ warmth: "loading", stance: { phase: "active", serving: false } });
  expect(replica.commitIndex).toBe(lastIndex(replica.log));
  move(client, 2);
  expect(textFor(client, request(client, 25, "w25"))).toBe("redirect");
  expect(textFor(client, query(client))).toBe("redirect");
  expect(textFor(client, query(client, "any"))).toBe("redirect");
  expect(reportOf(replica).cold).toMatchObject({ stage: "loading" });
  if (load !== undefined) writes.push(load);
  release();
  expect(textFor(client, request(client, 25, "w25"))).toBe("25");
  expect(textFor(client, query(client))).toContain("w25");
});

test("a cold backup sends readers elsewhere, whatever consistency they ask for", () => {
  const { client } = serving(3);
  move(client, 2);
  for (const consistency of ["any", "session", "linearizable"] as const)
    expect(textFor(client, query(client, consistency))).toBe("redirect");
});

test("it stays cold over a restart, and takes the state up when it leads", () => {
  const { group, client } = serving(45);
  for (const number of [2, 3]) {
    crash(group, hostOf(group, number));
    start(group, hostOf(group, number));
  }
  advance(group, 100);
  append(client, 46, 47);
  expect(replicaOf(group, 3)).toMatchObject({ warmth: "cold", commitIndex: 49 });
  crash(group, hostOf(group, 1));
  changeView(group, [2, 3], 3, COLD);
  move(client, 3);
  expect(textFor(client, request(client, 48, "w48"))).toBe("48");
  expect(wordsOf(group, 3).split(" ").length).toBe(48);
});

test("who led before lets go of its state: a last checkpoint, and nothing is applied any more", () => {
  const { group, client } = serving(25);
  changeView(group, [1, 2, 3], 2, COLD);
  advance(group, 100);
  const replica = replicaOf(group, 1);
  expect(replica).toMatchObject({ warmth: "cold" });
  expect(hostOf(group, 1).unloaded).toBe(true);
  // What was entered before the new epoch is in that checkpoint.
  expect(replica.snapshot?.index).toBeGreaterThanOrEqual(replicaOf(group, 2).log.runs.at(-1)?.fromIndex ?? 0);
  move(client, 2);
  expect(textFor(client, request(client, 26, "w26"))).toBe("26");
  expect(textFor(client, request(client, 26, "w26"))).toBe("26");
});

test.each(["warm-passive", "active"] as const)("%s becomes cold-passive and back again while a client works", (style) => {
  const group = createGroup(SMALL);
  changeView(group, [1, 2, 3], 1, style);
  const client = createClient(group, 1);
  openSession(client);
  append(client, 1, 15);
  changeView(group, [1, 2, 3], 1, COLD);
  append(client, 16, 30);
  expect([1, 2, 3].map((number) => replicaOf(group, number).warmth)).toEqual(["warm", "cold", "cold"]);
  changeView(group, [1, 2, 3], 1, style);
  append(client, 31, 45);
  expect([2, 3].map((number) => replicaOf(group, number).appliedIndex)).toEqual([47 + 2, 47 + 2]);
  expect([2, 3].map((number) => wordsOf(group, number))).toEqual([wordsOf(group, 1), wordsOf(group, 1)]);
});

test("backups are warmed while the view is still cold-passive, once another style is wanted", () => {
  const { group, client } = serving(25);
  const knobs = { checkpointEntries: 10, minimumReplicas: 1, handlerTimeoutMs: 1_000 };
  for (const number of [1, 2, 3]) order(group, number, { kind: "configure", group: GROUP, knobs: { ...knobs, style: "warm-passive" } });
  append(client, 26, 40);
  for (const number of [2, 3]) {
    expect(replicaOf(group, number)).toMatchObject({ warmth: "warm", stance: { view: { style: COLD } } });
    expect(wordsOf(group, number)).toBe(wordsOf(group, 1));
    expect(reportOf(replicaOf(group, number)).cold).toBeUndefined();
  }
  // Wanted no more: they let go again.
  for (const number of [1, 2, 3]) order(group, number, { kind: "configure", group: GROUP, knobs: { ...knobs, style: COLD } });
  append(client, 41, 42);
  expect([2, 3].map((number) => replicaOf(group, number).warmth)).toEqual(["cold", "cold"]);
});

test("no checkpoint is taken in the middle of a replay", () => {
  const { group } = serving(40, NEVER);
  const { snapshot } = replicaOf(group, 2);
  for (const number of [2, 3])
    order(group, number, { kind: "configure", group: GROUP, knobs: { checkpointEntries: 3, minimumReplicas: 1, handlerTimeoutMs: 1 } });
  crash(group, hostOf(group, 1));
  const captured: number[] = [];
  const host = hostOf(group, 2);
  const push = host.writes.push.bind(host.writes);
  host.writes.push = (...writes) => {
    if (host.replica.checkpoint !== null) captured.push(host.replica.checkpoint.record.index);
    return push(...writes);
  };
  changeView(group, [2, 3], 2, COLD);
  advance(group, 100);
  expect(captured[0]).toBeGreaterThanOrEqual(42);
  expect(host.replica.snapshot?.index).toBeGreaterThan(snapshot?.index ?? 0);
});

test("S5b: a learner of a cold group stores the snapshot, counts once admitted, and loads it only when it leads", () => {
  const { group, client } = serving(40);
  addHost(group, 4, 1);
  const learners = [memberFor(group, 4)];
  order(group, 1, { kind: "learners", group: GROUP, epoch: group.view?.epoch ?? [0, 0], learners });
  advance(group, 300);
  expect(replicaOf(group, 4)).toMatchObject({ warmth: "cold", commitIndex: 42 });
  expect(hostOf(group, 4).unloaded).toBe(true);
  changeView(group, [1, 2, 3, 4], 1, COLD, [1, 2, 3]);
  append(client, 41, 42);
  crash(group, hostOf(group, 1));
  changeView(group, [2, 3, 4], 4, COLD);
  move(client, 4);
  expect(textFor(client, request(client, 43, "w43"))).toBe("43");
  expect(wordsOf(group, 4).split(" ").length).toBe(43);
});

test("S2b: a Seal is answered while a shipped snapshot takes its place, and the state is loaded only after that", () => {
  const { group, client } = serving(10);
  const host = hostOf(group, 2);
  group.instant = false;
  // Everything but the installation is durable at once.
  const flushRest = (): void => {
    for (const each of group.hosts.values()) {
      while (each.writes.length > 0 && !(each === host && host.replica.receiving?.adopting === true)) flushOne(group, each);
    }
  };
  for (let sequence = 11; sequence <= 40 && host.replica.receiving?.adopting !== true; sequence++) {
    request(client, sequence, `w${sequence}`);
    for (let round = 0; round < 20; round++) {
      advance(group, 5);
      flushRest();
    }
  }
  expect(host.replica.receiving).toMatchObject({ adopting: true });
  const install = host.writes.shift();
  for (let round = 0; round < 5; round++) {
    while (host.writes.length > 0) flushOne(group, host);
    run(group);
  }
  const line = group.rm.get(id(2));
  if (line !== undefined) hear(group, line);
  const epoch = nextEpoch(group);
  seal(group, 2, epoch);
  seal(group, 3, epoch);
  for (const number of [2, 3]) while (hostOf(group, number).writes.length > 0) flushOne(group, hostOf(group, number));
  expect(line === undefined ? [] : hear(group, line).filter((message) => message.kind === "sealed")).toHaveLength(1);
  crash(group, hostOf(group, 1));
  const view = createView(group, epoch, [2, 3], 2, COLD);
  lead(group, 2, view);
  expect(host.replica).toMatchObject({ warmth: "cold", stance: { kind: "leading" } });
  if (install !== undefined) host.writes.unshift(install);
  flushOne(group, host);
  expect(host.replica.warmth).toBe("loading");
  group.instant = true;
  run(group);
  activate(group, 2, view);
  run(group);
  advance(group, 100);
  expect(host.replica).toMatchObject({ warmth: "warm", stance: { serving: true } });
  expect(fifoSize(host.replica.execution.applying)).toBe(0);
  expect(wordsOf(group, 2)).toBe(wordsOf(group, 1));
});

test("S6g: keys are remembered through a promotion", () => {
  const { group, client } = serving(12);
  expect(textFor(client, requestByKey(client, "k", "word"))).toBe("13");
  advance(group, 100);
  crash(group, hostOf(group, 1));
  changeView(group, [2, 3], 2, COLD);
  move(client, 2);
  expect(textFor(client, requestByKey(client, "k", "word"))).toBe("13");
});

test("a process that starts on a snapshot is there before its state is, and serves when it is", () => {
  const group = createGroup(SMALL);
  changeView(group, [1, 2, 3], 1, "warm-passive");
  const client = createClient(group, 1);
  openSession(client);
  append(client, 1, 25);
  for (const number of [1, 2, 3]) crash(group, hostOf(group, number));
  const release = holdDisks(group);
  for (const number of [1, 2, 3]) start(group, hostOf(group, number));
  run(group);
  for (const number of [1, 2, 3]) {
    expect(replicaOf(group, number).snapshot).not.toBeNull();
    expect(reportOf(replicaOf(group, number)).cold).toMatchObject({ stage: "loading" });
    expect(hostOf(group, number).unloaded).toBe(true);
  }
  release();
  changeView(group, [1, 2, 3], 1, "warm-passive");
  const again = createClient(group, 1);
  openSession(again);
  expect(textFor(again, request(again, 1, "more"))).toBe("26");
  advance(group, 200);
  for (const number of [2, 3]) expect(wordsOf(group, number)).toBe(wordsOf(group, 1));
});
