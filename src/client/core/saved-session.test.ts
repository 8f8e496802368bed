import { describe, expect, it } from "vitest";
import type { SessionId } from "../../vocabulary/ids.js";
import {
  answer,
  fail,
  firstTicket,
  lead,
  NO_BYTES,
  openSession,
  operate,
  requestsOf,
  SESSION,
  sequences,
  servedWorld,
} from "./world.test-kit.js";

const saved = {
  session: SESSION,
  highestSequence: 4,
  requests: [3, 4].map((sequence) => ({ sequence, operation: `op${sequence}`, input: NO_BYTES })),
};
const resume = (world: ReturnType<typeof servedWorld>, answered: readonly number[]) => {
  const asked = world.take().find(({ message }) => message.kind === "resume-session");
  if (asked?.message.kind !== "resume-session") throw new Error("no resumption was asked for");
  const replies = answered.map((sequence) => [sequence, 50 + sequence, { refused: false, bytes: NO_BYTES }] as const);
  world.hear(asked.connection, {
    kind: "session-resumed",
    ticket: asked.message.ticket,
    index: 60,
    session: SESSION,
    resumption: 2,
    highestSequence: 5,
    replies,
  });
};

it("S6f: holds a request durably before it is sent", () => {
  const world = servedWorld({ savesRequests: true });
  operate(world, 1);
  openSession(world);
  expect(world.take()).toEqual([]);
  expect(world.effects).toContainEqual(expect.objectContaining({ kind: "save-request", sequence: 1 }));
  world.feed({ kind: "saved", session: SESSION, throughSequence: 1 });
  expect(requestsOf(world.take())).toHaveLength(1);
});

it("S6f: what the file holds is sent though more calls wait than the window takes", () => {
  const world = servedWorld({ savesRequests: true, inFlightMax: 4 });
  for (let call = 1; call <= 7; call++) operate(world, call);
  openSession(world);
  world.feed({ kind: "saved", session: SESSION, throughSequence: 4 });
  const first = requestsOf(world.take());
  expect(sequences(first)).toEqual([1, 2, 3, 4].map((sequence) => [sequence, 1]));
  for (const { connection, ticket } of first) answer(world, connection, ticket);
  for (const call of [1, 2, 3, 4]) world.feed({ kind: "settled-saved", call });
  world.feed({ kind: "saved", session: SESSION, throughSequence: 7 });
  expect(sequences(requestsOf(world.take())).map(([sequence]) => sequence)).toEqual([5, 6, 7]);
});

it("S6f: after a restart the open requests end once, with the reply kept or sent again", () => {
  const world = servedWorld({ savesRequests: true }, saved);
  resume(world, [3]);
  const copies = requestsOf(world.take());
  expect(sequences(copies)).toEqual([[4, 3]]);
  expect(copies[0]?.identity).toMatchObject({ resumption: 2 });
  answer(world, 1, firstTicket(copies));
  const recovered = world.effects.filter((effect) => effect.kind === "recovered");
  expect(recovered.map((effect) => effect.sequence)).toEqual([3, 4]);
  operate(world, 1);
  expect(world.effects).toContainEqual(expect.objectContaining({ kind: "save-request", sequence: 6 }));
});

it("S7: a session query of the next life waits for the resumption, and names its index", () => {
  const world = servedWorld({ savesRequests: true }, saved);
  world.feed({ kind: "query", call: 1, query: "get", input: NO_BYTES, consistency: "session", deadlineMs: 1_000 });
  world.feed({ kind: "query", call: 2, query: "get", input: NO_BYTES, consistency: "any", deadlineMs: 1_000 });
  const before = world.effects.flatMap((effect) => (effect.kind === "send" && effect.message.kind === "query" ? [effect.message] : []));
  expect(before).toMatchObject([{ consistency: "any" }]);
  resume(world, [3, 4]);
  expect(world.take()).toMatchObject([{ message: { kind: "query", consistency: "session", atLeastIndex: 60 } }]);
});

it("S6f: an expired session leaves what was open unknown", () => {
  const world = servedWorld({ savesRequests: true }, saved);
  const asked = world.take()[0];
  if (asked?.message.kind !== "resume-session") throw new Error("no resumption was asked for");
  fail(world, 1, asked.message.ticket, "session-expired");
  expect(world.effects.filter((effect) => effect.kind === "recovered")).toMatchObject([
    { outcome: { code: "session-expired", outcome: "unknown" } },
    { outcome: { code: "session-expired", outcome: "unknown" } },
  ]);
});

