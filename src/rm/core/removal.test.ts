import { expect, test } from "vitest";
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
