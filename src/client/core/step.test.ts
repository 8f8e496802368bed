import { describe, expect, it } from "vitest";
import {
  answer,
  bookOf,
  fail,
  firstTicket,
  lead,
  NO_BYTES,
  openSession,
  operate,
  r,
  requestsOf,
  sequences,
  servedWorld,
  viewOf,
  worldOf,
} from "./world.test-kit.js";
import { nextWakeMs } from "./step.js";

const operations = (copies: ReturnType<typeof requestsOf>) => copies.map((copy) => copy.operation);

describe("the session of a client", () => {
  it("opens at the first operation, and requests follow in order", () => {
    const world = servedWorld();
    operate(world, 1);
    operate(world, 2);
    expect(requestsOf(world.sent)).toEqual([]);
    openSession(world);
    expect(sequences(requestsOf(world.take()))).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  it("S6b: tells the lowest number without an answer as its floor", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    operate(world, 2);
    const [one, two] = requestsOf(world.take());
    answer(world, 1, two?.ticket ?? 0);
    operate(world, 3);
    expect(sequences(requestsOf(world.take()))).toEqual([[3, 1]]);
    answer(world, 1, one?.ticket ?? 0);
    operate(world, 4);
    expect(sequences(requestsOf(world.take()))).toEqual([[4, 3]]);
  });

  it("S6b: keeps a bounded run of numbers open, counted from the floor", () => {
    const world = servedWorld({ inFlightMax: 4 });
    for (let call = 1; call <= 6; call += 1) operate(world, call);
    openSession(world);
    const copies = requestsOf(world.take());
    expect(operations(copies)).toEqual(["op1", "op2", "op3", "op4"]);
    answer(world, 1, copies[2]?.ticket ?? 0);
    expect(requestsOf(world.take())).toEqual([]);
    answer(world, 1, copies[0]?.ticket ?? 0);
    expect(operations(requestsOf(world.take()))).toEqual(["op5"]);
  });

  it("S6a: an idle client whose only copy met an expired session goes on in a new one, unseen by the caller", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    fail(world, 1, firstTicket(requestsOf(world.take())), "session-expired");
    expect(world.settled.size).toBe(0);
    openSession(world);
    expect(sequences(requestsOf(world.take()))).toEqual([[1, 1]]);
  });

  it("S6a: with a copy astray an expired session leaves the outcome unknown", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    world.take();
    lead(world, 2, 2);
    world.feed({ kind: "connection-closed", connection: 1 });
    fail(world, 2, firstTicket(requestsOf(world.take())), "session-expired");
    expect(world.settled.get(1)).toMatchObject({ kind: "failed", code: "session-expired", outcome: "unknown" });
  });
});

describe("another leader", () => {
  it("S6d: gets everything that is open again, in order", () => {
    const world = servedWorld();
    for (const call of [1, 2, 3, 4]) operate(world, call);
    openSession(world);
    answer(world, 1, requestsOf(world.take())[1]?.ticket ?? 0);
    lead(world, 2, 3);
    const again = requestsOf(world.take());
    expect(operations(again)).toEqual(["op1", "op3", "op4"]);
    expect(again.every((copy) => copy.connection === 3)).toBe(true);
  });

  it("S6d: gets what has left an expired session by its new number", () => {
    const world = servedWorld();
    operate(world, 1);
    operate(world, 2);
    openSession(world);
    const [first, second] = requestsOf(world.take());
    // The first is in a queue, and finds later that its session has expired.
    fail(world, 1, second?.ticket ?? 0, "session-expired");
    openSession(world, "1.9.bb");
    expect(operations(requestsOf(world.take()))).toEqual(["op2"]);
    fail(world, 1, first?.ticket ?? 0, "session-expired");
    expect(operations(requestsOf(world.take()))).toEqual(["op1"]);
    lead(world, 2, 3);
    const again = requestsOf(world.take());
    expect([operations(again), sequences(again).map(([sequence]) => sequence)]).toEqual([
      ["op2", "op1"],
      [1, 2],
    ]);
  });

  it("S4c: nothing is sent to a leader of an older view once a newer one is known", () => {
    const world = servedWorld();
    world.hear(2, { kind: "members", view: viewOf(2, 3), book: bookOf(1), serving: false });
    operate(world, 1);
    expect(world.take()).toEqual([]);
    lead(world, 2, 3);
    expect(world.take()).toMatchObject([{ connection: 3, message: { kind: "open-session" } }]);
  });

  it("an answer counts from whichever copy it comes, and once", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    const first = firstTicket(requestsOf(world.take()));
    lead(world, 2, 2);
    const second = firstTicket(requestsOf(world.take()));
    answer(world, 1, first, 9);
    answer(world, 2, second, 10);
    expect(world.settled.get(1)).toMatchObject({ kind: "answered", index: 9 });
    expect(world.effects.filter((effect) => effect.kind === "settle")).toHaveLength(1);
  });

  it("follows the newer book and asks for links once", () => {
    const world = servedWorld();
    world.hear(2, { kind: "members", view: viewOf(1, 1), book: bookOf(3, [1, 2, 4]), serving: false });
    world.hear(3, { kind: "members", view: viewOf(1, 1), book: bookOf(2, [1, 2, 3]), serving: false });
    const links = world.effects.filter((effect) => effect.kind === "links");
    expect(links.map((effect) => effect.targets.map((target) => target.replica))).toEqual([
      [r(1), r(2), r(3)],
      [r(1), r(2), r(4)],
    ]);
  });

  it("is looked for anew when none is known for a while", () => {
    const world = worldOf();
    world.feed({ kind: "woken" });
    world.nowMs = nextWakeMs(world.state);
    world.feed({ kind: "woken" });
    expect(world.effects).toEqual([{ kind: "discover" }]);
    expect(nextWakeMs(world.state)).toBeGreaterThan(world.nowMs);
  });
});

