import { expect, test } from "vitest";
import type { SnapshotKnobs } from "../../vocabulary/spec.js";
import type { Style } from "../../vocabulary/style.js";
import type { ReplicaBounds } from "./state.js";
import { createClient, openSession, request, textFor } from "./testing/client.js";
import { advance, changeView, createGroup, GROUP, type Group, hostOf, order } from "./testing/group.js";

const NEVER = 1_000_000;
const MEMBERS = [1, 2, 3];
const STEP_MS = 20;

function working(style: Style, knobs: SnapshotKnobs, snapshotBytesPerMs = NEVER, bounds: Partial<ReplicaBounds> = {}) {
  const group = createGroup({ bounds: { snapshotBytesPerMs, ...bounds } });
  changeView(group, MEMBERS, 1, style);
  configure(group, knobs);
  const client = createClient(group, 1);
  openSession(client);
  let sequence = 0;
  return {
    group,
    work(count: number): void {
      for (let at = 0; at < count; at++) {
        sequence += 1;
        expect(textFor(client, request(client, sequence, `word${sequence}`))).toBe(String(sequence));
      }
    },
  };
}

function configure(group: Group, knobs: SnapshotKnobs): void {
  for (const number of MEMBERS)
    order(group, number, { kind: "configure", group: GROUP, knobs: { ...knobs, minimumReplicas: 1, handlerTimeoutMs: 1_000 } });
}

function snapshotsOf(group: Group): number[] {
  return MEMBERS.map((number) => hostOf(group, number).replica.snapshot?.index ?? 0);
}

/** Who publishes a snapshot when, in the time to come. */
function watch(group: Group, forMs: number): { readonly member: number; readonly atMs: number }[] {
  const seen: { member: number; atMs: number }[] = [];
  let before = snapshotsOf(group);
  for (const untilMs = group.nowMs + forMs; group.nowMs < untilMs; ) {
    advance(group, STEP_MS);
    const now = snapshotsOf(group);
    for (const [at, index] of now.entries()) if (index > (before[at] ?? 0)) seen.push({ member: MEMBERS[at] ?? 0, atMs: group.nowMs });
    before = now;
  }
  return seen;
}

/** How long a snapshot takes, for the turns. */
function shareMs(group: Group): number {
  const { snapshot, bounds } = hostOf(group, 1).replica;
  return Math.floor((snapshot?.sizeBytes ?? 0) / bounds.snapshotBytesPerMs);
}

test.each<Style>(["warm-passive", "active"])("large snapshots are taken one replica after the other, the leader's last (%s)", (style) => {
  const { group, work } = working(style, { checkpointEntries: 10 }, 2);
  work(10);
  advance(group, 10);
  const first = snapshotsOf(group);
  expect(Math.min(...first)).toBeGreaterThan(0);
  const ms = shareMs(group);
  expect(ms).toBeGreaterThan(5 * STEP_MS);
  // So long that a round has passed: nothing but the turns is in the way.
  advance(group, 5 * ms);
  work(15);
  const fromMs = group.nowMs;
  const [leader, second, third] = snapshotsOf(group);
  expect(second).toBeGreaterThan(first[1] ?? 0);
  expect([leader, third]).toEqual([first[0], first[2]]);
  const seen = watch(group, 4 * ms);
  expect(seen.map(({ member }) => member)).toEqual([3, 1]);
  expect((seen[0]?.atMs ?? 0) - fromMs).toBeGreaterThanOrEqual(ms - STEP_MS);
  expect((seen[1]?.atMs ?? 0) - (seen[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(ms - STEP_MS);
});

test("a round of turns passes between two large snapshots of one replica", () => {
  const { group, work } = working("active", { checkpointEntries: 10 }, 2);
  work(10);
  advance(group, 10);
  const ms = shareMs(group);
  work(15);
  // All had theirs just now.
  expect(watch(group, ms)).toEqual([]);
  expect(watch(group, 4 * ms).map(({ member }) => member)).toEqual([2, 3, 1]);
});

test("small snapshots wait for nobody", () => {
  const { group, work } = working("active", { checkpointEntries: 10 });
  work(35);
  advance(group, 10);
  expect(Math.min(...snapshotsOf(group))).toBeGreaterThanOrEqual(30);
});

test("a log of twice the bytes waits for no turn", () => {
  const { group, work } = working("active", { checkpointEntries: 10 }, 1);
  work(10);
  advance(group, 10);
  const before = snapshotsOf(group);
  configure(group, { checkpointEntries: 10, checkpointBytes: 1_000 });
  work(40);
  for (const [at, index] of snapshotsOf(group).entries()) expect(index).toBeGreaterThan(before[at] ?? 0);
});

test("a checkpoint by bytes of log, changed while it runs", () => {
  const { group, work } = working("warm-passive", { checkpointEntries: NEVER });
  work(20);
  expect(snapshotsOf(group)).toEqual([0, 0, 0]);
  configure(group, { checkpointEntries: NEVER, checkpointBytes: 500 });
  advance(group, 100);
  expect(Math.min(...snapshotsOf(group))).toBeGreaterThan(0);
});

test("nobody is refused for a log that is to grow further before its checkpoint", () => {
  const { group, work } = working("warm-passive", { checkpointEntries: NEVER, checkpointBytes: 10_000 }, NEVER, { logBytesMax: 500 });
  work(40);
  expect(snapshotsOf(group)).toEqual([0, 0, 0]);
  work(60);
  expect(Math.min(...snapshotsOf(group))).toBeGreaterThan(0);
});

test("a checkpoint by time, and none where nothing was executed", () => {
  const { group, work } = working("warm-passive", { checkpointEntries: NEVER, checkpointIntervalMs: 1_000 });
  work(1);
  advance(group, 900);
  expect(snapshotsOf(group)).toEqual([0, 0, 0]);
  advance(group, 400);
  const first = snapshotsOf(group);
  expect(Math.min(...first)).toBeGreaterThan(0);
  advance(group, 5_000);
  expect(snapshotsOf(group)).toEqual(first);
  work(1);
  advance(group, 1_100);
  expect(Math.min(...snapshotsOf(group))).toBeGreaterThan(Math.max(...first));
});
