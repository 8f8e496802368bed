import { expect, test } from "vitest";
import type { Style } from "../../vocabulary/style.js";
import { answerTo, createClient, move, openSession, request, type TestClient, textFor } from "./testing/client.js";
import { advance, ask, changeView, createGroup, crash, type Group, hostOf, run } from "./testing/group.js";
import { createServing } from "./testing/serving.js";

const STYLES: readonly Style[] = ["warm-passive", "active"];

const serving = (style: Style, count: number) => createServing(style, count, { bounds: { sliceBytes: 100 } });

function readBackup(client: TestClient, index: number, offsetBytes = 0): number {
  ask(client.group, client.line, { kind: "read-backup", ticket: ++client.ticket, index, offsetBytes });
  return client.ticket;
}

function sliceFor(client: TestClient, ticket: number) {
  const slice = answerTo(client, ticket);
  if (slice?.kind !== "backup-slice") throw new Error(`no slice: ${JSON.stringify(slice)}`);
  return slice;
}

/** All slices, asked for one by one. */
function takeWhole(client: TestClient): { index: number; bytes: Uint8Array } {
  let slice = sliceFor(client, readBackup(client, 0));
  const { index, sizeBytes } = slice;
  const bytes = new Uint8Array(sizeBytes);
  for (;;) {
    bytes.set(slice.bytes, slice.offsetBytes);
    const offset = slice.offsetBytes + slice.bytes.length;
    if (offset >= sizeBytes) return { index, bytes };
    slice = sliceFor(client, readBackup(client, index, offset));
  }
}

function snapshotBytes(group: Group, number: number): Uint8Array | undefined {
  return hostOf(group, number).disk.snapshots.at(-1)?.bytes;
}

test.each(STYLES)("S8: a backup holds everything that was answered before it was asked for, at one committed index (%s)", (style) => {
  const { group, client } = serving(style, 30);
  const other = createClient(group, 1);
  const { index, bytes } = takeWhole(other);
  expect(index).toBe(hostOf(group, 1).replica.snapshot?.index);
  expect(index).toBeGreaterThanOrEqual(32);
  expect(index).toBeLessThanOrEqual(hostOf(group, 1).replica.commitIndex);
  expect(bytes).toEqual(snapshotBytes(group, 1));
  // The service goes on, and the next backup is of the next moment.
  expect(textFor(client, request(client, 31, "more"))).toBe("31");
  expect(takeWhole(other).index).toBeGreaterThan(index);
});

test.each(STYLES)("a leader that nobody confirms gives no backup, and sends on whoever asked when it is deposed (%s)", (style) => {
  const { group } = serving(style, 5);
  const other = createClient(group, 1);
  group.passes = (_, __, message) => message.kind !== "append-ack";
  const ticket = readBackup(other, 0);
  advance(group, 50);
  expect(other.line.heard.some((message) => message.kind === "backup-slice")).toBe(false);
  group.passes = () => true;
  changeView(group, [2, 3], 2, style, [2, 3]);
  run(group);
  // The old leader learns of the new epoch by the new leader's appends, as a learner or not at all.
  crash(group, hostOf(group, 1));
  move(other, 2);
  expect(takeWhole(other).index).toBeGreaterThan(5);
  expect(ticket).toBeGreaterThan(0);
});

test("followers redirect; slices that are not held are refused in words; no more than four at once", () => {
  const { group } = serving("active", 3);
  const follower = createClient(group, 2);
  expect(answerTo(follower, readBackup(follower, 0))?.kind).toBe("redirect");
  const others = [1, 2, 3, 4, 5].map(() => createClient(group, 1));
  expect(others.map((other) => answerTo(other, readBackup(other, 0))?.kind)).toEqual([
    ...Array.from({ length: 4 }, () => "backup-slice"),
    "request-failed",
  ]);
  const stranger = createClient(group, 1);
  expect(answerTo(stranger, readBackup(stranger, 7))).toMatchObject({ kind: "request-failed", code: "unavailable" });
});

test("a snapshot that is being taken away stays while newer ones are made", () => {
  const group = createGroup({ checkpointEntries: 5, bounds: { sliceBytes: 50 } });
  changeView(group, [1, 2, 3], 1, "warm-passive");
  const client = createClient(group, 1);
  openSession(client);
  for (let sequence = 1; sequence <= 8; sequence++) textFor(client, request(client, sequence, `w${sequence}`));
  const other = createClient(group, 1);
  const first = sliceFor(other, readBackup(other, 0));
  for (let sequence = 9; sequence <= 30; sequence++) textFor(client, request(client, sequence, `w${sequence}`));
  expect(hostOf(group, 1).replica.snapshot?.index).toBeGreaterThan(first.index);
  const second = sliceFor(other, readBackup(other, first.index, first.bytes.length));
  expect(second).toMatchObject({ index: first.index, offsetBytes: first.bytes.length, checksum: first.checksum });
});
