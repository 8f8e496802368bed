import { answerTo, createClient, move, openSession, query, request, serving, textFor, textOfAnswer } from "./testing/client.js";
import { expect, test } from "vitest";
import type { Style } from "../../vocabulary/style.js";
import {
  advance,
  changeView,
  crash,
  createGroup,
  createView,
  activate,
  hear,
  hostOf,
  lead,
  nextEpoch,
  run,
  seal,
} from "./testing/group.js";

const STYLES: readonly Style[] = ["warm-passive", "active"];

test.each(STYLES)("S7: a read waits for a round that w members confirmed after it came (%s)", (style) => {
  const { group, client } = serving(style);
  expect(textFor(client, request(client, 1, "x"))).toBe("1");
  expect(textFor(client, query(client))).toBe("x");
  group.passes = (_, __, message) => message.kind !== "confirmed";
  const held = query(client);
  expect(textFor(client, held)).toBe("nothing");
  group.passes = () => true;
  advance(group, 60);
  expect(textFor(client, query(client))).toBe("x");
});

test.each(STYLES)("answers of reads that came in one turn are bounded in bytes, and what has no room is asked for again (%s)", (style) => {
  const { group, client } = serving(style, { bounds: { queriesWaitingBytesMax: 2_500 } });
  expect(textFor(client, request(client, 1, "x".repeat(1_000)))).toBe("1");
  // Let in together: nobody knows yet how large their answers are.
  const asked = [query(client), query(client), query(client), query(client)];
  group.passes = (_, __, message) => message.kind !== "confirmed";
  run(group);
  expect(hostOf(group, 1).replica.stance).toMatchObject({ kind: "leading", reads: { waitingBytes: 2_000 } });
  group.passes = () => true;
  advance(group, 60);
  const answers = hear(group, client.line).flatMap((message) => ("ticket" in message ? [[message.ticket, message.kind]] : []));
  const [first, second, third, fourth] = asked;
  expect(answers).toEqual([
    [first, "reply"],
    [second, "reply"],
    [third, "redirect"],
    [fourth, "redirect"],
  ]);
  expect(textFor(client, query(client))).toBe("x".repeat(1_000));
});

test.each(STYLES)(
  "what waits of reads is bounded in bytes, inputs and answers, and comes to nothing when they are answered (%s)",
  (style) => {
    const { group, client } = serving(style, { bounds: { queriesWaitingBytesMax: 3_000 } });
    expect(textFor(client, request(client, 1, "x".repeat(1_000)))).toBe("1");
    const { replica } = hostOf(group, 1);
    group.passes = (_, __, message) => message.kind !== "confirmed";
    const held = [query(client), query(client), query(client)];
    run(group);
    expect(textFor(client, query(client))).toBe("overloaded");
    expect(textFor(client, query(client, "any"))).toBe("overloaded");
    group.passes = () => true;
    advance(group, 60);
    expect(hear(group, client.line).flatMap((message) => ("ticket" in message ? [message.ticket] : []))).toEqual(held);
    expect(replica.execution.queryingBytes).toBe(0);
    expect(replica.stance).toMatchObject({ kind: "leading", reads: { waitingBytes: 0 } });
    expect(textFor(client, query(client))).toBe("x".repeat(1_000));
  },
);

test.each(STYLES)("S7: a deposed leader answers no read (%s)", (style) => {
  const { group, client } = serving(style);
  expect(textFor(client, request(client, 1, "x"))).toBe("1");
  advance(group, 100);
  // 2 and 3 go on without 1, which hears nothing of it.
  group.passes = (from, to) => from !== hostOf(group, 1) && to !== hostOf(group, 1);
  changeView(group, [2, 3], 2, style);
  const other = createClient(group, 2);
  openSession(other);
  expect(textFor(other, request(other, 1, "y"))).toBe("2");
  group.passes = () => true;
  const stale = query(client);
  advance(group, 300);
  expect(textFor(client, stale)).toBe("nothing");
  expect(hostOf(group, 1).replica.stance.kind).toBe("leading");
});

