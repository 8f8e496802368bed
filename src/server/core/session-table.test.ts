import { expect, test } from "vitest";
import type { SessionId } from "../../vocabulary/ids.js";
import type { RequestIdentity } from "../../vocabulary/session.js";
import { entriesOf } from "./aged-map.js";
import {
  acknowledges,
  createTable,
  dropSession,
  expireKeys,
  find,
  highestSequence,
  keepReply,
  keysBefore,
  openSession,
  raiseFloor,
  type Remembered,
  remember,
  renew,
  resumeSession,
  type SessionTable,
  sessionsBefore,
} from "./session-table.js";
import { tableOf } from "./table-build.js";
import { captureTable, takeAllRows, takeRows } from "./table-capture.js";
import { imageOf } from "./testing/table.js";
import { sizeBytes, tallyOf } from "./tally.js";

const REPLY = { refused: false, bytes: new Uint8Array([1]) };

function numbered(session: SessionId, sequence: number, floor = 0, resumption = 0): RequestIdentity {
  return { kind: "session", session, sequence, floor, resumption };
}

function execute(table: SessionTable, identity: RequestIdentity, index: number, ageMs = index): void {
  raiseFloor(table, identity, ageMs);
  remember(table, identity, { index, digest: 7, reply: REPLY }, ageMs);
}

test("S6a: an id that the table does not know is an expired one", () => {
  const table = createTable();
  const id = openSession(table, 1, 5, "ab", 0);
  expect(id).toBe("1.5.ab");
  expect(find(table, numbered("1.4.ab" as SessionId, 1), 7).kind).toBe("expired");
});

test("S6b: what is remembered of a request is its reply alone, not the message or the log record that it came in", () => {
  const table = createTable();
  const id = openSession(table, 1, 1, "a", 0);
  const received = new Uint8Array(200_000).fill(5);
  const reply = { refused: true, bytes: received.subarray(1_000, 1_003) };
  remember(table, numbered(id, 1), { index: 2, digest: 7, reply }, 2);
  remember(table, { kind: "key", key: "k" }, { index: 3, digest: 7, reply }, 3);
  const executing: Remembered = { index: 4, digest: 7, reply: null };
  remember(table, numbered(id, 2), executing, 4);
  keepReply(table, numbered(id, 2), executing, reply);
  const { sessions, keys } = imageOf(table);
  const kept = [...(sessions[0]?.replies ?? []).map(([, remembered]) => remembered), ...keys.map((key) => key.reply)].map(
    (each) => each.reply,
  );
  expect(kept).toEqual([reply, reply, reply]);
  for (const { bytes } of kept) expect(bytes.buffer.byteLength).toBeLessThan(1_000);
});

test("S6b: executed if and only if at or above the floor and not in the table", () => {
  const table = createTable();
  const id = openSession(table, 1, 1, "a", 0);
  execute(table, numbered(id, 3), 2);
  expect(find(table, numbered(id, 3), 7).kind).toBe("remembered");
  expect(find(table, numbered(id, 1), 7).kind).toBe("new");
  execute(table, numbered(id, 5, 4), 3);
  expect(find(table, numbered(id, 3), 7).kind).toBe("stale");
  expect(find(table, numbered(id, 4), 7).kind).toBe("new");
  execute(table, numbered(id, 1_000_000, 1_000_000), 4);
  expect(find(table, numbered(id, 5), 7).kind).toBe("stale");
  expect(table.sessions.get(id)?.replies.size).toBe(1);
});

test("S6g: the same number or key with another request is an error", () => {
  const table = createTable();
  const id = openSession(table, 1, 1, "a", 0);
  execute(table, numbered(id, 1), 2);
  expect(find(table, numbered(id, 1), 8).kind).toBe("reused");
  execute(table, { kind: "key", key: "k" }, 3);
  expect(find(table, { kind: "key", key: "k" }, 8).kind).toBe("reused");
  expect(find(table, { kind: "key", key: "__proto__" }, 8).kind).toBe("new");
});

