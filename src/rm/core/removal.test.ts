import { expect, test } from "vitest";
import type { FakeServer } from "./fake-server.test-harness.js";
import * as w from "./world.test-harness.js";

const want = (world: w.World, replicas: number): void => w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas } });

test("fewer replicas are wanted while the leader is down: it leaves, and not one of those that are all there is", () => {
  const world = w.servingWorld();
  const { leader } = w.activeView(world);
  // The failover takes its time.
  for (const fake of world.servers.values()) fake.silent.add("seal");
  world.refuseStarts = true;
  w.die(world, w.server(world, Number(leader.at(-1))));
  want(world, 2);
  const leaving = world.content?.groups[0]?.replicas.filter((one) => one.leaving).map(({ replica }) => replica);
  expect(leaving).toEqual([leader]);
});

test("news of a removed replica that was still on its way does not leave it in the book for ever", () => {
  const world = w.servingWorld();
  const { leader } = w.activeView(world);
  const number = [1, 2, 3].find((each) => w.replica(each) !== leader) ?? 0;
  const last = { ...w.server(world, number) };
  w.admin(world, { kind: "replica", replica: w.replica(number), action: "remove" });
  w.runUntil(world, () => w.saidKinds(world).includes("removed"));
  world.servers.set(last.replica, { ...last, linked: true });
  w.publish(world);
  expect(world.rm.groups.get(w.GROUP)?.book.entries.map(({ replica }) => replica)).toContain(last.replica);
  world.servers.delete(last.replica);
  w.publish(world);
  w.run(world, 5_000);
  expect(world.rm.groups.get(w.GROUP)?.book.entries.map(({ replica }) => replica)).not.toContain(last.replica);
  expect(world.rm.sights.has(last.replica)).toBe(false);
});

const remove = (world: w.World, number: number): void => w.admin(world, { kind: "replica", replica: w.replica(number), action: "remove" });
const leaderOf = (world: w.World): FakeServer => w.server(world, Number(w.activeView(world).leader.at(-1)));
const members = (world: w.World): string[] => w.activeView(world).members.map((member) => member.replica);
const leaving = (world: w.World): unknown[] => world.said.flatMap(({ kind, replica }) => (kind === "leaving" ? [replica] : []));

/** What the leader says of its learners from now on. */
function feed(world: w.World, withinBound: boolean): void {
  for (const fake of world.servers.values()) fake.withinBound = withinBound;
  for (const fake of world.servers.values()) w.report(world, fake);
}

test("of those that are no members one that is down leaves before one that is up: the other way round the group would wait for it", () => {
  const first = w.createWorld({ replicas: 2 });
  const hung = w.boot(first, w.replica(1));
  Object.assign(hung, { verdict: "suspected", paused: true }).silent.add("seal");
  w.start(first);
  w.run(first, 1_000);
  want(first, 1);
  expect(leaving(first)).toEqual(["bank-1"]);
  w.runUntil(first, () => w.serves(first));

  const world = w.servingWorld();
  feed(world, false);
  w.die(world, w.server(world, 3));
  w.runUntil(world, () => w.server(world, 3).running && w.serves(world));
  world.refuseStarts = true;
  w.die(world, w.server(world, 2));
  w.runUntil(world, () => w.serves(world) && members(world).length === 1);
  want(world, 2);
  expect(leaving(world)).toEqual(["bank-2"]);
});

test("S5c: where none of the members is to stay, none leaves before another has come", () => {
  const world = w.servingWorld();
  feed(world, false);
  w.die(world, w.server(world, 3));
  w.runUntil(world, () => w.serves(world) && members(world).length === 2);
  leaderOf(world).silent.add("hand-over");
  remove(world, 1);
  remove(world, 2);
  w.run(world, 5_000);
  expect(members(world)).toEqual(["bank-1", "bank-2"]);
  leaderOf(world).silent.clear();
  feed(world, true);
  w.runUntil(world, () => w.serves(world) && members(world).join() === "bank-3" && world.servers.size === 1);
});

test("a leader that is to leave does not wait for a follower that is not well while another could come; until then it is said", () => {
  const world = w.servingWorld({ replicas: 2 });
  w.server(world, 2).verdict = "degraded";
  feed(world, false);
  w.publish(world);
  want(world, 3);
  w.run(world, 1_000);
  remove(world, 1);
  w.run(world, 1_000);
  expect(w.activeView(world).leader).toBe("bank-1");
  expect(world.said.filter(({ kind }) => kind === "removal-waits")).toMatchObject([{ replica: "bank-1" }]);
  feed(world, true);
  w.runUntil(world, () => w.serves(world) && members(world).join() === "bank-2,bank-3");
  expect(w.activeView(world).leader).toBe("bank-3");
});

