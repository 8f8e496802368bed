import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

/** It is admitted, suspected again and again, and dies: how long until it is a member again? */
function backAfterMs(minimumReplicas: number): number {
  const world = w.servingWorld({ replicas: 3, minimumReplicas });
  const isBack = (): boolean => w.activeView(world).members.length === 3 && w.serves(world);
  w.die(world, w.server(world, 3));
  w.runUntil(world, isBack);
  for (let time = 0; time < 6; time++) {
    w.suspect(world, w.server(world, 3));
    w.run(world, 100);
    w.server(world, 3).verdict = "alive";
    w.publish(world);
    w.runUntil(world, isBack);
  }
  w.suspect(world, w.server(world, 3));
  w.die(world, w.server(world, 3));
  w.runUntil(world, () => w.activeView(world).members.length === 2);
  const fromMs = world.nowMs;
  w.runUntil(world, isBack);
  return world.nowMs - fromMs;
}

test("one that was shed again and again waits for its admission, but no longer than the first time where nobody is served without it", () => {
  expect(backAfterMs(1)).toBeGreaterThan(5_000);
  expect(backAfterMs(3)).toBeLessThan(1_500);
});

test("where nobody is served an admission that fails is not tried again at once, either", () => {
  const world = w.servingWorld({ replicas: 3, minimumReplicas: 3 });
  w.server(world, 1).unreachable = [w.replica(3)];
  w.die(world, w.server(world, 3));
  w.run(world, 10_000);
  const failed = w.saidKinds(world).filter((kind) => kind === "admission-failed").length;
  expect(failed).toBeGreaterThan(8);
  expect(failed).toBeLessThan(25);
  w.server(world, 1).unreachable = null;
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
});