describe("S6h: not-executed is said", () => {
  it("S6h: at once where the only copy was refused", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    fail(world, 1, firstTicket(requestsOf(world.take())), "overloaded");
    expect(world.settled.get(1)).toMatchObject({ code: "overloaded", outcome: "not-executed" });
  });

  it("S6h: never once a copy was lost: the client goes on, and the time-out is unknown", () => {
    const world = servedWorld();
    operate(world, 1, 1_000);
    openSession(world);
    world.take();
    lead(world, 2, 2);
    world.feed({ kind: "connection-closed", connection: 1 });
    fail(world, 2, firstTicket(requestsOf(world.take())), "overloaded");
    expect(world.settled.size).toBe(0);
    world.nowMs = nextWakeMs(world.state);
    world.feed({ kind: "woken" });
    expect(requestsOf(world.take())).toHaveLength(1);
    world.nowMs = 1_000;
    world.feed({ kind: "woken" });
    expect(world.settled.get(1)).toMatchObject({ code: "timeout", outcome: "unknown" });
  });

  it("S6h: not after a redirect, which says nothing", () => {
    const world = servedWorld();
    operate(world, 1, 1_000);
    openSession(world);
    world.hear(1, { kind: "redirect", ticket: firstTicket(requestsOf(world.take())) });
    world.nowMs = 1_000;
    world.feed({ kind: "woken" });
    expect(world.settled.get(1)).toMatchObject({ code: "timeout", outcome: "unknown" });
  });

  it("S6h: stale after a lost copy is unknown", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    world.take();
    lead(world, 2, 2);
    world.feed({ kind: "connection-closed", connection: 1 });
    fail(world, 2, firstTicket(requestsOf(world.take())), "stale-sequence");
    expect(world.settled.get(1)).toMatchObject({ outcome: "unknown" });
  });

  it("S6h: stale alone is unknown too: of a number below its floor the group has forgotten what it did", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    fail(world, 1, firstTicket(requestsOf(world.take())), "stale-sequence");
    expect(world.settled.get(1)).toMatchObject({ code: "stale-sequence", outcome: "unknown" });
  });

  it("S6h: at the time-out where nothing was ever sent", () => {
    const world = worldOf();
    operate(world, 1, 1_000);
    world.nowMs = 1_000;
    world.feed({ kind: "woken" });
    expect(world.settled.get(1)).toMatchObject({ code: "unavailable", outcome: "not-executed" });
  });

  it("S6h: after the caller's patience where the refusal may pass", () => {
    const world = servedWorld();
    operate(world, 1, 10_000, 100);
    openSession(world);
    fail(world, 1, firstTicket(requestsOf(world.take())), "below-minimum");
    world.nowMs = nextWakeMs(world.state);
    expect(world.nowMs).toBeLessThan(100);
    world.feed({ kind: "woken" });
    fail(world, 1, firstTicket(requestsOf(world.take())), "below-minimum");
    expect(world.settled.size).toBe(0);
    world.nowMs = 100;
    world.feed({ kind: "woken" });
    expect(world.settled.get(1)).toMatchObject({ code: "below-minimum", outcome: "not-executed" });
  });
});

