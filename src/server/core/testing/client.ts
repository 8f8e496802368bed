/** A client by hand: one session or key, one line, requests with numbers of the test's choice. */
import { assert } from "../../../vocabulary/assert.js";
import type { SessionId } from "../../../vocabulary/ids.js";
import type { Consistency } from "../../../vocabulary/message-client.js";
import type { Style } from "../../../vocabulary/style.js";
import type { Message } from "../../../vocabulary/message.js";
import { ask, changeView, connect, createGroup, type Group, type GroupOptions, hear, hostOf, type Line } from "./group.js";
import { bytesOf, textOf } from "./list-service.js";

export interface TestClient {
  readonly group: Group;
  line: Line;
  session: SessionId | null;
  resumption: number;
  ticket: number;
}

/** Three replicas that serve, led by the first, and a client of it with a session. */
export function serving(style: Style, options: GroupOptions = {}) {
  const group = createGroup(options);
  changeView(group, [1, 2, 3], 1, style);
  const client = createClient(group, 1);
  openSession(client);
  return { group, client };
}

/** Nobody but the first replica hears anything. */
export function cutFollowers(group: Group): void {
  group.passes = (_, to) => to === hostOf(group, 1);
}

/** Connected to one replica, without a session. */
export function createClient(group: Group, number: number): TestClient {
  return { group, line: connect(group, hostOf(group, number), "client"), session: null, resumption: 0, ticket: 0 };
}

export function openSession(client: TestClient): SessionId {
  ask(client.group, client.line, { kind: "open-session", ticket: ++client.ticket, nonce: "abc" });
  const opened = answerTo(client, client.ticket);
  assert(opened?.kind === "session-opened", "harness", () => `no session: ${opened?.kind}`);
  client.session = opened.session;
  return opened.session;
}

export function move(client: TestClient, number: number): void {
  client.line = connect(client.group, hostOf(client.group, number), "client");
}

/** Sends, and returns the ticket. */
export function request(client: TestClient, sequence: number, word: string, floor = sequence, operation = "append"): number {
  assert(client.session !== null, "harness");
  const identity = { kind: "session", session: client.session, resumption: client.resumption, sequence, floor } as const;
  ask(client.group, client.line, { kind: "request", ticket: ++client.ticket, identity, operation, input: bytesOf(word) });
  return client.ticket;
}

export function requestByKey(client: TestClient, key: string, word: string): number {
  ask(client.group, client.line, {
    kind: "request",
    ticket: ++client.ticket,
    identity: { kind: "key", key },
    operation: "append",
    input: bytesOf(word),
  });
  return client.ticket;
}

export function query(client: TestClient, consistency: Consistency = "linearizable", atLeastIndex = 0): number {
  ask(client.group, client.line, { kind: "query", ticket: ++client.ticket, query: "get", input: bytesOf(""), consistency, atLeastIndex });
  return client.ticket;
}

/** What came for the ticket once everything on its way has arrived; earlier answers are dropped. */
export function answerTo(client: TestClient, ticket: number): Message | undefined {
  return hear(client.group, client.line).find((message) => "ticket" in message && message.ticket === ticket);
}

/** The reply's text, or the kind (and code) of another answer, or `nothing`. */
export function textFor(client: TestClient, ticket: number): string {
  return textOfAnswer(answerTo(client, ticket));
}

export function textOfAnswer(message: Message | undefined): string {
  if (message === undefined) return "nothing";
  if (message.kind === "reply") return `${message.reply.refused ? "refused " : ""}${textOf(message.reply.bytes)}`;
  return message.kind === "request-failed" ? message.code : message.kind;
}

export function wordsOf(group: Group, number: number): string {
  return hostOf(group, number).service.words.join(" ");
}
