import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

test("section 8: the kill of a process that was shed ends with its connection: meanwhile it is not admitted, and after that only one that is still suspected is killed", () => {
  const world = w.servingWorld();
  const hung = w.server(world, 1);
  world.loseKills = true;
  w.suspect(world, hung);
  w.runUntil(world, () => w.sentOf(world, "kill-replica").length > 0);
  hung.verdict = "alive";
  w.publish(world);
  w.run(world, 5_000);
  expect(w.activeView(world).members).toHaveLength(2);
  world.loseKills = false;
  w.push(world, { kind: "closed", peer: w.lfdPeer }, { kind: "opened", peer: w.lfdPeer });
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
  expect(w.sentOf(world, "kill-replica")).toHaveLength(1);
  expect(w.server(world, 1).bootId).toBe(hung.bootId);

  world.loseKills = true;
  w.suspect(world, hung);
  w.runUntil(world, () => w.sentOf(world, "kill-replica").length > 1);
  world.loseKills = false;
  w.push(world, { kind: "closed", peer: w.lfdPeer }, { kind: "opened", peer: w.lfdPeer });
  w.runUntil(world, () => w.server(world, 1).bootId !== hung.bootId);
});

test("who has told what it has promised, and was asked for nothing yet, is not killed for want of its answer", () => {
  const world = w.servingWorld();
  w.server(world, 1).silent.add("report");
  w.server(world, 3).unlinkable = true;
  w.restartRm(world);
  world.refuseStarts = true;
  w.die(world, w.server(world, 1));
  w.suspect(world, w.server(world, 2));
  w.run(world, 5_000);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
});
