import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

const gfdOf = (world: w.World) => world.status?.components.find((each) => each.component === "gfd")?.verdict;

test("a GFD that is stopped keeps its connection, and is not said to be alive all the same", () => {
  const world = w.servingWorld();
  expect(gfdOf(world)).toBe("alive");
  world.gfdStopped = true;
  w.run(world, 1_000);
  expect(gfdOf(world)).toBe("suspected");
  world.gfdStopped = false;
  w.run(world, 1_000);
  expect(gfdOf(world)).toBe("alive");
});

test("S5b: a replica that has begun anew is no member, though the view still names the one that it was", () => {
  const world = w.servingWorld();
  const { leader, members } = w.activeView(world);
  const number = Number(members.find(({ replica }) => replica !== leader)?.replica.at(-1));
  // No other view comes: the leader cannot be sealed, and the third is paused.
  for (const fake of world.servers.values()) fake.silent.add("seal");
  w.die(world, w.server(world, number));
  world.servers.delete(w.replica(number));
  w.boot(world, w.replica(number));
  w.publish(world);
  w.run(world, 1_000);
  const role = world.status?.groups[0]?.members.find(({ replica }) => replica === w.replica(number))?.role;
  expect(w.activeView(world).members).toEqual(members);
  expect(role).toBe("learner");
});

test("who was in a crash loop, and has run well since, is not blamed for what the group waits for later", () => {
  const world = w.servingWorld();
  const { leader, members } = w.activeView(world);
  const number = Number(members.find(({ replica }) => replica !== leader)?.replica.at(-1));
  while (!w.saidKinds(world).includes("crash-loop")) {
    w.die(world, w.server(world, number), "exit code 1");
    w.runUntil(world, () => w.server(world, number).running);
  }
  const waits = (): string => world.status?.groups[0]?.waiting ?? "";
  for (const fake of world.servers.values()) fake.silent.add("seal");
  world.refuseStarts = true;
  w.die(world, w.server(world, Number(leader.at(-1))));
  w.run(world, 500);
  expect(waits()).toContain(`in a crash loop: ${w.replica(number)} (exit code 1)`);
  w.run(world, 5_000);
  w.publish(world);
  w.run(world, 500);
  expect(waits()).not.toBe("");
  expect(waits()).not.toContain("crash loop");
});

test("while those who may be well are given their moment, nobody is said to be missing", () => {
  const world = w.servingWorld({ quorum: "all" });
  w.server(world, 3).silent.add("seal");
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { style: "active" } });
  w.run(world, 120);
  w.publish(world);
  expect(world.status?.groups[0]?.waiting).toMatch(/enough have answered; .*\(bank-3 has not answered yet\)/);
});
