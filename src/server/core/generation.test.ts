import { expect, test } from "vitest";
import type { Style } from "../../vocabulary/style.js";
import { createClient, openSession, request, textFor, wordsOf } from "./testing/client.js";
import {
  activate,
  addHost,
  advance,
  crash,
  createGroup,
  createView,
  GROUP,
  type Group,
  hostOf,
  lead,
  memberFor,
  nextEpoch,
  order,
  run,
  seal,
  start,
} from "./testing/group.js";

const STYLES: readonly Style[] = ["warm-passive", "active"];

/** Three members, of which 1 has executed and checkpointed more than the others: they go on without it, as the next generation. */
function leftBehind(style: Style) {
  const group = createGroup({ checkpointEntries: 4, bounds: { entriesBehindSnapshotMax: 0, sliceBytes: 100 } });
  const view = createView(group, nextEpoch(group), [1, 2, 3], 1, style);
  for (const number of [1, 2, 3]) seal(group, number, view.epoch);
  run(group);
  lead(group, 1, view);
  run(group);
  activate(group, 1, view);
  group.view = view;
  advance(group, 20);
  const client = createClient(group, 1);
  openSession(client);
  // 3 lags behind, and 1 and 2 go on: 3 will be all that is left.
  group.passes = (from, to) => from !== hostOf(group, 3) && to !== hostOf(group, 3);
  for (let sequence = 1; sequence <= 10; sequence++)
    expect(textFor(client, request(client, sequence, `w${sequence}`))).toBe(String(sequence));
  advance(group, 50);
  for (const number of [1, 2, 3]) crash(group, hostOf(group, number));
  group.passes = () => true;
  start(group, hostOf(group, 3));
  const next = { ...createView(group, nextEpoch(group), [3], 3, style), generation: 2 };
  seal(group, 3, next.epoch);
  run(group);
  lead(group, 3, next);
  run(group);
  activate(group, 3, next);
  group.view = next;
  advance(group, 20);
  return group;
}

function feed(group: Group, number: number): void {
  order(group, 3, { kind: "learners", group: GROUP, epoch: group.view?.epoch ?? [0, 0], learners: [memberFor(group, number)] });
  advance(group, 300);
}

test.each(STYLES)("loss: a replica of the generation before has its data set aside, and comes back as a new incarnation (%s)", (style) => {
  const group = leftBehind(style);
  const old = hostOf(group, 1);
  expect(old.disk.snapshots.at(-1)?.record.index).toBeGreaterThan(hostOf(group, 3).replica.commitIndex);
  start(group, old);
  feed(group, 1);
  expect(old.ended).toMatch(/generation 2.*data is of generation 1.*cannot come back/);
  const client = createClient(group, 3);
  openSession(client);
  expect(textFor(client, request(client, 1, "new"))).toBe("1");
  const fresh = addHost(group, 1, 2);
  feed(group, 1);
  expect(fresh.ended).toBeNull();
  expect(wordsOf(group, 1)).toBe("new");
  expect(wordsOf(group, 1)).toBe(wordsOf(group, 3));
  // A learner of the new generation that was away is no stranger.
  crash(group, fresh);
  start(group, fresh);
  feed(group, 1);
  expect(fresh.ended).toBeNull();
});

test("loss: a snapshot of the generation before is left behind too where its receiver had not heard of an active view", () => {
  const group = leftBehind("active");
  const old = hostOf(group, 1);
  expect(old.disk.snapshots.at(-1)?.record.index).toBeGreaterThan(hostOf(group, 3).replica.commitIndex);
  old.disk.activeView = null;
  start(group, old);
  feed(group, 1);
  expect(old.ended).toMatch(/generation 2.*data is of generation 1.*cannot come back/);
});

test("loss: an empty replica, and a survivor that the new view names, are left alone", () => {
  const group = leftBehind("active");
  feed(group, 2);
  addHost(group, 2, 2);
  feed(group, 2);
  expect(hostOf(group, 2).ended).toBeNull();
  expect(hostOf(group, 3).ended).toBeNull();
});
