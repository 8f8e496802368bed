import { expect, test } from "vitest";
import type { Entry } from "../../vocabulary/entry.js";
import type { Message } from "../../vocabulary/message.js";
import { createClient, openSession, request, textFor, wordsOf } from "./testing/client.js";
import {
  advance,
  changeView,
  crash,
  createGroup,
  createView,
  flush,
  type Group,
  hostOf,
  lead,
  nextEpoch,
  order,
  run,
  seal,
  start,
} from "./testing/group.js";
import { bytesOf } from "./testing/list-service.js";

function entry(index: number, epoch: readonly [number, number], word: string): Entry {
  const identity = { kind: "key", key: `${word}${index}` } as const;
  return {
    index,
    epoch,
    ageMs: 0,
    body: { kind: "request", identity, digest: 1, operation: "append", input: bytesOf(word), nowMs: 0, seed: 0 },
  };
}

/** A message from replica 1 to replica 2, made by hand, on the link that is open. */
function inject(group: Group, message: Message): Message[] {
  const wire = group.wires.find((other) => other.from === hostOf(group, 1) && other.to === hostOf(group, 2));
  if (wire === undefined) throw new Error("no link");
  const answers: Message[] = [];
  const passes = group.passes;
  group.passes = (from, _, answer) => {
    if (from === hostOf(group, 2)) answers.push(answer);
    return false;
  };
  wire.inbox.toTo.push(message);
  group.passes = (from, to, answer) =>
    (from === hostOf(group, 1) && to === hostOf(group, 2)) || (passes(from, to, answer) && void answers.push(answer) === null);
  run(group);
  group.passes = passes;
  return answers;
}

/** Replica 1 leads, and 2 follows with two words in its log that are not known to be committed. */
function follower(): Group {
  const group = createGroup({ timings: { appendHeartbeatMs: 100_000, commitFlushMs: 100_000 } });
  changeView(group, [1, 2, 3], 1, "active");
  return group;
}

const EPOCH = [1, 1] as const;

function append(prevIndex: number, entries: readonly Entry[], epoch: readonly [number, number] = EPOCH): Message {
  return { kind: "append", epoch, prevEpoch: EPOCH, prevIndex, entries, commitIndex: 0, active: true, view: null };
}

test("L1: an append that repeats what is held cuts nothing; a conflicting entry does", () => {
  const group = follower();
  const log = hostOf(group, 2).replica.log;
  const two = entry(2, EPOCH, "a");
  const three = entry(3, EPOCH, "b");
  inject(group, append(1, [two, three]));
  expect(log.entries.map(({ index }) => index)).toEqual([1, 2, 3]);
  inject(group, append(1, [two]));
  expect(log.entries.map(({ index }) => index)).toEqual([1, 2, 3]);
  crash(group, hostOf(group, 1));
  const epoch = nextEpoch(group);
  seal(group, 3, epoch);
  run(group);
  lead(group, 3, createView(group, epoch, [3, 2], 3, "active"));
  run(group);
  expect(log.entries.map((held) => `${held.index}:${held.epoch.join(".")}:${held.body.kind}`)).toEqual(["1:1.1:start", "2:1.2:start"]);
  expect(hostOf(group, 2).disk.entries.length).toBe(2);
});

test("L1: an append that does not match at its previous entry is refused with a hint", () => {
  const group = follower();
  expect(inject(group, append(5, [entry(6, EPOCH, "a")]))).toMatchObject([{ kind: "append-refused", prevIndex: 5, lastIndex: 1 }]);
  expect(hostOf(group, 2).replica.log.entries.length).toBe(1);
});

test("L2: an acknowledgement covers what the append verified, not the length of the log, and only what is durable", () => {
  const group = follower();
  const two = entry(2, EPOCH, "a");
  inject(group, append(1, [two, entry(3, EPOCH, "b")]));
  crash(group, hostOf(group, 2));
  start(group, hostOf(group, 2));
  run(group);
  // Known again are the two that the leader has shown since: the start entry, no more.
  expect(inject(group, append(1, []))).toMatchObject([{ kind: "append-ack", index: 1 }]);
  expect(inject(group, append(1, [two]))).toMatchObject([{ kind: "append-ack", index: 2 }]);
  group.instant = false;
  expect(inject(group, append(3, [entry(4, EPOCH, "c")]))).toMatchObject([{ kind: "append-ack", index: 3 }]);
  const answers: Message[] = [];
  group.passes = (_, __, message) => {
    answers.push(message);
    return false;
  };
  flush(group, hostOf(group, 2));
  run(group);
  expect(answers).toMatchObject([{ kind: "append-ack", index: 4 }]);
});

