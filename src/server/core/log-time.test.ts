import { expect, test } from "vitest";
import { createClient, openSession, request, serving, type TestClient, textFor } from "./testing/client.js";
import { addHost, advance, changeView, crash, type Group, hostOf, start } from "./testing/group.js";

/** S9: the time that an active style's handlers see is that of the log, which does not run backwards, whatever the wall clocks do. */
const MEMBERS = [1, 2, 3];
const SMALL = { checkpointEntries: 4, bounds: { entriesBehindSnapshotMax: 0 } };

/** Two requests at this time, the last of which a snapshot of every replica holds: nothing else is left of the log. */
function snapshotAt(wallMs: number): Group {
  const { group, client } = serving("active", SMALL);
  group.wallMs = wallMs;
  for (const sequence of [1, 2]) textFor(client, request(client, sequence, "x"));
  advance(group, 500);
  for (const number of MEMBERS) expect(hostOf(group, number).disk).toMatchObject({ entries: [], snapshots: [{ record: { index: 4 } }] });
  return group;
}

function execute(group: Group, leader: number): TestClient {
  const client = createClient(group, leader);
  openSession(client);
  expect(textFor(client, request(client, 1, "y"))).toBe("3");
  return client;
}

function timesOf(group: Group, number: number): number[] {
  return hostOf(group, number).replica.log.entries.flatMap(({ body }) => (body.kind === "request" ? [body.nowMs] : []));
}

test("S9: log time goes on where the log ended that a snapshot took the place of, whatever the clocks say after a restart", () => {
  const group = snapshotAt(9_000);
  for (const number of MEMBERS) crash(group, hostOf(group, number));
  for (const number of MEMBERS) start(group, hostOf(group, number));
  group.wallMs = 2_000;
  changeView(group, MEMBERS, 2, "active");
  execute(group, 2);
  expect(timesOf(group, 2)).toEqual([9_000]);
});

test("S9: log time comes with the snapshot that a new replica gets", () => {
  const group = snapshotAt(9_000);
  addHost(group, 3, 2);
  changeView(group, [1, 2], 1, "active");
  changeView(group, MEMBERS, 1, "active");
  advance(group, 500);
  expect(hostOf(group, 3).replica.logTimeMs).toBe(9_000);
  for (const number of [1, 2]) crash(group, hostOf(group, number));
  for (const number of [1, 2]) start(group, hostOf(group, number));
  group.wallMs = 2_000;
  changeView(group, MEMBERS, 3, "active");
  execute(group, 3);
  expect(timesOf(group, 3)).toEqual([9_000]);
});

test("S9: a snapshot says the log time at its index, not that of entries behind it", () => {
  const { group, client } = serving("active", SMALL);
  group.wallMs = 9_000;
  textFor(client, request(client, 1, "x"));
  // Both come into the log together; the checkpoint is at the first of them.
  request(client, 2, "x");
  group.wallMs = 12_000;
  request(client, 3, "x");
  advance(group, 500);
  for (const number of MEMBERS) {
    const { record } = hostOf(group, number).disk.snapshots[0] ?? {};
    expect(record).toMatchObject({ index: 4, logTimeMs: 9_000 });
  }
});

test("S9: log time does not stand still while the leader's clock is behind it: it goes on at half the pace until it is caught up with", () => {
  const { group, client } = serving("active");
  let sequence = 0;
  const timeOf = (wallMs: number): number => {
    group.wallMs = wallMs;
    textFor(client, request(client, ++sequence, "x"));
    return timesOf(group, 1).at(-1) ?? 0;
  };
  expect(timeOf(100_000)).toBe(100_000);
  // Somebody set the clock right: an hour may pass till it is where it was.
  const [behind, ...later] = [40_000, 41_000, 42_000].map((wallMs) => {
    advance(group, 1_000);
    return timeOf(wallMs);
  });
  expect(behind).toBe(100_000);
  expect(later).toEqual([100_500, 101_000]);
  // However many come, and however close together.
  for (let count = 0; count < 10; count++) expect(timeOf(42_000)).toBe(101_000);
  expect(timeOf(200_000)).toBe(200_000);
  // Another step, another beginning.
  expect(timeOf(150_000)).toBe(200_000);
  advance(group, 1_001);
  expect(timeOf(151_000)).toBe(200_500);
});
