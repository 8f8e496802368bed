import { expect, test } from "vitest";
import { groupRecord } from "./content.js";
import * as w from "./world.test-harness.js";

test("S5c: a suspected process is killed only after a view without it is active, and after the grace", () => {
  const world = w.servingWorld();
  w.server(world, 1).silent.add("seal");
  w.suspect(world, w.server(world, 1));
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).members.map((member) => member.replica)).not.toContain("bank-1");
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  const { bootId } = w.server(world, 1);
  w.run(world, 900);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  w.run(world, 200);
  expect(w.sentOf(world, "kill-replica")).toMatchObject([{ replica: "bank-1", bootId, discard: false }]);
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
});

test("S5c: a suspected process that is alive again before the grace ends is not killed, and comes back as a learner", () => {
  const world = w.servingWorld();
  const fake = w.server(world, 1);
  fake.silent.add("seal");
  w.suspect(world, fake);
  w.runUntil(world, () => w.serves(world));
  fake.silent.clear();
  fake.verdict = "alive";
  w.publish(world);
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  expect(w.server(world, 1).bootId).toBe(fake.bootId);
});

test("section 8: a process that is paused on purpose is never killed", () => {
  const world = w.servingWorld();
  const fake = w.server(world, 1);
  fake.silent.add("seal");
  fake.paused = true;
  w.publish(world);
  w.suspect(world, fake, "paused");
  w.run(world, 20_000);
  expect(w.serves(world)).toBe(true);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
});

test("section 8: with memory, two that are suspected at once and do not answer are not killed", () => {
  const world = w.servingWorld({ durability: "memory", minimumReplicas: 2 });
  for (const number of [1, 2]) w.server(world, number).silent.add("seal");
  const faulty = [w.server(world, 1), w.server(world, 2)];
  for (const fake of faulty) fake.verdict = "suspected";
  for (const fake of faulty) w.suspect(world, fake);
  w.run(world, 10_000);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  for (const fake of faulty) {
    fake.silent.clear();
    fake.verdict = "alive";
  }
  w.publish(world);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
});

test("section 8: with disk, when nothing succeeds without them, suspected processes are restarted as the last resort", () => {
  const world = w.servingWorld();
  for (const number of [1, 2]) {
    w.server(world, number).silent.add("seal");
    w.server(world, number).verdict = "suspected";
  }
  w.suspect(world, w.server(world, 1));
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
  expect(w.sentOf(world, "kill-replica").length).toBeGreaterThanOrEqual(2);
});

test("section 8: absence from an incomplete snapshot is no verdict", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  const starts = w.sentOf(world, "start-replica").length;
  const kept = [...world.servers];
  world.servers.clear();
  world.lfdUp = false;
  w.publish(world);
  world.lfdUp = true;
  for (const [id, fake] of kept) world.servers.set(id, fake);
  w.publish(world);
  w.run(world, 2_000);
  expect(w.activeView(world)).toEqual(view);
  expect(w.sentOf(world, "start-replica").length).toBe(starts);
});

test("section 8: a leader that no detector vouches for and that does not answer the RM's own probe is suspected", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  world.lfdUp = false;
  w.publish(world);
  w.run(world, 5_000);
  expect(w.activeView(world)).toEqual(view);
  for (const kind of ["activate", "seal", "lead"] as const) w.server(world, 1).silent.add(kind);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).leader !== "bank-1");
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
});

test("section 8: a stopped GFD vouches for nobody: the leader is asked by the RM itself", () => {
  const world = w.servingWorld();
  world.gfdStopped = true;
  const view = w.activeView(world);
  w.run(world, 5_000);
  expect(w.activeView(world)).toEqual(view);
  for (const kind of ["activate", "seal", "lead"] as const) w.server(world, 1).silent.add(kind);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).leader !== "bank-1", 5_000);
});

test("section 8: an order that failed is not repeated in a tight loop", () => {
  const world = w.servingWorld();
  world.refuseKills = true;
  w.server(world, 1).silent.add("seal");
  w.suspect(world, w.server(world, 1));
  w.run(world, 10_000);
  expect(w.sentOf(world, "kill-replica").length).toBeGreaterThan(2);
  expect(w.sentOf(world, "kill-replica").length).toBeLessThan(12);
});

test("section 8: an old snapshot that comes late does not raise a dead process", () => {
  const world = w.servingWorld();
  world.refuseStarts = true;
  const fake = w.server(world, 3);
  w.die(world, fake);
  fake.verdict = "alive";
  w.publish(world);
  expect(world.rm.sights.get(fake.replica)?.verdict).toBe("gone");
});

