import { expect, it } from "vitest";
import { COPY_OVERHEAD_BYTES } from "./unread.js";
import { answer, lead, NO_BYTES, openSession, operate, requestsOf, servedWorld, type World } from "./world.test-kit.js";

const operations = (world: World) => requestsOf(world.take()).map((copy) => [copy.connection, copy.operation]);

function redirect(world: World, connection: number, ticket: number): void {
  world.hear(connection, { kind: "redirect", ticket });
}

it("S6d: what is sent again at each epoch does not pile up in front of a leader that does not read, and goes on in order as it reads", () => {
  const world = servedWorld({ unreadBytesMax: 3 * COPY_OVERHEAD_BYTES });
  operate(world, 1);
  operate(world, 2);
  openSession(world);
  const [first, second] = requestsOf(world.take());
  lead(world, 2, 1);
  expect(operations(world)).toEqual([[1, "op1"]]);
  for (let counter = 3; counter < 10; counter += 1) lead(world, counter, 1);
  operate(world, 3);
  expect(operations(world)).toEqual([]);
  // It has read the first copy of all: one more may go, of what was made first.
  answer(world, 1, first?.ticket ?? 0);
  expect(operations(world)).toEqual([[1, "op2"]]);
  answer(world, 1, second?.ticket ?? 0);
  expect(operations(world)).toEqual([[1, "op3"]]);
});

it("the answer to a request that has timed out makes room like any other", () => {
  const world = servedWorld({ unreadBytesMax: 2 * COPY_OVERHEAD_BYTES });
  operate(world, 1, 100);
  operate(world, 2, 100);
  openSession(world);
  const [first] = requestsOf(world.take());
  world.nowMs = 100;
  world.feed({ kind: "woken" });
  expect(world.settled.size).toBe(2);
  operate(world, 3);
  expect(operations(world)).toEqual([]);
  redirect(world, 1, first?.ticket ?? 0);
  expect(operations(world)).toEqual([[1, "op3"]]);
});

it("a request that is larger than the bound goes alone", () => {
  const world = servedWorld({ unreadBytesMax: 1 });
  operate(world, 1);
  operate(world, 2);
  openSession(world);
  const copies = requestsOf(world.take());
  expect(copies.map((copy) => copy.operation)).toEqual(["op1"]);
  redirect(world, 1, copies[0]?.ticket ?? 0);
  world.nowMs = 1_000;
  world.feed({ kind: "woken" });
  expect(operations(world)).toEqual([[1, "op1"]]);
});

it("a read that any member may answer goes round one that does not read", () => {
  const world = servedWorld({ unreadBytesMax: COPY_OVERHEAD_BYTES });
  const ask = (call: number) =>
    world.feed({ kind: "query", call, query: `q${call}`, input: NO_BYTES, consistency: "any", deadlineMs: 10_000 });
  const asked = () => world.take().map(({ connection }) => connection);
  for (const call of [1, 2, 3, 4, 5]) ask(call);
  expect(asked().sort()).toEqual([1, 2, 3]);
  // The second of the members reads and answers; the others do not.
  for (const ticket of [1, 2, 3]) answer(world, 2, ticket);
  expect(asked()).toEqual([2]);
});
