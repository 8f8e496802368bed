import { expect, test } from "vitest";
import { bootId, incarnation, type ReplicaId } from "../../vocabulary/ids.js";
import { memberOf } from "../../vocabulary/view.js";
import type { SealAnswer } from "./state.js";
import { chooseLeader } from "./succession.js";
import * as w from "./world.test-harness.js";

test("a new group gets its first view over three blank replicas, and serves", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  expect(view.members.map((member) => member.replica)).toEqual(["bank-1", "bank-2", "bank-3"]);
  expect(view.quorum).toBe(2);
  expect(world.status?.groups[0]?.serving).toBe(true);
  expect(w.server(world, 1).leadActive).toBe(true);
});

test("the death of the leader is followed by Seals in the same step, and the group gets back to its number by itself", () => {
  const world = w.servingWorld();
  const old = w.activeView(world);
  const before = world.sent.length;
  w.die(world, w.server(world, 1));
  const seals = world.sent.slice(before).filter((one) => one.message.kind === "seal");
  expect(seals.length).toBeGreaterThanOrEqual(2);
  expect(w.serves(world)).toBe(true);
  expect(w.activeView(world).leader).not.toBe(old.leader);
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
  expect(memberOf(w.activeView(world), w.replica(1))?.incarnation).toBe(w.server(world, 1).incarnation);
  const failover = world.said.find((one) => one.kind === "failover");
  expect(failover?.data).toMatchObject({ detectMs: 1.5, attempts: 1 });
});

test("in a failover nobody is kept busy with a new book, and nothing is started: both come a moment after the death", () => {
  const world = w.servingWorld();
  const count = (kind: "address-book" | "start-replica"): number => w.sentOf(world, kind).length;
  const [books, starts] = [count("address-book"), count("start-replica")];
  w.die(world, w.server(world, 1));
  w.runUntil(world, () => w.serves(world));
  w.run(world, 50);
  expect([count("address-book"), count("start-replica")]).toEqual([books, starts]);
  w.runUntil(world, () => count("start-replica") === starts + 1, 500);
  w.runUntil(world, () => w.activeView(world).members.length === 3);
  expect(count("address-book")).toBeGreaterThan(books);
});

test("a planned change waits for a healthy member that is slow to answer; a failover waits far less", () => {
  const world = w.servingWorld({ replicas: 5 });
  world.refuseStarts = true;
  const slow = w.server(world, 2);
  slow.silent.add("seal");
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { style: "active" } });
  w.run(world, 120);
  expect(w.serves(world)).toBe(false);
  slow.silent.delete("seal");
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).members.length).toBe(5);

  slow.silent.add("seal");
  w.die(world, w.server(world, 1));
  w.run(world, 60);
  expect(w.serves(world)).toBe(true);
});

test("n - 1 failures one after another, and every survivor is shed and comes back", () => {
  const world = w.servingWorld();
  world.refuseStarts = true;
  w.die(world, w.server(world, 2));
  expect(w.activeView(world).members.length).toBe(2);
  w.die(world, w.server(world, 1));
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world)).toMatchObject({ leader: "bank-3", quorum: 1 });
});

test("leadership goes round: of equals the one that has been up longest leads, and one that recovered leads again", () => {
  const world = w.servingWorld();
  const leaders: string[] = [];
  for (let round = 0; round < 6; round++) {
    const { leader } = w.activeView(world);
    leaders.push(leader);
    const fake = world.servers.get(leader);
    if (fake !== undefined) w.die(world, fake);
    w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
    w.run(world, 1_000);
  }
  expect(leaders).toEqual(["bank-1", "bank-2", "bank-3", "bank-1", "bank-2", "bank-3"]);
});

test("S3a: with one answer of three, no leader is chosen", () => {
  const world = w.servingWorld();
  world.refuseStarts = true;
  const view = w.activeView(world);
  for (const number of [1, 2]) w.server(world, number).silent.add("seal");
  w.die(world, w.server(world, 1));
  w.die(world, w.server(world, 2));
  w.run(world, 3_000);
  expect(w.activeView(world)).toEqual(view);
  expect(world.status?.groups[0]?.waiting).toContain("bank-1, bank-2");
  expect(w.saidKinds(world)).toContain("waiting");
  expect(world.status?.groups[0]?.waiting).toContain("bank-2 does not run: exit signal SIGKILL");
});

test("S3b: an answer of another incarnation of a member does not count", () => {
  const world = w.servingWorld({ durability: "memory", minimumReplicas: 1 });
  const view = w.activeView(world);
  // Two die at once and come back empty: their answers must not make up a quorum.
  w.server(world, 2).silent.add("seal");
  w.server(world, 3).silent.add("seal");
  w.die(world, w.server(world, 2));
  w.die(world, w.server(world, 3));
  w.run(world, 5_000);
  expect(w.activeView(world).generation).toBe(view.generation);
  for (const member of w.activeView(world).members) {
    expect([w.server(world, 1).incarnation, ...view.members.map((one) => one.incarnation)]).toContain(member.incarnation);
  }
  expect(w.activeView(world).epoch).toEqual(view.epoch);
  expect(w.saidKinds(world)).toContain("loss");
});

