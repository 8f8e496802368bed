import { expect, test } from "vitest";
import type { Epoch } from "../../vocabulary/epoch.js";
import * as w from "./world.test-harness.js";

test("loss: with memory, more than w - 1 dead at once close the group, and it says for which replicas it waits", () => {
  const world = w.servingWorld({ durability: "memory", minimumReplicas: 1 });
  const { generation } = w.activeView(world);
  for (const number of [1, 2]) {
    w.server(world, number).silent.add("seal");
    w.server(world, number).verdict = "gone";
  }
  const doomed = [w.server(world, 1), w.server(world, 2)];
  for (const fake of doomed) w.die(world, fake);
  w.run(world, 5_000);
  expect(w.activeView(world).generation).toBe(generation);
  expect(world.status?.groups[0]).toMatchObject({ serving: false });
  const waiting = world.status?.groups[0]?.waiting;
  expect(waiting).toContain("bank-1 ended, and kept its state in memory; bank-2 ended");
  expect(waiting).toMatch(/what is left: bank-3, through index \d+ of epoch \d+\.\d+/);
  expect(waiting).toMatch(/waits for bank-1, bank-2, .*Leave the system running.*troupe recover --accept-data-loss/);
});

test("loss: with memory, what ended stays lost while another process is being started in its place", () => {
  const world = w.servingWorld({ durability: "memory", minimumReplicas: 1 });
  world.refuseStarts = true;
  const doomed = [w.server(world, 1), w.server(world, 2)];
  for (const fake of doomed) Object.assign(fake, { verdict: "gone" }).silent.add("seal");
  for (const fake of doomed) w.die(world, fake);
  w.run(world, 1_000);
  const waiting = world.status?.groups[0]?.waiting;
  expect(waiting).toContain("bank-1 ended, and kept its state in memory; bank-2 ended");
  // Until the new process registers its host knows the incarnation of the old one only.
  for (const { replica, incarnation } of doomed) Object.assign(w.boot(world, replica), { unborn: true, incarnation });
  w.publish(world);
  w.run(world, 1_000);
  expect(world.status?.groups[0]?.waiting).toBe(waiting);
});

test("loss: with memory a person may accept what is gone, from the view that was looked at; the group goes on from whoever is left, or from nothing", () => {
  for (const dead of [
    [1, 2],
    [1, 2, 3],
  ]) {
    const world = w.servingWorld({ durability: "memory", minimumReplicas: 1 });
    const { generation, epoch } = w.activeView(world);
    const accept = (at: Epoch): unknown => {
      w.admin(world, { kind: "accept-loss", group: w.GROUP, epoch: at });
      return world.answers.at(-1);
    };
    expect(accept(epoch)).toMatchObject({ kind: "rejected", httpStatus: 409, message: expect.stringContaining("not closed by a loss") });
    const doomed = dead.map((number) => w.server(world, number));
    for (const fake of doomed) Object.assign(fake, { verdict: "gone" }).silent.add("seal");
    for (const fake of doomed) w.die(world, fake);
    w.run(world, 5_000);
    expect(world.status?.groups[0]).toMatchObject({ serving: false, generation });
    expect(accept([epoch[0], epoch[1] + 1])).toMatchObject({ kind: "rejected", message: expect.stringContaining("look again") });
    expect(accept(epoch)).toMatchObject({ kind: "accepted" });
    w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
    expect(w.activeView(world).generation).toBe(generation + 1);
    if (dead.length === 2) expect(w.activeView(world).leader).toBe("bank-3");
    expect(w.saidKinds(world)).toContain("data-loss-accepted");
  }
});

test("loss: what is on disk is given up only while the system stands still", () => {
  const world = w.servingWorld();
  w.admin(world, { kind: "accept-loss", group: w.GROUP, epoch: w.activeView(world).epoch });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 409, message: expect.stringContaining("troupe recover") });
});

test("loss: goes on by itself only where the spec says so, in a new generation", () => {
  const world = w.servingWorld({ durability: "memory", minimumReplicas: 1, onLoss: "continue" });
  const { generation } = w.activeView(world);
  const doomed = [w.server(world, 1), w.server(world, 2)];
  for (const fake of doomed) {
    fake.silent.add("seal");
    fake.verdict = "gone";
  }
  for (const fake of doomed) w.die(world, fake);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
  expect(w.activeView(world).generation).toBe(generation + 1);
  expect(w.saidKinds(world)).toContain("data-loss");
});

test("loss: where nothing is left nobody is told to go on from what is left", () => {
  const memory = w.servingWorld({ durability: "memory", replicas: 1 });
  w.die(memory, w.server(memory, 1));
  w.run(memory, 1_000);
  expect(memory.status?.groups[0]?.waiting).toMatch(/bank-1, whose state cannot come back\. Nothing is left .*restore.*begin from nothing/);

  const disk = w.servingWorld({ replicas: 1 });
  disk.refuseStarts = true;
  w.die(disk, w.server(disk, 1));
  disk.servers.delete(w.replica(1));
  w.boot(disk, w.replica(1));
  w.publish(disk);
  w.run(disk, 1_000);
  expect(disk.status?.groups[0]?.waiting).toMatch(/Put that back if there is a copy, or restore a backup/);
});