test("a replica that dies right after each start is reported as a crash loop and not started in a tight loop", () => {
  const world = w.servingWorld();
  w.server(world, 1).withinBound = false;
  for (let round = 0; round < 8; round++) {
    const fake = w.server(world, 3);
    const starts = w.sentOf(world, "start-replica").length;
    w.die(world, fake, "exit code 1");
    w.runUntil(world, () => w.sentOf(world, "start-replica").length > starts);
  }
  expect(w.saidKinds(world)).toContain("crash-loop");
  const fake = w.server(world, 3);
  w.die(world, fake, "exit code 1");
  const starts = w.sentOf(world, "start-replica").length;
  w.run(world, 4_000);
  expect(w.sentOf(world, "start-replica").length).toBe(starts);
});

test("a replica that dies right after each admission to a view is in a crash loop as well, and started with a growing wait", () => {
  const world = w.servingWorld();
  w.run(world, 10_000);
  const waitsMs = Array.from({ length: 8 }, () => {
    w.die(world, w.server(world, 3), "exit code 1");
    return untilMemberMs(world);
  });
  expect(waitsMs.slice(0, 2).every((ms) => ms <= 150)).toBe(true);
  expect(waitsMs.at(-1)).toBeGreaterThan(3_000);
  const said = world.said.filter(({ kind }) => kind === "crash-loop");
  expect(said).toMatchObject([{ replica: "bank-3", text: expect.stringContaining("right after each admission to a view (5 times") }]);
});

test("a replica that is killed once in a while is started at once each time, and is in no crash loop", () => {
  const world = w.servingWorld();
  w.run(world, 10_000);
  for (let time = 0; time < 8; time++) {
    w.die(world, w.server(world, 3));
    expect(untilMemberMs(world)).toBeLessThan(150);
    w.run(world, 1_100);
  }
  expect(w.saidKinds(world)).not.toContain("crash-loop");
});

function untilMemberMs(world: w.World): number {
  const fromMs = world.nowMs;
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
  return world.nowMs - fromMs;
}

test("a replica that never comes to register is in a crash loop, however long each of its starts takes", () => {
  const world = w.servingWorld();
  w.server(world, 3).unborn = true;
  for (let round = 0; round < 6; round++) {
    const starts = w.sentOf(world, "start-replica").length;
    w.die(world, w.server(world, 3), "ended before it registered: exit code 1");
    w.runUntil(world, () => w.sentOf(world, "start-replica").length > starts);
    w.run(world, 4_000);
  }
  expect(w.saidKinds(world)).toContain("crash-loop");
});

test("S6i: a request at which two processes died is named in the next Lead", () => {
  const world = w.servingWorld();
  const key = "k:order-66";
  for (const number of [1, 2]) {
    const fake = w.server(world, number);
    fake.executing = key;
    w.publish(world);
    w.die(world, fake, "exit code 134");
    w.runUntil(world, () => w.serves(world));
    world.refuseStarts = true;
  }
  const lead = w.sentOf(world, "lead").at(-1);
  expect(lead?.poison).toEqual([{ kind: "key", key: "order-66" }]);
  // The leaders of the first two views died at it, which the next one is told, and which an RM that follows finds in the store.
  expect(lead?.leaderEnds.map((end) => end.executing)).toEqual([key, key]);
  w.restartRm(world);
  w.runUntil(world, () => w.serves(world));
  expect(groupRecord(world.rm.store.stored, w.GROUP)?.leaderEnds.map((end) => end.executing)).toEqual([key, key, null]);
  expect(w.saidKinds(world)).toContain("poison");
});

test("S6i: replicas that die together, or are suspected for a moment, say nothing against what they execute", () => {
  const world = w.servingWorld();
  for (const number of [1, 2, 3]) w.server(world, number).executing = "k:order-66";
  w.publish(world);
  for (const number of [2, 3]) w.suspect(world, w.server(world, number));
  for (const number of [2, 3]) w.server(world, number).verdict = "alive";
  w.publish(world);
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
  for (const number of [1, 2, 3]) w.server(world, number).executing = "k:order-67";
  w.publish(world);
  const doomed = [1, 2, 3].map((number) => w.server(world, number));
  for (const fake of doomed) {
    fake.silent.add("seal");
    fake.verdict = "gone";
  }
  for (const fake of doomed) w.die(world, fake);
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
  expect(w.saidKinds(world)).not.toContain("poison");
});