test("S3c: an attempt whose view was never written is followed by sealing the last active view again", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  for (const number of [2, 3]) w.server(world, number).unreachable = [];
  w.die(world, w.server(world, 1));
  w.run(world, 500);
  const seals = w.sentOf(world, "seal").filter((seal) => seal.base !== null);
  expect(seals.length).toBeGreaterThan(4);
  for (const seal of seals) expect(seal.base?.epoch).toEqual(view.epoch);
});

test("S3d: the highest last epoch leads, the longest log only among those", () => {
  const world = w.servingWorld();
  Object.assign(w.server(world, 2), { lastEpoch: [1, 9], lastIndex: 10 });
  Object.assign(w.server(world, 3), { lastEpoch: [1, 8], lastIndex: 99 });
  w.die(world, w.server(world, 1));
  expect(w.activeView(world).leader).toBe("bank-2");
});

test("S3d: what is held against a replica only chooses among equally good answers", () => {
  const answer = (number: number, lastIndex: number): SealAnswer => ({
    replica: w.replica(number),
    incarnation: incarnation("a".repeat(32)),
    bootId: bootId("b".repeat(32)),
    lastEpoch: [1, 1],
    lastIndex,
    commitIndex: 0,
    atMs: 0,
  });
  const costly = (replica: ReplicaId): number => (replica === w.replica(2) ? 100 : 0);
  expect(chooseLeader([answer(1, 5), answer(2, 6), answer(3, 5)], costly).replica).toBe("bank-2");
  expect(chooseLeader([answer(1, 6), answer(2, 6), answer(3, 6)], costly).replica).toBe("bank-1");
  expect(chooseLeader([answer(3, 6), answer(2, 6)], costly).replica).toBe("bank-3");
});

test("S1b: every attempt has a fresh epoch, and one whose members are out of reach is followed by one without them", () => {
  const world = w.servingWorld();
  Object.assign(w.server(world, 2), { lastIndex: 50, unreachable: ["bank-3"] });
  w.die(world, w.server(world, 1));
  const leads = w.sentOf(world, "lead");
  const epochs = leads.map((lead) => lead.view.epoch.join("."));
  expect(new Set(epochs).size).toBe(epochs.length);
  const server = w.server(world, 2);
  server.unreachable = null;
  w.runUntil(world, () => w.serves(world));
  expect(leads.at(-1)?.view.leader).toBe("bank-2");
});

test("S1b: the last resort is the unique best answer alone", () => {
  const world = w.servingWorld({}, { admissionMsMin: 100_000 });
  world.refuseStarts = true;
  Object.assign(w.server(world, 2), { lastIndex: 50 });
  const best = w.server(world, 2);
  best.unreachable = [w.replica(3)];
  world.holdWrites = false;
  w.die(world, w.server(world, 1));
  const last = w.sentOf(world, "lead").at(-1);
  expect(last?.view.members.map((member) => member.replica)).toEqual(["bank-2"]);
  expect(last?.view.quorum).toBe(1);
});

test("S4b: the view is written only after the leader has led, and Activate is sent only after it is written", () => {
  const world = w.servingWorld();
  world.holdWrites = true;
  const before = w.sentOf(world, "activate").length;
  w.die(world, w.server(world, 1));
  expect(w.sentOf(world, "lead").length).toBe(2);
  expect(w.sentOf(world, "activate").length).toBe(before);
  w.releaseWrites(world);
  expect(w.sentOf(world, "activate").length).toBeGreaterThan(before);
  expect(w.serves(world)).toBe(true);
});

test("S4d: a refused Activate is answered with a fresh epoch from the written view", () => {
  const world = w.servingWorld();
  world.holdWrites = true;
  w.die(world, w.server(world, 1));
  const led = w.sentOf(world, "lead").at(-1);
  const leader = world.servers.get(led?.view.leader ?? w.replica(1));
  if (leader !== undefined) leader.leadsEpoch = null;
  w.releaseWrites(world);
  w.runUntil(world, () => w.serves(world));
  const seal = w.sentOf(world, "seal").at(-1);
  expect(seal?.base?.epoch).toEqual(led?.view.epoch);
});

test("S4d: Lead and Activate name the process that was sealed", () => {
  const world = w.servingWorld();
  w.die(world, w.server(world, 1));
  for (const lead of w.sentOf(world, "lead").slice(1)) expect(lead.bootId).toBe(world.servers.get(lead.view.leader)?.bootId);
});