it("S6b, S6f: the floor moves past a number once the file says that it has ended, and then with what comes behind it there", () => {
  const world = servedWorld({ savesRequests: true });
  operate(world, 1);
  openSession(world);
  world.feed({ kind: "saved", session: SESSION, throughSequence: 1 });
  operate(world, 2);
  answer(world, 1, firstTicket(requestsOf(world.take())));
  expect(world.settled.get(1)).toMatchObject({ kind: "answered" });
  operate(world, 3);
  world.feed({ kind: "settled-saved", call: 1 });
  operate(world, 4);
  // The end of 1 stands between 3 and 4 in the file.
  world.feed({ kind: "saved", session: SESSION, throughSequence: 4 });
  expect(sequences(requestsOf(world.take()))).toEqual([
    [2, 1],
    [3, 1],
    [4, 2],
  ]);
  lead(world, 2, 2);
  expect(sequences(requestsOf(world.take()))).toEqual([
    [2, 1],
    [3, 1],
    [4, 2],
  ]);
});

it("S6f: the ends of what was recovered are written when all have ended: the program may look at them only then", () => {
  const world = servedWorld({ savesRequests: true }, saved);
  resume(world, [3]);
  const ends = () => world.effects.flatMap((effect) => (effect.kind === "save-settled" ? [[effect.sequence, effect.durably]] : []));
  expect(ends()).toEqual([]);
  operate(world, 1);
  world.feed({ kind: "saved", session: SESSION, throughSequence: 6 });
  const copies = requestsOf(world.take());
  expect(sequences(copies)).toEqual([
    [4, 3],
    [6, 3],
  ]);
  answer(world, 1, firstTicket(copies));
  expect(ends()).toEqual([
    [3, false],
    [4, false],
  ]);
});

it("S6a: what ends of an expired session leaves alone what the new one has under the same number", () => {
  const world = servedWorld({ savesRequests: true });
  for (const call of [1, 2]) operate(world, call);
  openSession(world);
  world.feed({ kind: "saved", session: SESSION, throughSequence: 2 });
  const [first, second] = requestsOf(world.take());
  fail(world, 1, first?.ticket ?? 0, "session-expired");
  const opening = world.take().find(({ message }) => message.kind === "open-session");
  const ticket = opening?.message.kind === "open-session" ? opening.message.ticket : 0;
  const later = "1.9.bb" as SessionId;
  operate(world, 3);
  world.hear(1, { kind: "session-opened", ticket, session: later });
  // Call 2 had the number 2 in the old session, as call 3 has in the new one, and its outcome is open for good.
  expect(world.state.saving.get(2)?.id).toBe(3);
  world.hear(1, { kind: "redirect", ticket: second?.ticket ?? 0 });
  lead(world, 2, 2);
  expect(world.settled.get(2)).toMatchObject({ code: "session-expired", outcome: "unknown" });
  world.feed({ kind: "saved", session: later, throughSequence: 2 });
  expect(requestsOf(world.take()).map(({ operation }) => operation)).toEqual(["op1", "op3"]);
});

describe("S6h: not executed", () => {
  function refused() {
    const world = servedWorld({ savesRequests: true });
    operate(world, 1);
    openSession(world);
    world.feed({ kind: "saved", session: SESSION, throughSequence: 1 });
    fail(world, 1, firstTicket(requestsOf(world.take())), "overloaded");
    expect(world.effects).toContainEqual({ kind: "save-settled", call: 1, session: SESSION, sequence: 1, durably: true });
    expect(world.settled.size).toBe(0);
    return world;
  }

  it("is said once the file says durably that it has ended", () => {
    const world = refused();
    world.feed({ kind: "settled-saved", call: 1 });
    expect(world.settled.get(1)).toMatchObject({ code: "overloaded", outcome: "not-executed" });
  });

  it("is not known of what the file may still hold when the client closes", () => {
    const world = refused();
    world.feed({ kind: "closing", reason: "The client was closed" });
    expect(world.settled.get(1)).toMatchObject({
      code: "timeout",
      outcome: "unknown",
      message: expect.stringContaining("may send it again"),
    });
    world.feed({ kind: "settled-saved", call: 1 });
    expect([...world.settled.keys()]).toEqual([1]);
  });
});