test("S6b: a reply counts from when it is known, and not at all once its request was acknowledged or has expired", () => {
  const table = createTable();
  const ids = ["a", "b", "c"].map((nonce, at) => openSession(table, 1, at + 1, nonce, 0));
  const [kept, acknowledged, expired] = ids.map((id) => numbered(id, 1));
  const key = { kind: "key", key: "k" } as const;
  const identities = [kept, acknowledged, expired, key].filter((identity) => identity !== undefined);
  const executing = identities.map((identity, at): [RequestIdentity, Remembered] => {
    const remembered: Remembered = { index: 4 + at, digest: 7, reply: null };
    remember(table, identity, remembered, 4 + at);
    return [identity, remembered];
  });
  expect(table.tally).toEqual(tallyOf(table));
  for (const id of ids.slice(1, 2)) raiseFloor(table, numbered(id, 2, 2), 9);
  for (const id of ids.slice(2)) dropSession(table, id);
  for (const [identity, remembered] of executing) keepReply(table, identity, remembered, REPLY);
  const ofSession = sizeBytes(null, { index: 0, digest: 0, reply: REPLY });
  expect(table.tally).toEqual({ count: 2, bytes: 2 * ofSession + 1, keyBytes: ofSession + 1 });
  expireKeys(table, 100);
  expect(table.tally).toEqual({ count: 1, bytes: ofSession, keyBytes: 0 });
});

test("S6b: a floor acknowledges the replies below it, from another floor on", () => {
  const table = createTable();
  const id = openSession(table, 1, 1, "a", 0);
  for (const sequence of [1, 2, 4]) execute(table, numbered(id, sequence), sequence + 1);
  const each = sizeBytes(null, { index: 0, digest: 0, reply: REPLY });
  expect(acknowledges(table, id, 0, 3, 2 * each)).toBe(true);
  expect(acknowledges(table, id, 0, 3, 2 * each + 1)).toBe(false);
  expect(acknowledges(table, id, 3, 4, 1)).toBe(false);
  expect(acknowledges(table, id, 3, 5, 1)).toBe(true);
  expect(acknowledges(table, "1.9.x" as SessionId, 0, 5, 1)).toBe(false);
});

test("S6f: a resumption ends what its older life has on the way", () => {
  const table = createTable();
  const id = openSession(table, 1, 1, "a", 0);
  execute(table, numbered(id, 4), 2);
  const session = resumeSession(table, id, 9);
  expect(session?.resumption).toBe(1);
  expect(session === null ? 0 : highestSequence(session)).toBe(4);
  expect(find(table, numbered(id, 5), 7).kind).toBe("expired");
  expect(find(table, numbered(id, 5, 0, 1), 7).kind).toBe("new");
});

test("S6e: sessions and keys are in order of age, and only what is old is found", () => {
  const table = createTable();
  const a = openSession(table, 1, 1, "a", 10);
  const b = openSession(table, 1, 2, "b", 20);
  expect(sessionsBefore(table, 15, 10)).toEqual([a]);
  renew(table, a, 30);
  expect(sessionsBefore(table, 25, 10)).toEqual([b]);
  execute(table, { kind: "key", key: "x" }, 3, 10);
  execute(table, { kind: "key", key: "y" }, 4, 20);
  expireKeys(table, 20);
  expect([...entriesOf(table.keys)].map(([key]) => key)).toEqual(["y"]);
});

test("S6g: keys expire in pieces of about a number, and those of one millisecond together", () => {
  const table = createTable();
  for (const [at, ageMs] of [1, 2, 2, 2, 3, 9].entries()) execute(table, { kind: "key", key: `k${at}` }, at + 1, ageMs);
  expect(keysBefore(table, 1, 2)).toBeNull();
  expect(keysBefore(table, 5, 1)).toBe(2);
  expect(keysBefore(table, 5, 2)).toBe(3);
  expect(keysBefore(table, 5, 4)).toBe(3);
  expect(keysBefore(table, 5, 5)).toBe(5);
  expect(keysBefore(table, 100, 100)).toBe(100);
  expireKeys(table, keysBefore(table, 5, 2) ?? 0);
  expect([...entriesOf(table.keys)].map(([key]) => key)).toEqual(["k4", "k5"]);
});