describe("a call that is sent again", () => {
  it("trap 24: one that is to ask again does not take those along that are on their way", () => {
    const world = servedWorld();
    for (const call of [1, 2, 3]) operate(world, call);
    openSession(world);
    const [, second] = requestsOf(world.take());
    world.hear(1, { kind: "redirect", ticket: second?.ticket ?? 0 });
    world.nowMs = 100;
    world.feed({ kind: "woken" });
    expect(operations(requestsOf(world.take()))).toEqual(["op2"]);
    // A new leader knows of none of them, though it may be the old one over the same connection.
    lead(world, 2, 1);
    expect(operations(requestsOf(world.take()))).toEqual(["op1", "op2", "op3"]);
  });

  it("trap 24: copies that went astray meet a full queue without a storm", () => {
    const world = servedWorld();
    for (const call of [1, 2, 3, 4]) operate(world, call);
    openSession(world);
    world.take();
    lead(world, 2, 2);
    const copies = requestsOf(world.take());
    expect(copies).toHaveLength(4);
    world.feed({ kind: "connection-closed", connection: 1 });
    fail(world, 2, copies[3]?.ticket ?? 0, "overloaded");
    answer(world, 2, copies[0]?.ticket ?? 0);
    world.nowMs = 100;
    world.feed({ kind: "woken" });
    expect(operations(requestsOf(world.take()))).toEqual(["op4"]);
  });
});

describe("queries", () => {
  const query = (world: ReturnType<typeof servedWorld>, call: number, consistency: "linearizable" | "session" | "any") =>
    world.feed({ kind: "query", call, query: "get", input: NO_BYTES, consistency, deadlineMs: 1_000 });

  it("S7: go to the leader unless asked otherwise, and again to the next one", () => {
    const world = servedWorld();
    query(world, 1, "linearizable");
    expect(world.take().map((copy) => copy.connection)).toEqual([1]);
    lead(world, 2, 2);
    expect(world.take().map((copy) => copy.connection)).toEqual([2]);
  });

  it("read anywhere in turn with `any`, and ask the leader where a follower cannot answer", () => {
    const world = servedWorld();
    for (const call of [1, 2, 3]) query(world, call, "any");
    const copies = world.take();
    expect(new Set(copies.map((copy) => copy.connection))).toEqual(new Set([1, 2, 3]));
    const atFollower = copies.find((copy) => copy.connection === 2);
    if (atFollower?.message.kind !== "query") throw new Error("no query");
    world.hear(2, { kind: "redirect", ticket: atFollower.message.ticket });
    expect(world.take().map((copy) => copy.connection)).toEqual([1]);
  });

  it("S7: a session query names the highest index seen", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    answer(world, 1, firstTicket(requestsOf(world.take())), 42);
    query(world, 2, "session");
    expect(world.take()).toMatchObject([{ message: { kind: "query", atLeastIndex: 42 } }]);
  });

  it("section 4: once work was given up, a `session` query waits for nothing that was seen before", () => {
    const world = servedWorld();
    query(world, 1, "linearizable");
    query(world, 2, "linearizable");
    const [first = 0, late = 0] = world.take().map(({ message }) => ("ticket" in message ? message.ticket : 0));
    answer(world, 1, first, 1_000);
    const view = { ...viewOf(2, 2), generation: 2 };
    world.hear(2, { kind: "members", view, book: bookOf(1), serving: true });
    // Said by the old generation, and on its way since.
    answer(world, 1, late, 1_001);
    query(world, 3, "session");
    expect(world.take().at(-1)).toMatchObject({ message: { kind: "query", atLeastIndex: 0 } });
  });
});

describe("bounds", () => {
  it("refuses what does not fit into the queue as overloaded", () => {
    const world = worldOf({ waitingMax: 2 });
    for (const call of [1, 2, 3]) operate(world, call);
    expect([...world.settled]).toMatchObject([[3, { code: "overloaded", outcome: "not-executed" }]]);
  });

  it("closing ends every call, each with what can be said of it", () => {
    const world = servedWorld();
    operate(world, 1);
    openSession(world);
    world.feed({ kind: "connection-closed", connection: 1 });
    operate(world, 2);
    world.feed({ kind: "closing", reason: "The client was closed" });
    expect(world.settled.get(1)).toMatchObject({ outcome: "unknown" });
    expect(world.settled.get(2)).toMatchObject({ outcome: "not-executed" });
  });
});
