import { expect, test } from "vitest";
import type { FakeServer } from "./fake-server.test-harness.js";
import * as w from "./world.test-harness.js";

const [OLD, LAST] = ["k:order-1", "k:order-2"];
const leaderOf = (world: w.World): FakeServer => w.server(world, Number(w.activeView(world).leader.at(-1)));
const endsOf = (world: w.World): (string | undefined)[] => [...(world.rm.groups.get(w.GROUP)?.ends.values() ?? [])];

/** The leader ends while it executes this: its host has seen it do so, unless `seen` says that it has seen something else last. */
function end(world: w.World, key: string, seen = key): void {
  const fake = leaderOf(world);
  fake.executing = seen;
  w.publish(world);
  fake.executing = key;
  w.die(world, fake);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
}

test("S6i: what a process died at is what its host says of its end, not what it was seen at before, which may have been answered", () => {
  const world = w.servingWorld();
  end(world, LAST, OLD);
  expect(endsOf(world)).toEqual([LAST]);
  end(world, OLD);
  expect(w.saidKinds(world)).not.toContain("poison");
  end(world, OLD);
  expect(w.saidKinds(world)).toContain("poison");
});

test("S6i: a process that was paused on purpose, and ended so, says nothing against what it was executing", () => {
  const world = w.servingWorld();
  for (let time = 0; time < 2; time++) {
    leaderOf(world).paused = true;
    w.publish(world);
    // Its host says of a process that has ended that it is not paused.
    const fake = leaderOf(world);
    fake.executing = OLD;
    w.publish(world);
    fake.paused = false;
    w.die(world, fake);
    w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
  }
  expect(endsOf(world)).toHaveLength(2);
  expect(w.saidKinds(world)).not.toContain("poison");
});

test("S6i: what a process died at outlives the Replication Manager that was told of it", () => {
  const world = w.servingWorld();
  end(world, OLD);
  w.restartRm(world);
  w.runUntil(world, () => w.serves(world));
  end(world, OLD);
  expect(w.saidKinds(world)).toContain("poison");
  const lead = w.sentOf(world, "lead").at(-1);
  expect(lead?.poison).toEqual([{ kind: "key", key: "order-1" }]);
  w.restartRm(world);
  w.runUntil(world, () => w.serves(world));
  w.die(world, leaderOf(world));
  expect(w.sentOf(world, "lead").at(-1)?.poison).toEqual(lead?.poison);
});

test("S6i: a process is started again, which makes its host forget the one before, only when the store has what that one died at", () => {
  const world = w.servingWorld({ replicas: 1 });
  const fake = w.server(world, 1);
  const starts = (): number => w.sentOf(world, "start-replica").length;
  const before = starts();
  fake.executing = OLD;
  w.publish(world);
  [world.holdWrites, world.refuseStarts] = [true, true];
  w.die(world, fake);
  w.run(world, 1_000);
  expect(starts()).toBe(before);
  w.releaseWrites(world);
  expect(starts()).toBe(before + 1);
  w.boot(world, fake.replica);
  w.restartRm(world);
  w.runUntil(world, () => w.serves(world));
  const next = w.server(world, 1);
  next.executing = OLD;
  w.die(world, next);
  expect(w.saidKinds(world)).toContain("poison");
});
