import { expect, test } from "vitest";
import { STYLES } from "../../vocabulary/style.js";
import * as w from "./world.test-harness.js";

const SLOW = "a write or flush to disk has not finished for 1234 ms";
/** As often as the GFD publishes what has moved. */
const REPORT_MS = 100;

/** Clients write all the time; what the members in `hung` hold does not grow any more, and their LFD says that they are slow. */
function write(world: w.World, forMs: number, hung: readonly number[], verdict: "degraded" | "alive" = "degraded"): void {
  for (const number of hung) {
    const fake = w.server(world, number);
    fake.verdict = verdict;
    fake.reason = verdict === "degraded" ? SLOW : "";
    fake.persistedIndex ??= fake.lastIndex;
    // Nothing durable, no promise: a Seal is not answered (S2a).
    fake.silent.add("seal");
  }
  // As long as it acknowledges nothing, no leader finds a learner within bound.
  for (const fake of world.servers.values()) fake.withinBound = hung.length === 0;
  for (let atMs = 0; atMs < forMs; atMs += REPORT_MS) {
    for (const fake of world.servers.values()) fake.lastIndex += 1;
    w.publish(world);
    w.run(world, REPORT_MS);
  }
}

function members(world: w.World): string[] {
  return w.activeView(world).members.map((member) => member.replica);
}

test("a group of two goes on without a follower whose disk hangs, and takes it back when the disk works again", () => {
  const world = w.servingWorld({ replicas: 2 });
  write(world, 2_500, [2]);
  expect(members(world)).toEqual(["bank-1", "bank-2"]);
  write(world, 1_500, [2]);
  expect(members(world)).toEqual(["bank-1"]);
  expect(w.serves(world)).toBe(true);
  expect(world.said.findLast(({ kind }) => kind === "change-began")?.text).toContain(`follower bank-2 persists nothing any more (${SLOW})`);
  expect(w.sentOf(world, "kill-replica")).toEqual([]);
  const fake = w.server(world, 2);
  Object.assign(fake, { verdict: "alive", reason: "", persistedIndex: null });
  fake.silent.clear();
  write(world, 1_000, []);
  w.runUntil(world, () => members(world).length === 2 && w.serves(world));
});

test("where all must persist, two whose disks hang are shed in one change", () => {
  const world = w.servingWorld({ quorum: "all" });
  const changes = w.saidKinds(world).filter((kind) => kind === "change-began").length;
  write(world, 4_000, [2, 3]);
  expect(members(world)).toEqual(["bank-1"]);
  expect(w.serves(world)).toBe(true);
  expect(w.saidKinds(world).filter((kind) => kind === "change-began").length).toBe(changes + 1);
});

test("a follower whose disk hangs is shed also where the others commit without it: the next failure must be survivable", () => {
  const world = w.servingWorld();
  write(world, 4_000, [3]);
  expect(members(world)).toEqual(["bank-1", "bank-2"]);
});

test("a leader whose disk hangs is followed by another, also where a backup must take up the state first", () => {
  const world = w.servingWorld({ replicas: 2, service: { ...w.SPEC.service, styles: STYLES }, style: "cold-passive" });
  w.server(world, 2).cold = { stage: "cold", loadBytes: 1_000, replayEntries: 20, replayBytes: 4_000 };
  write(world, 4_000, [1]);
  expect(w.activeView(world)).toMatchObject({ leader: "bank-2" });
  expect(members(world)).toEqual(["bank-2"]);
});

test("S3a: nothing is sealed where too few would answer, and it is said once", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  write(world, 6_000, [2, 3]);
  expect(w.activeView(world)).toEqual(view);
  expect(w.serves(world)).toBe(true);
  const said = world.said.filter(({ kind }) => kind === "stalled");
  expect(said).toHaveLength(1);
  expect(said[0]?.text).toContain(`bank-2 (${SLOW}), bank-3 (${SLOW})`);
});

test("a slow follower that persists something now and then stays, and so does one that has nothing to persist", () => {
  const world = w.servingWorld({ replicas: 2 });
  const view = w.activeView(world);
  const fake = w.server(world, 2);
  for (let round = 0; round < 4; round++) {
    write(world, 2_000, [2]);
    fake.persistedIndex = fake.lastIndex - 1;
  }
  expect(w.activeView(world)).toEqual(view);
  fake.persistedIndex = fake.lastIndex;
  for (let round = 0; round < 60; round++) {
    w.publish(world);
    w.run(world, REPORT_MS);
  }
  expect(w.activeView(world)).toEqual(view);
});

test("where heartbeats are rare, a report that is the same as before is no standstill until the next one was due", () => {
  const world = w.servingWorld({ replicas: 2 });
  world.lfdKnobs = { heartbeatIntervalMs: 10_000, suspicionTimeoutMs: 30_000 };
  const view = w.activeView(world);
  const fake = w.server(world, 2);
  for (let heartbeat = 0; heartbeat < 3; heartbeat++) {
    write(world, 10_000, [2]);
    fake.persistedIndex = fake.lastIndex - 1;
  }
  expect(w.activeView(world)).toEqual(view);
  write(world, 14_000, [2]);
  expect(members(world)).toEqual(["bank-1"]);
});

test("section 8: what is not seen is no standstill: not while no detector vouches, not while this process was away", () => {
  const world = w.servingWorld({ replicas: 2 });
  const view = w.activeView(world);
  write(world, 1_000, [2]);
  world.nowMs += 10_000;
  write(world, 1_000, [2]);
  world.gfdStopped = true;
  w.run(world, 10_000);
  expect(w.activeView(world)).toEqual(view);
});

test("a follower that stands still and is well for its detector is left to the leader's own links", () => {
  const world = w.servingWorld({ replicas: 2 });
  const view = w.activeView(world);
  write(world, 6_000, [2], "alive");
  expect(w.activeView(world)).toEqual(view);
});