test.each(STYLES)("S7: a round that began before the read does not count for it (%s)", (style) => {
  const { group, client } = serving(style);
  const held: (() => void)[] = [];
  group.passes = (from, to, message) => {
    if (message.kind !== "confirmed") return true;
    const wire = group.wires.find((other) => other.from === to && other.to === from);
    held.push(() => wire?.inbox.toFrom.push(message));
    return false;
  };
  const first = query(client);
  run(group);
  const confirmations = held.splice(0);
  const second = query(client);
  run(group);
  group.passes = () => true;
  for (const release of confirmations) release();
  const heard = hear(group, client.line);
  expect(heard.filter((message) => message.kind === "reply").map((message) => ("ticket" in message ? message.ticket : 0))).toEqual([first]);
  expect(second).toBe(first + 1);
});

test("S7: what ran ahead of the commit is read only with its commit", () => {
  const { group, client } = serving("warm-passive");
  group.passes = (_, __, message) => message.kind !== "append-ack";
  request(client, 1, "x");
  run(group);
  const read = query(client);
  expect(textFor(client, read)).toBe("nothing");
  group.passes = () => true;
  advance(group, 60);
  expect(textFor(client, query(client))).toBe("x");
});

test("S2c: a read that saw undone speculation is never answered", () => {
  const { group, client } = serving("warm-passive");
  group.passes = (_, __, message) => message.kind !== "append-ack";
  request(client, 1, "x");
  run(group);
  const read = query(client);
  seal(group, 1, nextEpoch(group));
  expect(textOfAnswer(answerTo(client, read))).toBe("redirect");
});

test.each(STYLES)("reads of a session and any reads are answered by any member (%s)", (style) => {
  const { group, client } = serving(style);
  expect(textFor(client, request(client, 1, "x"))).toBe("1");
  move(client, 2);
  expect(textFor(client, query(client))).toBe("redirect");
  expect(textFor(client, query(client, "session", 99))).toBe("redirect");
  advance(group, 60);
  expect(textFor(client, query(client, "session", 3))).toBe("x");
  crash(group, hostOf(group, 1));
  expect(textFor(client, query(client, "any"))).toBe("x");
  move(client, 3);
  expect(textFor(client, query(client, "any"))).toBe("x");
});

test("reads are served alone, and below the minimum", () => {
  const group = createGroup({ size: 1, minimumReplicas: 2 });
  const epoch = nextEpoch(group);
  seal(group, 1, epoch);
  run(group);
  const view = createView(group, epoch, [1], 1, "warm-passive");
  lead(group, 1, view);
  run(group);
  activate(group, 1, view);
  run(group);
  const client = createClient(group, 1);
  expect(textFor(client, query(client))).toBe("");
});

test("more queries than the bound are refused", () => {
  const { group, client } = serving("active", { bounds: { queriesWaitingMax: 2 } });
  group.passes = () => false;
  query(client);
  query(client);
  expect(textFor(client, query(client))).toBe("overloaded");
});

test.each(STYLES)("a deposed leader answers no session read of a client that has seen more (%s)", (style) => {
  const { group, client } = serving(style);
  expect(textFor(client, request(client, 1, "x"))).toBe("1");
  advance(group, 100);
  // 2 and 3 go on without 1, which hears nothing of it.
  group.passes = (from, to) => from !== hostOf(group, 1) && to !== hostOf(group, 1);
  changeView(group, [2, 3], 2, style);
  expect(textFor(client, query(client, "any"))).toBe("x");
  expect(textFor(client, query(client, "session", 3))).toBe("x");
  expect(textFor(client, query(client, "session", 99))).toBe("redirect");
  expect(hostOf(group, 1).replica.stance.kind).toBe("leading");
});