test("seven that are all to leave make room for those that are to come: a view has no place for an eighth", () => {
  const world = w.servingWorld({ replicas: 7 });
  feed(world, false);
  for (let number = 1; number <= 6; number++) {
    remove(world, number);
    want(world, 7);
  }
  remove(world, 7);
  feed(world, true);
  w.runUntil(world, () => w.serves(world) && world.servers.size === 6 && members(world).length === 6);
  for (const lead of w.sentOf(world, "lead")) expect(lead.view.members.length).toBeLessThanOrEqual(7);
  expect(members(world).every((name) => Number(name.slice("bank-".length)) > 7)).toBe(true);
});

test("who is to leave does not take over while one that is to stay is as good: it would hand over next", () => {
  const world = w.servingWorld({ replicas: 5 });
  // Of equals the one that has been up longest leads: that is bank-5 now.
  for (const number of [2, 3, 4]) {
    w.die(world, w.server(world, number));
    w.runUntil(world, () => w.serves(world) && members(world).length === 5);
    w.run(world, 5_000);
  }
  for (const fake of world.servers.values()) fake.silent.add("seal");
  world.refuseStarts = true;
  w.die(world, w.server(world, 1));
  want(world, 3);
  expect(leaving(world)).toEqual(["bank-1", "bank-5"]);
  for (const fake of world.servers.values()) fake.silent.clear();
  w.runUntil(world, () => w.serves(world) && members(world).length === 3);
  const leaders = world.said.filter(({ kind }) => kind === "view-changed").map(({ replica }) => replica);
  expect(leaders).not.toContain("bank-5");
});

/** Two of three are left, and the third is what `third` makes of it; then the one that does not lead is removed. */
function removedFromTwo(third: (world: w.World) => void): { world: w.World; leader: string; removed: string } {
  const world = w.servingWorld();
  feed(world, false);
  third(world);
  w.runUntil(world, () => w.serves(world) && members(world).join() === "bank-1,bank-2");
  const { leader } = w.activeView(world);
  const removed = leader === "bank-1" ? 2 : 1;
  remove(world, removed);
  w.run(world, 5_000);
  return { world, leader, removed: `bank-${removed}` };
}

const waits = (world: w.World): string[] => world.said.flatMap(({ kind, text }) => (kind === "removal-waits" ? [text] : []));

test("S5: who is to leave stays while the view would be too small without it and another is to come; that is said", () => {
  const { world, leader, removed } = removedFromTwo((one) => w.die(one, w.server(one, 3)));
  expect(members(world)).toEqual(["bank-1", "bank-2"]);
  expect(waits(world)).toEqual([
    `${removed} is to leave, and stays until bank-3 has caught up: without it group bank would have 1 of the 2 members that are wanted`,
  ]);
  feed(world, true);
  w.runUntil(world, () => w.serves(world) && members(world).join() === `${leader},bank-3`);
});

test("where both of two are awaited it is said so", () => {
  const { world } = removedFromTwo((one) => {
    want(one, 4);
    w.die(one, w.server(one, 3));
  });
  expect(waits(world)).toEqual([
    "bank-2 is to leave, and stays until bank-3 and bank-4 have caught up: without it group bank would have 1 of the 3 members that are wanted",
  ]);
});

test("who is to leave waits no longer than 30 s for one that is not up, and not at all for one that has no room", () => {
  const { world, leader } = removedFromTwo((one) => {
    one.refuseStarts = true;
    w.die(one, w.server(one, 3));
  });
  w.run(world, 20_000);
  expect(members(world)).toEqual(["bank-1", "bank-2"]);
  w.run(world, 6_000);
  expect(members(world)).toEqual([leader]);

  const short = removedFromTwo((one) => {
    w.server(one, 3).roomShort = { freeBytes: 1, neededBytes: 2 };
    w.die(one, w.server(one, 3));
    w.runUntil(one, () => w.server(one, 3).running);
    w.publish(one);
  });
  expect(members(short.world)).toEqual([short.leader]);
  expect(waits(short.world)).toEqual([]);
});

test("who is to leave does not wait where fewer are wanted than that: the way out for who removed it", () => {
  const { world, leader } = removedFromTwo((one) => w.die(one, w.server(one, 3)));
  expect(members(world)).toHaveLength(2);
  want(world, 1);
  w.runUntil(world, () => w.serves(world) && members(world).join() === leader);
});
