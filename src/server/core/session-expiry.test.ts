import {
  createClient,
  cutFollowers,
  move,
  openSession,
  request,
  requestByKey,
  serving,
  type TestClient,
  textFor,
} from "./testing/client.js";
import { expect, test } from "vitest";
import { advance, changeView, connect, createGroup, type Group, hostOf, nextEpoch, run, seal } from "./testing/group.js";
import { openSession as openInTable, remember } from "./session-table.js";
import { bytesOf } from "./testing/list-service.js";
import type { Style } from "../../vocabulary/style.js";

const STYLES: readonly Style[] = ["warm-passive", "active"];
const SHORT = { timings: { sessionExpiryMs: 1_000, keyExpiryMs: 500 } };

test.each(STYLES)("S6e: unheard sessions expire by entries, sessions of connected clients are renewed (%s)", (style) => {
  const { group, client } = serving(style, SHORT);
  const other = createClient(group, 1);
  openSession(other);
  group.outside.close(hostOf(group, 1), other.line.wire.id);
  advance(group, 900);
  expect(hostOf(group, 1).replica.table.sessions.size).toBe(2);
  advance(group, 3_000);
  for (const number of [1, 2, 3]) expect([...hostOf(group, number).replica.table.sessions.keys()]).toEqual([client.session]);
  move(other, 1);
  expect(textFor(other, request(other, 1, "x"))).toBe("session-expired");
  expect(textFor(client, request(client, 1, "x"))).toBe("1");
});

test.each(STYLES)("S6e: what callers of a gateway have opened lives by its use, not by the gateway's connection (%s)", (style) => {
  const { group, client } = serving(style, SHORT);
  const gateway: TestClient = { ...client, line: connect(group, hostOf(group, 1), "gateway") };
  openSession(gateway);
  for (let number = 1; number <= 4; number++) {
    advance(group, 800);
    expect(textFor(gateway, request(gateway, number, "x"))).toBe(String(number));
  }
  advance(group, 3_000);
  for (const number of [1, 2, 3]) expect([...hostOf(group, number).replica.table.sessions.keys()]).toEqual([client.session]);
  expect(textFor(gateway, request(gateway, 5, "x"))).toBe("session-expired");
});

/** As many clients as `count`, each of which has opened a session and gone. */
function comeAndGo(group: Group, count: number): void {
  for (const number of [1, 2, 3]) {
    const { table, appliedIndex } = hostOf(group, number).replica;
    const ageMs = [...table.sessions.values()].at(-1)?.renewedAtAgeMs ?? 0;
    for (let each = 1; each <= count; each++) openInTable(table, 1, appliedIndex, each.toString(16), ageMs);
  }
}

test("S6e: sessions expire at their time, however many there are", () => {
  const { group, client } = serving("active", { timings: { sessionExpiryMs: 1_000, keyExpiryMs: 1_000 } });
  comeAndGo(group, 2_500);
  expect(hostOf(group, 1).replica.table.sessions.size).toBe(2_501);
  advance(group, 1_150);
  expect([...hostOf(group, 1).replica.table.sessions.keys()]).toEqual([client.session]);
});

test("S6g: keys expire at their time, however many there are, and never very many in one turn", () => {
  const { group } = serving("active", SHORT);
  const { log } = hostOf(group, 1).replica;
  const reply = { refused: false, bytes: bytesOf("x") };
  const ages = Array.from({ length: 2_500 }, (_, at) => Math.floor(at / 250));
  advance(group, 20);
  for (const number of [1, 2, 3]) {
    const { table } = hostOf(group, number).replica;
    for (const [at, ageMs] of ages.entries()) remember(table, { kind: "key", key: `k${at}` }, { index: 2, digest: 1, reply }, ageMs);
  }
  advance(group, 700);
  expect([1, 2, 3].map((number) => hostOf(group, number).replica.table.keys.size)).toEqual([0, 0, 0]);
  const lines = log.entries.flatMap(({ body }) => (body.kind === "keys-expired" ? [body.belowAgeMs] : []));
  const counts = lines.map((line) => ages.filter((ageMs) => ageMs < line).length).map((count, at, all) => count - (all[at - 1] ?? 0));
  expect(Math.max(...counts)).toBeLessThanOrEqual(1_000);
});

test("S6e: a connected client's session is renewed in time, however many are older that nobody uses", () => {
  const group = createGroup(SHORT);
  changeView(group, [1, 2, 3], 1, "active");
  comeAndGo(group, 1_100);
  const client = createClient(group, 1);
  const session = openSession(client);
  const openedAtAgeMs = hostOf(group, 1).replica.table.sessions.get(session)?.renewedAtAgeMs ?? 0;
  advance(group, 600);
  expect(hostOf(group, 1).replica.table.sessions.get(session)?.renewedAtAgeMs).toBeGreaterThan(openedAtAgeMs + 300);
});

test.each(STYLES)("S6e: a session that was heard of while commits stalled does not expire when they go on (%s)", (style) => {
  const { group, client } = serving(style, SHORT);
  advance(group, 600);
  cutFollowers(group);
  advance(group, 600);
  group.outside.close(hostOf(group, 1), client.line.wire.id);
  advance(group, 700);
  group.passes = () => true;
  advance(group, 300);
  for (const number of [1, 2, 3]) expect([...hostOf(group, number).replica.table.sessions.keys()]).toEqual([client.session]);
  advance(group, 1_000);
  for (const number of [1, 2, 3]) expect(hostOf(group, number).replica.table.sessions.size).toBe(0);
});

test("S6e: what a client makes up is not remembered with its connection", () => {
  const { group, client } = serving("active", SHORT);
  const known = client.session;
  for (let number = 1; number <= 3; number++) {
    client.session = `1.77.ab${number}` as never;
    request(client, 1, "x");
  }
  run(group);
  expect([...(hostOf(group, 1).replica.connections.get(client.line.wire.id)?.sessions ?? [])]).toEqual([known]);
});

test("S6e: the age counter stands still while no view is active, and a new leader waits for one full grace", () => {
  const { group, client } = serving("active", SHORT);
  group.outside.close(hostOf(group, 1), client.line.wire.id);
  advance(group, 700);
  const other = createClient(group, 1);
  expect(textFor(other, requestByKey(other, "k", "x"))).toBe("1");
  const epoch = nextEpoch(group);
  for (const number of [1, 2, 3]) seal(group, number, epoch);
  advance(group, 60_000);
  expect(changeView(group, [1, 2, 3], 2, "active").epoch).toBeDefined();
  advance(group, 900);
  expect(hostOf(group, 2).replica.table.sessions.size).toBe(1);
  advance(group, 500);
  expect(hostOf(group, 2).replica.table.sessions.size).toBe(0);
});
