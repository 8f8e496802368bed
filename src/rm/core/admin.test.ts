import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

const REPLICAS = { kind: "set-group", group: w.GROUP, change: { replicas: 5 } } as const;

test("several settings at once: where one of them cannot be, none is changed, and nothing is said to have changed", () => {
  const world = w.servingWorld();
  const before = world.content;
  const tooShort = { kind: "set-detector", detector: "lfd", knobs: { suspicionTimeoutMs: 21 } } as const;
  w.admin(world, { kind: "set-all", parts: [REPLICAS, tooShort] });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 400, message: expect.stringMatching(/suspicionTimeoutMs/) });
  expect(world.content).toBe(before);
  expect(w.saidKinds(world)).not.toContain("spec-changed");
});

test("several settings at once are stored together, before they are answered", () => {
  const world = w.servingWorld();
  const knobs = { kind: "set-detector", detector: "gfd", knobs: { suspicionTimeoutMs: 800 } } as const;
  w.admin(world, { kind: "set-all", parts: [REPLICAS, knobs] });
  expect(world.answers.at(-1)).toMatchObject({ kind: "accepted" });
  expect(world.content?.groups[0]?.spec.replicas).toBe(5);
  expect(world.content?.detectors.gfd.suspicionTimeoutMs).toBe(800);
  expect(w.saidKinds(world)).toEqual(expect.arrayContaining(["spec-changed", "detector-changed"]));
});

const lead = (world: w.World, number: number): void => w.admin(world, { kind: "replica", replica: w.replica(number), action: "lead" });

/** Members of the view that do not lead it. */
const followers = (world: w.World): number[] => [1, 2, 3].filter((number) => w.replica(number) !== w.activeView(world).leader);

test("of two wishes for a leader the last one counts, also where it names the one that still leads", () => {
  const world = w.servingWorld();
  const [other = 0] = followers(world);
  const leader = [1, 2, 3].find((number) => w.replica(number) === w.activeView(world).leader) ?? 0;
  const fake = w.server(world, leader);
  fake.silent.add("hand-over");
  lead(world, other);
  lead(world, leader);
  fake.silent.clear();
  w.say(world, fake, { kind: "hand-over-ready", group: w.GROUP, epoch: w.activeView(world).epoch, index: fake.lastIndex });
  w.run(world, 5_000);
  expect(w.saidKinds(world).filter((kind) => kind === "hand-over")).toHaveLength(2);
  expect(w.activeView(world).leader).toBe(w.replica(leader));
});

test("a wish for the one that leads is no wish for later", () => {
  const world = w.servingWorld();
  const { leader } = w.activeView(world);
  w.admin(world, { kind: "replica", replica: leader, action: "lead" });
  w.die(world, w.server(world, Number(leader.at(-1))));
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3 && w.activeView(world).leader !== leader);
  w.run(world, 10_000);
  expect(w.activeView(world).leader).not.toBe(leader);
});

test("who is to lead and dies first is not handed the lead once it is back: that it is given up is said", () => {
  const world = w.servingWorld();
  const [wanted = 0] = followers(world);
  w.server(world, Number(w.activeView(world).leader.at(-1))).silent.add("hand-over");
  lead(world, wanted);
  w.die(world, w.server(world, wanted));
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
  w.run(world, 10_000);
  expect(w.activeView(world).leader).not.toBe(w.replica(wanted));
  expect(world.said.filter(({ kind }) => kind === "hand-over-failed").at(-1)?.text).toMatch(/is no member of the view any more; given up/);
});

test("nobody is asked to lead who is to leave, nor in a group of which nothing may be changed", () => {
  const world = w.servingWorld();
  const [leaving = 0, staying = 0] = followers(world);
  world.holdWrites = true;
  w.admin(world, { kind: "replica", replica: w.replica(leaving), action: "remove" });
  lead(world, leaving);
  expect(world.answers.at(-1)).toMatchObject({
    kind: "rejected",
    httpStatus: 409,
    message: expect.stringMatching(/is to leave the group/),
  });
  const group = world.rm.groups.get(w.GROUP);
  if (group !== undefined) group.halted = "the control store is older than the group";
  lead(world, staying);
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 409, message: expect.stringMatching(/older than the group/) });
});

test("of stopping and continuing the last word counts, while the host has answered none of them", () => {
  const world = w.servingWorld();
  for (const action of ["resume", "pause", "resume"] as const) w.admin(world, { kind: "replica", replica: w.replica(2), action });
  expect(w.sentOf(world, "signal-replica").map(({ signal }) => signal)).toEqual(["continue", "stop", "continue"]);
  world.sent.length = 0;
  w.push(world, { kind: "closed", peer: w.lfdPeer });
  w.push(world, { kind: "opened", peer: w.lfdPeer });
  expect(w.sentOf(world, "signal-replica").map(({ signal }) => signal)).toEqual(["continue"]);
});

test("who was asked to lead leads, also where the Replication Manager ends before it has begun", () => {
  const world = w.servingWorld();
  const [other = 0] = followers(world);
  const fake = w.server(world, Number(w.activeView(world).leader.at(-1)));
  fake.silent.add("hand-over");
  world.holdWrites = true;
  const answers = world.answers.length;
  lead(world, other);
  expect(world.answers).toHaveLength(answers);
  w.releaseWrites(world);
  expect(world.answers.at(-1)).toMatchObject({ kind: "accepted" });
  w.restartRm(world);
  fake.silent.clear();
  w.runUntil(world, () => w.serves(world) && w.activeView(world).leader === w.replica(other));
  expect(world.content?.groups[0]?.leadWanted).toBeNull();
});

const kill = (world: w.World, number: number): void => w.admin(world, { kind: "replica", replica: w.replica(number), action: "kill" });
const failures = (world: w.World): string[] => world.said.flatMap(({ kind, text }) => (kind === "order-failed" ? [text] : []));

test("section 8: a kill by hand is not carried out by a later connection: by then it may be the last copy that it takes", () => {
  const world = w.servingWorld({ durability: "memory" });
  world.loseKills = true;
  kill(world, 2);
  expect(world.answers.at(-1)).toMatchObject({ kind: "accepted" });
  world.loseKills = false;
  w.push(world, { kind: "closed", peer: w.lfdPeer });
  expect(failures(world)).toEqual([expect.stringMatching(/did not say that bank-2 was killed: the connection .* ended .* not sent again/)]);
  w.push(world, { kind: "opened", peer: w.lfdPeer });
  w.run(world, 10_000);
  expect(w.sentOf(world, "kill-replica")).toHaveLength(1);
  expect(failures(world)).toHaveLength(1);
});

test("who killed by hand hears it when no answer comes, and may ask again at once", () => {
  const world = w.servingWorld();
  world.loseKills = true;
  kill(world, 2);
  kill(world, 2);
  expect(w.sentOf(world, "kill-replica")).toHaveLength(2);
  w.run(world, 4_000);
  expect(failures(world)).toEqual([]);
  w.run(world, 2_000);
  expect(failures(world)).toEqual([expect.stringMatching(/did not say that bank-2 was killed: no answer .* may still be carried out/)]);
});