test("L3: entries of older epochs are not counted by themselves", () => {
  const group = createGroup({ bounds: { appendEntriesMax: 1 } });
  changeView(group, [1, 2, 3], 1, "active");
  const client = createClient(group, 1);
  openSession(client);
  advance(group, 100);
  group.passes = () => false;
  request(client, 1, "old");
  run(group);
  group.passes = () => true;
  crash(group, hostOf(group, 2));
  const epoch = nextEpoch(group);
  seal(group, 1, epoch);
  seal(group, 3, epoch);
  run(group);
  // The old entry reaches 3 (w of n), the start entry behind it does not.
  let passed = 0;
  group.passes = (_, to, message) => {
    if (message.kind !== "append") return true;
    const { base, entries } = to.replica.log;
    if (message.entries.some((held) => held.body.kind === "start") && message.prevIndex === base.index + entries.length) return false;
    passed += message.entries.length;
    return true;
  };
  lead(group, 1, createView(group, epoch, [1, 2, 3], 1, "active"));
  for (let round = 0; round < 5; round++) advance(group, 60);
  const { stance } = hostOf(group, 1).replica;
  if (stance.kind !== "leading") throw new Error("does not lead");
  expect(passed).toBeGreaterThan(0);
  expect([...stance.peers.values()].map((peer) => peer.ackedIndex)).toContain(3);
  expect(stance.phase).toBe("synchronising");
  // Even in a view that is wrongly held active.
  stance.phase = "active";
  hostOf(group, 1).replica.activeView = stance.view;
  advance(group, 60);
  expect(hostOf(group, 1).replica.commitIndex).toBe(2);
});

test("S5b: a snapshot does not replace entries that were acknowledged", () => {
  const group = follower();
  const { replica } = hostOf(group, 2);
  const view = replica.activeView;
  if (view === null) throw new Error("no view");
  inject(group, append(1, [entry(2, EPOCH, "a"), entry(3, EPOCH, "b")]));
  expect(replica.commitIndex).toBe(1);
  const bytes = bytesOf("12345");
  const slice = {
    kind: "snapshot-slice",
    epoch: EPOCH,
    snapshotEpoch: EPOCH,
    snapshotIndex: 2,
    sizeBytes: 5,
    checksum: 1,
    offsetBytes: 0,
    bytes,
    view,
  } as const;
  expect(inject(group, slice)).toMatchObject([{ kind: "snapshot-ack", installed: true }]);
  expect(replica.log.persistedIndex).toBe(3);
  expect(replica.receiving).toBeNull();
});

test("L4: a lower epoch is refused with the promise, by learners too", () => {
  const group = createGroup({ size: 4 });
  changeView(group, [1, 2, 3], 1, "active");
  seal(group, 2, [5, 1]);
  run(group);
  expect(inject(group, append(1, [entry(2, EPOCH, "a")]))).toMatchObject([{ kind: "append-refused", promise: [5, 1] }]);
});

test("L5: entries that do not follow one another close the connection", () => {
  const group = follower();
  inject(group, append(1, [entry(3, EPOCH, "a")]));
  expect(hostOf(group, 2).replica.log.entries.length).toBe(1);
  expect(group.wires.some((wire) => wire.from === hostOf(group, 1) && wire.to === hostOf(group, 2))).toBe(false);
});

test("S8: a follower applies what its leader says is committed, and nothing more", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1, "active");
  const client = createClient(group, 1);
  openSession(client);
  advance(group, 100);
  group.passes = (from) => from === hostOf(group, 1);
  request(client, 1, "x");
  advance(group, 300);
  expect(hostOf(group, 2).replica.log.entries.length).toBe(3);
  expect([1, 2, 3].map((number) => wordsOf(group, number))).toEqual(["", "", ""]);
  group.passes = () => true;
  advance(group, 300);
  expect([1, 2, 3].map((number) => wordsOf(group, number))).toEqual(["x", "x", "x"]);
});

test("the leader sends within its window, batches, and sends again what was lost", () => {
  const group = createGroup({ bounds: { windowEntries: 10, appendEntriesMax: 4 } });
  changeView(group, [1, 2, 3], 1, "active");
  const client = createClient(group, 1);
  openSession(client);
  advance(group, 100);
  group.passes = (_, to) => to !== hostOf(group, 3);
  for (let sequence = 1; sequence <= 50; sequence++) request(client, sequence, `w${sequence}`, 1);
  run(group);
  expect(textFor(client, request(client, 51, "w51", 1))).toBe("51");
  const wire = group.wires.find((other) => other.from === hostOf(group, 1) && other.to === hostOf(group, 3));
  expect(wire?.inbox.toTo.length ?? 0).toBe(0);
  expect(hostOf(group, 3).replica.log.entries.length).toBe(2);
  group.passes = () => true;
  advance(group, 500);
  expect(hostOf(group, 3).service.words.length).toBe(51);
});

test("a link that is cut is taken up again where it was", () => {
  const group = createGroup();
  changeView(group, [1, 2, 3], 1, "active");
  const client = createClient(group, 1);
  openSession(client);
  for (const wire of [...group.wires]) if (wire.from === hostOf(group, 1)) group.outside.close(hostOf(group, 1), wire.id);
  expect(textFor(client, request(client, 1, "x"))).toBe("nothing");
  group.outside.link(hostOf(group, 1), [hostOf(group, 2).config.replica]);
  run(group);
  expect(wordsOf(group, 1)).toBe("x");
});

test("requests of a foreign role or group close the connection", () => {
  const group = createGroup();
  order(group, 1, { kind: "configure", group: "other" as never, knobs: { checkpointEntries: 1, minimumReplicas: 1, handlerTimeoutMs: 1 } });
  expect(group.wires.some((wire) => wire.to === hostOf(group, 1))).toBe(false);
});