test("S4d: a leader that restarts unnoticed does not go on leading in its old epoch", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  const old = w.server(world, 1);
  world.lfdUp = false;
  w.die(world, old);
  w.boot(world, w.replica(1));
  world.lfdUp = true;
  w.publish(world);
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).epoch).not.toEqual(view.epoch);
});

test("a dead follower is shed at once, and the leader stays", () => {
  const world = w.servingWorld();
  w.die(world, w.server(world, 3));
  expect(w.activeView(world).leader).toBe("bank-1");
  expect(w.activeView(world).members.length).toBe(2);
});

test("a change of style goes through a view; an undeclared one is refused before any Seal", () => {
  const world = w.servingWorld({ service: { ...w.SPEC.service, styles: ["warm-passive"] } });
  const seals = w.sentOf(world, "seal").length;
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { style: "active" } });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 409 });
  expect(w.sentOf(world, "seal").length).toBe(seals);
  const both = w.servingWorld();
  w.admin(both, { kind: "set-group", group: w.GROUP, change: { style: "active" } });
  expect(both.answers.at(-1)?.kind).toBe("accepted");
  w.runUntil(both, () => w.activeView(both).style === "active" && w.serves(both));
  expect(w.activeView(both).leader).toBe("bank-1");
});

test("leadership is handed over on request, to the replica that was named", () => {
  const world = w.servingWorld();
  w.admin(world, { kind: "replica", replica: w.replica(3), action: "lead" });
  w.runUntil(world, () => w.activeView(world).leader === "bank-3" && w.serves(world));
  expect(w.sentOf(world, "hand-over").length).toBe(1);
  expect(w.activeView(world).members.length).toBe(3);
});

test("a hand-over to a replica that turns out to be unable to lead is given up after a few attempts, with a pause between them", () => {
  const world = w.servingWorld();
  const { leader, members } = w.activeView(world);
  const target = members.map((member) => w.server(world, Number(member.replica.at(-1)))).find((fake) => fake.replica !== leader);
  if (target === undefined) throw new Error("no follower");
  target.unreachable = [];
  w.admin(world, { kind: "replica", replica: target.replica, action: "lead" });
  w.run(world, 400);
  expect(w.sentOf(world, "hand-over")).toHaveLength(1);
  w.run(world, 20_000);
  expect(w.sentOf(world, "hand-over")).toHaveLength(3);
  expect(world.said.find(({ text }) => text.includes("given up"))).toMatchObject({ kind: "hand-over-failed", replica: target.replica });
  expect(w.serves(world)).toBe(true);
});

test("a hand-over that the group itself wants is tried ever less often while it fails: clients wait at each, and whoever reads the events", () => {
  const world = w.servingWorld();
  for (const number of [2, 3]) w.server(world, number).unreachable = [];
  w.admin(world, { kind: "replica", replica: w.replica(1), action: "remove" });
  w.run(world, 120_000);
  expect(w.sentOf(world, "hand-over").length).toBeGreaterThanOrEqual(5);
  expect(w.sentOf(world, "hand-over").length).toBeLessThanOrEqual(12);
  expect(world.said.filter(({ text }) => text.includes("given up"))).toEqual([]);
  for (const number of [2, 3]) w.server(world, number).unreachable = null;
  w.runUntil(world, () => w.activeView(world).leader !== "bank-1" && w.serves(world));
});

test("leadership moves off a degraded leader", () => {
  const world = w.servingWorld();
  w.run(world, 11_000);
  w.server(world, 1).verdict = "degraded";
  w.publish(world);
  w.runUntil(world, () => w.activeView(world).leader !== "bank-1" && w.serves(world));
  expect(w.activeView(world).members.length).toBe(3);
});

test("a suspected member that answers is kept where only two would remain, and that is no reason for change after change", () => {
  const world = w.servingWorld({ durability: "memory", minimumReplicas: 2 });
  w.suspect(world, w.server(world, 2));
  w.suspect(world, w.server(world, 3));
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).members.length).toBeGreaterThanOrEqual(2);
  const { epoch } = w.activeView(world);
  const counter = epoch[1];
  w.run(world, 500);
  expect(w.activeView(world).epoch[1]).toBeLessThanOrEqual(counter + 1);
});

test("a planned change waits for its leader as well: one that has much to write answers late, and is not to be shed for that", () => {
  for (const change of [{ replicas: 2 }, { style: "active" }, { quorum: "all" }] as const) {
    const world = w.servingWorld();
    const leader = w.server(world, 1);
    leader.silent.add("seal");
    w.admin(world, { kind: "set-group", group: w.GROUP, change });
    w.run(world, 60);
    leader.silent.clear();
    w.runUntil(world, () => w.serves(world));
    expect(w.activeView(world).leader).toBe(leader.replica);
    expect(w.saidKinds(world).filter((kind) => kind === "change-began")).toHaveLength(2);
  }
});