test("S6b: a snapshot carries the table whole and in order", () => {
  const table = createTable();
  const a = openSession(table, 1, 1, "a", 1);
  openSession(table, 1, 2, "b", 2);
  execute(table, numbered(a, 1), 3);
  execute(table, { kind: "key", key: "k" }, 4);
  const copy = tableOf(imageOf(table));
  expect(imageOf(copy)).toEqual(imageOf(table));
  expect([...copy.sessions.keys()]).toEqual([...table.sessions.keys()]);
});

test("S6b: requests whose replies are not known yet go on under a snapshot, in sessions given out already and in new ones", () => {
  const table = createTable();
  const first = openSession(table, 1, 1, "first", 0);
  const capture = captureTable(table);
  const before = imageOf(table).sessions;
  const second = openSession(table, 1, 2, "second", 0);
  const execute = (session: SessionId, sequence: number): void => {
    const identity = { kind: "session", session, resumption: 0, sequence, floor: 0 } as const;
    raiseFloor(table, identity, 1);
    remember(table, identity, { index: sequence + 2, digest: 0, reply: null }, 1);
  };
  for (const session of [first, second]) for (const sequence of [1, 2]) execute(session, sequence);
  expect(takeRows(capture)).toEqual({ sessions: before, keys: [] });
  for (const session of [first, second]) execute(session, 3);
  expect(takeRows(capture)).toBeNull();
});

test("S6b: a snapshot that was given up takes nothing from the next one", () => {
  const table = createTable();
  const first = openSession(table, 1, 1, "first", 0);
  const second = openSession(table, 1, 2, "second", 0);
  const givenUp = captureTable(table);
  takeRows(givenUp, 1);
  resumeSession(table, second, 1);
  const expected = imageOf(table);
  const capture = captureTable(table);
  resumeSession(table, first, 2);
  resumeSession(table, second, 2);
  takeRows(givenUp);
  for (const id of [first, second]) resumeSession(table, id, 3);
  expect(takeAllRows(capture)).toEqual(expected);
  expect(table.sessions.get(first)?.resumption).toBe(2);
});

test("S6b: rows that are given out bit by bit are those of the beginning, in their order, whatever changes meanwhile", () => {
  // Deterministic mischief: every kind of change, between any two pieces.
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const next = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
    const table = createTable();
    const ids = Array.from({ length: 9 }, (_, at) => openSession(table, 1, at + 1, "n", at));
    let index = 20;
    let newest = 0;
    const change = (): void => {
      const id = ids[next(ids.length)] ?? ids[0];
      const session = id === undefined ? undefined : table.sessions.get(id);
      const sequence = session === undefined ? 0 : highestSequence(session) + 1;
      index += 1;
      if (id !== undefined && session !== undefined) {
        const kind = next(5);
        if (kind === 0) renew(table, id, index);
        if (kind === 1) execute(table, numbered(id, sequence, sequence, session.resumption), index);
        if (kind === 2) resumeSession(table, id, index);
        if (kind === 3) dropSession(table, id);
      }
      if (next(3) === 0) ids.push(openSession(table, 1, index, "n", index));
      if (next(2) === 0) execute(table, { kind: "key", key: `k${index}` }, index, index);
      newest = Math.max(newest, index - next(8));
      if (next(4) === 0) expireKeys(table, newest);
      expect(table.tally, `seed ${seed}`).toEqual(tallyOf(table));
    };
    for (let count = 0; count < 15; count++) change();
    const expected = structuredClone(imageOf(table));
    const capture = captureTable(table);
    const found: { sessions: unknown[]; keys: unknown[] } = { sessions: [], keys: [] };
    for (let rows = takeRows(capture, 2); rows !== null; rows = takeRows(capture, 2)) {
      found.sessions.push(...rows.sessions);
      found.keys.push(...rows.keys);
      for (let count = next(6); count > 0; count--) change();
    }
    expect(found, `seed ${seed}`).toEqual(expected);
    expect(tableOf(imageOf(table)).tally, `seed ${seed}`).toEqual(table.tally);
    expect(table.capture?.over).toBe(true);
  }
});
