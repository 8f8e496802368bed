import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

/** One of the replicas hangs from the start; whatever is started in its place is well. */
function hungWorld(spec: Parameters<typeof w.createWorld>[0] = {}) {
  const world = w.createWorld({ replicas: 1, minimumReplicas: 1, ...spec });
  const hung = w.boot(world, w.replica(1));
  hung.verdict = "suspected";
  hung.silent.add("seal");
  return { world, hung };
}

test("section 8: a process that hangs before the first view is ended and started again: nobody has acknowledged what it holds", () => {
  for (const replicas of [1, 2])
    for (const durability of ["disk", "memory"] as const) {
      const { world, hung } = hungWorld({ replicas, durability });
      w.start(world);
      w.run(world, 4_000);
      expect(w.sentOf(world, "kill-replica")).toEqual([]);
      w.runUntil(world, () => w.serves(world));
      expect(w.sentOf(world, "kill-replica")).toMatchObject([{ replica: "bank-1", bootId: hung.bootId, discard: false }]);
      expect(w.activeView(world).members).toHaveLength(replicas);
    }
});

test("section 8: one that never came to register is ended as well", () => {
  const { world, hung } = hungWorld();
  hung.unborn = true;
  w.start(world);
  w.runUntil(world, () => w.sentOf(world, "kill-replica").length > 0);
  expect(w.sentOf(world, "kill-replica")).toMatchObject([{ replica: "bank-1", bootId: null, discard: false }]);
});

test("section 8: before the first view nobody is killed who is paused on purpose, or alive again", () => {
  const { world: paused, hung } = hungWorld();
  hung.paused = true;
  w.start(paused);
  w.run(paused, 30_000);
  expect(w.sentOf(paused, "kill-replica")).toEqual([]);

  const { world, hung: slow } = hungWorld();
  w.start(world);
  w.run(world, 4_500);
  slow.verdict = "alive";
  slow.silent.clear();
  w.publish(world);
  w.runUntil(world, () => w.serves(world));
  w.run(world, 30_000);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
});

test("S1e: with memory, who may hold what an older store knew of is not killed: its own word that it knows of no view is needed", () => {
  const { world, hung } = hungWorld({ durability: "memory" });
  hung.registered = false;
  w.start(world);
  w.run(world, 30_000);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
});

test("section 8: who wakes when its kill is ordered already is no part of the first view, before that order has ended", () => {
  const { world, hung } = hungWorld();
  world.loseKills = true;
  w.start(world);
  w.runUntil(world, () => w.sentOf(world, "kill-replica").length > 0);
  hung.verdict = "alive";
  hung.silent.clear();
  w.publish(world);
  w.run(world, 5_000);
  expect(world.content?.groups[0]?.activeView).toBeNull();
  world.loseKills = false;
  w.push(world, { kind: "opened", peer: w.lfdPeer });
  w.runUntil(world, () => w.serves(world));
  expect(w.sentOf(world, "kill-replica")).toHaveLength(1);
  expect(w.server(world, 1).bootId).toBe(hung.bootId);
});

test("a founder whose disk hangs answers no Seal, though it lives: it is late like one that does not come, where enough others are there", () => {
  const world = w.createWorld();
  for (const number of [1, 2, 3]) w.boot(world, w.replica(number));
  const hung = w.server(world, 3);
  hung.verdict = "degraded";
  hung.silent.add("seal");
  w.start(world);
  w.runUntil(world, () => w.serves(world), 20_000);
  expect(world.said.find(({ kind }) => kind === "view-changed")?.text).toContain("of bank-1, bank-2, led by");
});

test("a group of two waits for both founders, and has its first view once the slow one answers", () => {
  const world = w.createWorld({ replicas: 2 });
  for (const number of [1, 2]) w.boot(world, w.replica(number));
  const hung = w.server(world, 2);
  hung.silent.add("seal");
  w.start(world);
  w.run(world, 20_000);
  expect(world.content?.groups[0]?.activeView).toBeNull();
  hung.silent.clear();
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 2);
});

test("S1b: a founder that does not tell what it has promised is late like one that answers no Seal: nobody is sealed before it has", () => {
  const world = w.createWorld();
  for (const number of [1, 2, 3]) w.boot(world, w.replica(number));
  w.server(world, 3).silent.add("report").add("seal");
  w.start(world);
  w.runUntil(world, () => w.serves(world));
  expect(w.sentOf(world, "lead")[0]?.view.members.map(({ replica }) => replica)).toEqual([w.replica(1), w.replica(2)]);
});
