import fc from "fast-check";
import { expect, it } from "vitest";
import type { SessionId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import { nextWakeMs } from "./step.js";
import { COPY_OVERHEAD_BYTES } from "./unread.js";
import { bookOf, NO_BYTES, operate, r, type World, viewOf, worldOf } from "./world.test-kit.js";

/**
 * One client against a group that is right by construction (one table, one leader) over links that lose, delay and break:
 * what the client makes of it must be right for every interleaving.
 */
interface Group {
  readonly world: World;
  leader: number;
  counter: number;
  sessions: number;
  /** Executed requests by `session:sequence`, in order. */
  readonly executed: Map<string, string>;
  /** Of open and of broken connections: what has not arrived yet. */
  readonly up: Map<number, ClientMessage[]>;
  readonly down: Map<number, ClientMessage[]>;
  readonly replicaOf: Map<number, number>;
  readonly openOf: Map<number, number>;
  readonly sentOn: Map<number, Set<number>>;
  nextConnection: number;
  calls: number;
  readonly timeoutMs: number;
}

/** Requests without input. */
const UNREAD_MAX = 8;
let longestQueue = 0;

function groupOf(timeoutMs = 2_000): Group {
  const group: Group = {
    world: worldOf({ inFlightMax: 6, unreadBytesMax: UNREAD_MAX * COPY_OVERHEAD_BYTES }),
    leader: 1,
    counter: 1,
    sessions: 0,
    executed: new Map(),
    up: new Map(),
    down: new Map(),
    replicaOf: new Map(),
    openOf: new Map(),
    sentOn: new Map(),
    nextConnection: 1,
    calls: 0,
    timeoutMs,
  };
  group.world.feed({ kind: "discovered", view: null, book: bookOf(1) });
  for (const replica of [1, 2, 3]) connect(group, replica);
  return group;
}

function membersFrom(group: Group, replica: number): ClientMessage {
  return { kind: "members", view: viewOf(group.counter, group.leader), book: bookOf(1), serving: replica === group.leader };
}

function connect(group: Group, replica: number): void {
  const id = group.nextConnection;
  group.nextConnection += 1;
  group.replicaOf.set(id, replica);
  group.openOf.set(replica, id);
  group.up.set(id, []);
  group.down.set(id, [membersFrom(group, replica)]);
  group.sentOn.set(id, new Set());
  group.world.feed({ kind: "connection-opened", connection: id, replica: r(replica) });
}

/** Breaks and dials anew: what is on the way up may still arrive. */
function disconnect(group: Group, replica: number): void {
  const id = group.openOf.get(replica) ?? 0;
  group.down.delete(id);
  group.world.feed({ kind: "connection-closed", connection: id });
  connect(group, replica);
}

function moveLead(group: Group, leader: number): void {
  group.leader = leader;
  group.counter += 1;
  for (const [replica, id] of group.openOf) group.down.get(id)?.push(membersFrom(group, replica));
}

function collect(group: Group): void {
  for (const { connection, message } of group.world.take()) {
    if (message.kind === "request" && message.identity.kind === "session") checkOrder(group, connection, message.identity.sequence);
    group.up.get(connection)?.push(message);
  }
  for (const messages of group.up.values()) {
    const unread = messages.filter(({ kind }) => kind === "request").length;
    expect(unread, "sent ahead of a server that does not read").toBeLessThanOrEqual(UNREAD_MAX);
    longestQueue = Math.max(longestQueue, unread);
  }
}

/** S6d: what is open and older has been sent on this connection before. */
function checkOrder(group: Group, connection: number, sequence: number): void {
  const sent = group.sentOn.get(connection);
  for (const open of group.world.state.openSequences)
    if (open < sequence) expect(sent?.has(open), `S6d: ${open} before ${sequence}`).toBe(true);
  sent?.add(sequence);
}

/** The next message on connection `id` reaches its server; `refuse`: there it meets a full queue. */
function arrive(group: Group, id: number, refuse: boolean): void {
  const message = group.up.get(id)?.shift();
  if (message === undefined || !("ticket" in message)) return;
  const answer = (said: ClientMessage) => group.down.get(id)?.push(said);
  const { ticket } = message;
  if (group.replicaOf.get(id) !== group.leader) answer({ kind: "redirect", ticket });
  else if (message.kind === "open-session") {
    group.sessions += 1;
    answer({ kind: "session-opened", ticket, session: `1.${group.sessions}.aa` as SessionId });
  } else if (message.kind === "request" && message.identity.kind === "session") {
    const key = `${message.identity.session}:${message.identity.sequence}`;
    if (!group.executed.has(key) && refuse) return void answer({ kind: "request-failed", ticket, code: "overloaded", message: "full" });
    if (!group.executed.has(key)) group.executed.set(key, message.operation);
    answer({ kind: "reply", ticket, index: group.executed.size, epoch: [1, group.counter], reply: { refused: false, bytes: NO_BYTES } });
  }
}

function hear(group: Group, replica: number): void {
  const id = group.openOf.get(replica) ?? 0;
  const message = group.down.get(id)?.shift();
  if (message !== undefined) group.world.hear(id, message);
}

type Action = readonly [kind: "call" | "arrive" | "refuse" | "hear" | "break" | "lead" | "wait", replica: number];

function act(group: Group, [kind, replica]: Action): void {
  const ids = [...group.up.keys()].filter((id) => group.replicaOf.get(id) === replica && (group.up.get(id)?.length ?? 0) > 0);
  if (kind === "call") {
    group.calls += 1;
    operate(group.world, group.calls, group.world.nowMs + group.timeoutMs);
  } else if (kind === "arrive" || kind === "refuse") arrive(group, ids[0] ?? 0, kind === "refuse");
  else if (kind === "hear") hear(group, replica);
  else if (kind === "break") disconnect(group, replica);
  else if (kind === "lead") moveLead(group, replica);
  else {
    group.world.nowMs = Math.max(group.world.nowMs, Math.min(nextWakeMs(group.world.state), group.world.nowMs + 500));
    group.world.feed({ kind: "woken" });
  }
  collect(group);
}

const action = fc.tuple(
  fc.constantFrom("call", "call", "arrive", "arrive", "arrive", "hear", "hear", "hear", "refuse", "break", "lead", "wait"),
  fc.constantFrom(1, 2, 3),
) as fc.Arbitrary<Action>;

function operationsExecuted(group: Group): string[] {
  return [...group.executed.values()];
}

it("S6: each call ends once, is executed at most once, and never after not-executed was said", () => {
  let unknown = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 30, maxLength: 200 }), (actions) => {
      const group = groupOf();
      for (const each of actions) act(group, each);
      const saidNotExecuted = [...group.world.settled].filter(
        ([, outcome]) => outcome.kind === "failed" && outcome.outcome === "not-executed",
      );
      // Whatever is still on the way arrives, at servers that all take it.
      for (const id of group.up.keys())
        while ((group.up.get(id)?.length ?? 0) > 0) {
          group.leader = group.replicaOf.get(id) ?? 0;
          arrive(group, id, false);
        }
      const executed = operationsExecuted(group);
      expect(new Set(executed).size, "executed once").toBe(executed.length);
      for (const [call] of saidNotExecuted) expect(executed, `S6h: op${call}`).not.toContain(`op${call}`);
      for (const [call, outcome] of group.world.settled) if (outcome.kind === "answered") expect(executed).toContain(`op${call}`);
      refused += saidNotExecuted.length;
      unknown += [...group.world.settled.values()].filter((outcome) => outcome.kind === "failed" && outcome.outcome === "unknown").length;
    }),
    { numRuns: 400 },
  );
  // The property must have met what it is about.
  expect(refused).toBeGreaterThan(10);
  expect(unknown).toBeGreaterThan(10);
  expect(longestQueue).toBe(UNREAD_MAX);
});

it("S6: with the faults over, every call is answered", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const group = groupOf(1_000_000);
      for (const each of actions) if (each[0] !== "wait" && each[0] !== "refuse") act(group, each);
      moveLead(group, 2);
      for (let round = 0; round < 200; round += 1) {
        act(group, ["wait", 1]);
        for (const replica of [1, 2, 3])
          for (const kind of ["arrive", "hear"] as const) for (let n = 0; n < 4; n += 1) act(group, [kind, replica]);
        if (group.world.settled.size === group.calls) break;
      }
      const answered = [...group.world.settled.values()].filter((outcome) => outcome.kind === "answered").length;
      expect(answered).toBe(group.calls);
    }),
    { numRuns: 200 },
  );
});