test("the number of replicas is changed up and down while the group serves", () => {
  const world = w.servingWorld();
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas: 5 } });
  w.runUntil(world, () => w.activeView(world).members.length === 5 && w.serves(world));
  expect(w.activeView(world).quorum).toBe(3);
  expect(w.activeView(world).leader).toBe("bank-1");
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas: 1 } });
  w.runUntil(world, () => w.activeView(world).members.length === 1 && w.serves(world) && world.content?.groups[0]?.replicas.length === 1);
  expect(w.activeView(world).leader).toBe("bank-1");
  for (const order of w.sentOf(world, "kill-replica")) expect(order).toMatchObject({ discard: true });
});

test("S5c: a replica that is removed is set aside only after a view without it is active; a leader hands over first", () => {
  const world = w.servingWorld();
  w.server(world, 1).silent.add("hand-over");
  w.admin(world, { kind: "replica", replica: w.replica(1), action: "remove" });
  w.run(world, 500);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  w.server(world, 1).silent.delete("hand-over");
  w.runUntil(world, () => w.sentOf(world, "kill-replica").length > 0);
  expect(w.activeView(world).members.map((member) => member.replica)).toEqual(["bank-2", "bank-3"]);
  w.runUntil(world, () => world.content?.groups[0]?.replicas.length === 2);
  expect(world.content?.groups[0]?.spec.replicas).toBe(2);
});

test("a replica is set aside once, however long the store takes to forget it", () => {
  const world = w.servingWorld();
  world.refuseKills = true;
  w.admin(world, { kind: "replica", replica: w.replica(3), action: "remove" });
  w.runUntil(world, () => w.saidKinds(world).includes("order-failed"));
  world.holdWrites = true;
  world.refuseKills = false;
  const orders = w.sentOf(world, "kill-replica").length;
  w.run(world, 3_000);
  expect(w.sentOf(world, "kill-replica").length).toBe(orders + 1);
  expect(w.saidKinds(world).filter((kind) => kind === "removed").length).toBe(1);
  w.releaseWrites(world);
  w.runUntil(world, () => world.content?.groups[0]?.replicas.length === 2);
});

test("a learner that falls behind at its admission waits longer for the next one", () => {
  const world = w.servingWorld();
  w.server(world, 1).unreachable = [w.replica(3)];
  w.die(world, w.server(world, 3));
  w.run(world, 10_000);
  const failed = w.saidKinds(world).filter((kind) => kind === "admission-failed").length;
  expect(failed).toBeGreaterThan(1);
  expect(failed).toBeLessThan(8);
  expect(w.serves(world)).toBe(true);
  w.server(world, 1).unreachable = null;
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
});

test("a replica whose disk has no room stays outside the view, alive and not fed, until it has; as a member it is left alone", () => {
  const world = w.servingWorld();
  const short = { neededBytes: 20_000_000, freeBytes: 3_000_000 };
  w.server(world, 2).roomShort = short;
  w.publish(world);
  w.run(world, 5_000);
  expect(w.activeView(world).members.length).toBe(3);

  w.server(world, 3).roomShort = short;
  w.die(world, w.server(world, 3), "exit code 70; its log ends: ENOSPC");
  w.run(world, 5_000);
  expect(w.activeView(world).members.map((member) => member.replica)).not.toContain("bank-3");
  expect(w.server(world, 1).learners).toEqual([]);
  const told = world.said.filter(({ kind }) => kind === "room-short");
  expect(told).toMatchObject([{ replica: "bank-3", text: expect.stringMatching(/3 MB are free, 20 MB are needed/) }]);
  expect(world.said.find(({ kind }) => kind === "relaunched")?.text).toContain("ENOSPC");
  expect(world.status?.groups[0]?.members.find((member) => member.replica === "bank-3")).toMatchObject({
    role: "learner",
    roomShort: short,
  });

  w.server(world, 3).roomShort = null;
  w.publish(world);
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
});

test("a follower that is suspected falsely now and then is back soon each time; one that is as soon as it is back waits longer and longer", () => {
  const world = w.servingWorld();
  const backAfterMs = (): number => {
    const fake = w.server(world, 3);
    w.suspect(world, fake);
    w.runUntil(world, () => w.activeView(world).members.length === 2 && w.serves(world));
    const fromMs = world.nowMs;
    fake.verdict = "alive";
    w.publish(world);
    w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
    return world.nowMs - fromMs;
  };
  backAfterMs();
  for (let time = 0; time < 10; time++) {
    w.run(world, 8_000);
    expect(backAfterMs()).toBeLessThan(1_500);
  }
  for (let time = 0; time < 5; time++) backAfterMs();
  expect(backAfterMs()).toBeGreaterThan(5_000);
});

test("damage that a replica found is one event, however often it is told, and none that an earlier life has told", () => {
  const world = w.servingWorld();
  const fake = w.server(world, 2);
  const found = { group: w.GROUP, replica: fake.replica, where: "promise", what: "its checksum is wrong", keptIn: "/x/damaged-1" } as const;
  for (let time = 0; time < 2; time++) w.say(world, fake, { kind: "damage-found", ...found });
  w.say(world, w.server(world, 3), { kind: "damage-found", ...found });
  expect(w.saidKinds(world).filter((kind) => kind === "damage-found")).toHaveLength(1);
  const said = world.effects.find((effect) => effect.kind === "announce" && effect.announcement.kind === "damage-found");
  expect(said).toMatchObject({ announcement: { replica: "bank-2", text: expect.stringContaining("promise: its checksum is wrong") } });
  world.rm.damagesSaid.add(said?.kind === "announce" ? said.announcement.text.replace("damaged-1", "damaged-3") : "");
  w.say(world, fake, { kind: "damage-found", ...found, keptIn: "/x/damaged-3" });
  w.say(world, fake, { kind: "damage-found", ...found, keptIn: "/x/damaged-2" });
  expect(w.saidKinds(world).filter((kind) => kind === "damage-found")).toHaveLength(2);
});

test("settings reach servers and detectors at once, and what makes no sense is refused", () => {
  const world = w.servingWorld();
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { checkpointEntries: 50 } });
  expect(w.sentOf(world, "configure").at(-1)?.knobs.checkpointEntries).toBe(50);
  w.admin(world, { kind: "set-detector", detector: "lfd", knobs: { heartbeatIntervalMs: 40 } });
  expect(w.sentOf(world, "configure-detector").at(-1)?.knobs).toEqual({ heartbeatIntervalMs: 40, suspicionTimeoutMs: 150 });
  w.admin(world, { kind: "set-detector", detector: "gfd", knobs: { suspicionTimeoutMs: 10 } });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 400 });
  w.admin(world, { kind: "replica", replica: w.replica(9), action: "kill" });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 404 });
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { quorum: "all" } });
  w.runUntil(world, () => w.activeView(world).quorum === 3 && w.serves(world));
});

test("section 8: a server whose restarted LFD does not know its address yet has not moved: links and book keep it", () => {
  const world = w.servingWorld();
  const book = world.rm.groups.get(w.GROUP)?.book;
  const linksKey = world.rm.linksKey;
  for (const number of [1, 2, 3]) w.server(world, number).registered = false;
  w.publish(world);
  expect(world.rm.groups.get(w.GROUP)?.book).toEqual(book);
  expect(world.rm.linksKey).toBe(linksKey);
});

test("the only member can leave: one that is to stay is admitted beside it, although no more are wanted", () => {
  const world = w.servingWorld({ replicas: 2 });
  const { leader } = w.activeView(world);
  const [follower] = [w.server(world, 1), w.server(world, 2)].filter((fake) => fake.replica !== leader);
  if (follower === undefined) throw new Error("no follower");
  for (const number of [1, 2]) w.server(world, number).withinBound = false;
  w.die(world, follower);
  w.runUntil(world, () => w.activeView(world).members.length === 1 && w.serves(world));
  w.admin(world, { kind: "replica", replica: leader, action: "remove" });
  w.run(world, 2_000);
  for (const number of [1, 2]) w.server(world, number).withinBound = true;
  const leading = world.servers.get(leader);
  if (leading === undefined) throw new Error("no leader");
  w.report(world, leading);
  w.runUntil(world, () => !world.servers.has(leader) && w.serves(world));
  expect(w.activeView(world).members.map((member) => member.replica)).toEqual([follower.replica]);
});

test("S5c: what the first view is being made of is not set aside before there is a view without it", () => {
  const world = w.createWorld();
  for (const number of [1, 2, 3]) w.boot(world, w.replica(number)).silent.add("lead");
  w.start(world);
  w.runUntil(world, () => world.rm.groups.get(w.GROUP)?.change?.phase === "leading");
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas: 1 } });
  w.run(world, 500);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  for (const fake of world.servers.values()) fake.silent.clear();
  w.runUntil(world, () => world.servers.size === 1 && w.serves(world));
  expect(w.activeView(world).members).toHaveLength(1);
});
