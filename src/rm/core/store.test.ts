import { expect, test } from "vitest";
import { bootId } from "../../vocabulary/ids.js";
import type { View } from "../../vocabulary/view.js";
import { type ControlContent, emptyContent, refuseSuccession, withGroup } from "./content.js";
import * as w from "./world.test-harness.js";

test("S1a: every start takes a new term, by compare-and-swap, before anything is sealed", () => {
  const world = w.servingWorld();
  expect(world.content?.term).toBe(1);
  const kinds = world.effects.map((effect) => effect.kind);
  expect(kinds.indexOf("store-swap")).toBeLessThan(kinds.indexOf("send") === -1 ? Number.POSITIVE_INFINITY : kinds.lastIndexOf("send"));
  w.restartRm(world);
  expect(world.content?.term).toBe(2);
  w.die(world, w.server(world, 1));
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).epoch[0]).toBe(2);
});

test("what cannot be changed while the system runs is taken from the configuration at each start, and what is kept is said", () => {
  const world = w.servingWorld();
  world.spec = { ...world.spec, handlerTimeoutMs: 60_000, onLoss: "continue", replicas: 5 };
  w.restartRm(world);
  const kept = world.content?.groups[0]?.spec;
  expect(kept).toMatchObject({ handlerTimeoutMs: 60_000, onLoss: "continue", replicas: 3 });
  const said = world.effects.flatMap((effect) => (effect.kind === "announce" ? [effect.announcement] : []));
  expect(said.find(({ kind }) => kind === "settings-kept")?.text).toMatch(/keeps replicas 3 of .* says replicas 5/);
});

test("S1a: no view is decided from what was read before the term was taken", () => {
  const world = w.createWorld();
  w.start(world);
  const reads = world.effects.flatMap((effect, at) => (effect.kind === "store-read" ? [at] : []));
  const swap = world.effects.findIndex((effect) => effect.kind === "store-swap");
  expect(reads.some((at) => at > swap)).toBe(true);
});

test("S1c: an RM whose term is over writes nothing more, and ends", () => {
  const world = w.servingWorld();
  if (world.content === null) throw new Error("no content");
  world.content = { ...world.content, term: 2, owner: bootId("9".repeat(32)) };
  world.revision += 1;
  const view = w.activeView(world);
  w.die(world, w.server(world, 1));
  expect(world.ended).toContain("another Replication Manager");
  expect(w.activeView(world)).toEqual(view);
});

test("S1a: an RM that has nothing to write finds out that another has taken over, and ends", () => {
  const world = w.servingWorld();
  if (world.content === null) throw new Error("no content");
  w.run(world, 5_000);
  expect(world.ended).toBeNull();
  world.content = { ...world.content, term: 2, owner: bootId("9".repeat(32)) };
  world.revision += 1;
  w.run(world, 1_500);
  expect(world.ended).toContain("another Replication Manager");
});

test("S1a: looking for a later term holds nothing up", () => {
  const world = w.servingWorld();
  world.holdReads = true;
  w.run(world, 5_000);
  expect(world.heldReads.length).toBe(1);
  w.die(world, w.server(world, 1));
  w.runUntil(world, () => w.serves(world));
});

const content = (change: Partial<ControlContent>, activeView: View | null): ControlContent => ({
  ...emptyContent("c".repeat(32) as ControlContent["clusterId"], bootId("1".repeat(32)), {
    lfd: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 },
    gfd: { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 },
  }),
  groups: [{ spec: w.SPEC, activeView, founders: activeView?.members ?? [], leaderEnds: [], replicas: [], nextReplicaNumber: 1 }],
  ...change,
});

test("S1c: the store refuses views of another term, that do not succeed, or that come without founders", () => {
  const view = w.activeView(w.servingWorld());
  const current = content({ term: 1 }, view);
  const next = (change: Partial<View>): ControlContent => content({ term: 1 }, { ...view, ...change });
  const { epoch } = view;
  expect(refuseSuccession(current, next({ epoch: [1, epoch[1] + 1] }))).toBeNull();
  expect(refuseSuccession(current, next({ epoch: [2, 1] }))).toContain("epoch of term 2");
  expect(refuseSuccession(current, next({ epoch: [1, 0] }))).toContain("not newer");
  expect(refuseSuccession(current, next({ epoch: [1, epoch[1] + 1], generation: 3 }))).toContain("generation");
  expect(refuseSuccession(current, next({ epoch: [1, epoch[1] + 1], durability: "memory" }))).toContain("durability");
  expect(refuseSuccession(current, content({ term: 1 }, null))).toContain("missing");
  expect(refuseSuccession(current, { ...current, term: 2, groups: next({ epoch: [2, 1] }).groups })).toContain("new term");
  const empty = content({ term: 1 }, null);
  expect(refuseSuccession(empty, next({}))).toContain("not written down as blank");
  expect(refuseSuccession(null, current)).toContain("without a chain");
  expect(() => withGroup(emptyContent(current.clusterId, current.owner, current.detectors), current.groups[0] as never)).toThrow(
    "group-known",
  );
});

for (const outcome of ["done", "lost"] as const) {
  test(`S1d: after a write of unknown outcome (${outcome}) the store is read again before anything else`, () => {
    const world = w.servingWorld();
    const before = world.effects.length;
    world.nextWriteUnknown = outcome;
    w.die(world, w.server(world, 1));
    const kinds = world.effects.slice(before).flatMap((effect) => (effect.kind === "publish-status" ? [] : [effect.kind]));
    expect(kinds.slice(kinds.indexOf("store-swap") + 1)[0]).toBe("store-read");
    w.runUntil(world, () => w.serves(world));
    expect(w.activeView(world).members.length).toBeGreaterThanOrEqual(2);
    expect(world.ended).toBeNull();
  });
}

test("S1d: nothing is decided or sent while the outcome of a write is unknown", () => {
  const world = w.servingWorld();
  world.nextWriteUnknown = "done";
  world.holdReads = true;
  w.die(world, w.server(world, 1));
  expect(world.heldReads.length).toBe(1);
  const before = world.sent.length;
  w.die(world, w.server(world, 3));
  w.run(world, 1_000);
  expect(world.sent.length).toBe(before);
  w.releaseReads(world);
  w.runUntil(world, () => w.serves(world));
});

test("S1e: the first view is not written over a replica that holds state", () => {
  const world = w.createWorld();
  w.boot(world, w.replica(1)).lastIndex = 7;
  w.start(world);
  w.run(world, 20_000);
  expect(world.content?.groups[0]?.activeView).toBeNull();
  expect(world.status?.groups[0]?.waiting).toContain("older than the group");
  expect(w.saidKinds(world)).toContain("store-old");
});

test("S1e: a first view whose making was interrupted is made again, over its founders only", () => {
  const world = w.createWorld();
  world.holdWrites = false;
  w.start(world);
  const fresh = w.createWorld();
  w.start(fresh);
  w.runUntil(fresh, () => w.serves(fresh));
  // The RM dies after the founders led, before the view was written.
  const content = fresh.content;
  if (content === null) throw new Error("no content");
  fresh.content = { ...content, groups: content.groups.map((group) => ({ ...group, activeView: null })) };
  for (const fake of fresh.servers.values()) Object.assign(fake, { activeView: null, leadsEpoch: null, leadActive: false });
  w.restartRm(fresh);
  w.runUntil(fresh, () => w.serves(fresh));
  expect(w.activeView(fresh).epoch[0]).toBe(2);
});

test("S1b: with a store that was put back, an epoch that an earlier Replication Manager of this term had promised is not begun again", () => {
  const world = w.servingWorld();
  // In term 2 of an earlier life 2.1 was sealed; then that life ended, and the store is as it was before it.
  for (const fake of world.servers.values()) fake.promise = [2, 1];
  const before = world.sent.length;
  w.restartRm(world);
  w.die(world, w.server(world, 1));
  w.run(world, 10_000);
  expect(world.content?.term).toBe(2);
  expect(world.sent.slice(before).filter(({ message }) => message.kind === "seal")).toEqual([]);
  expect(world.status?.groups[0]?.waiting).toMatch(/has promised epoch 2\.1, and nobody has begun it since term 2 was taken/);
});

test("S1b: nobody is sealed in a new term before enough have told what they have promised", () => {
  const world = w.servingWorld();
  const sealsOfTerm2 = (): number => world.sent.filter(({ message }) => message.kind === "seal" && message.epoch[0] === 2).length;
  for (const fake of world.servers.values()) fake.silent.add("report");
  w.restartRm(world);
  w.die(world, w.server(world, 1));
  w.run(world, 3_000);
  expect(sealsOfTerm2()).toBe(0);
  // The first runs again and has told; two are needed.
  expect(world.status?.groups[0]?.waiting).toMatch(/1 more of bank-2, bank-3 must answer/);
  w.server(world, 2).silent.delete("report");
  w.report(world, w.server(world, 2));
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).epoch[0]).toBe(2);
});

test("S1e: a store that is older than its servers changes nothing and says so", () => {
  const world = w.servingWorld();
  const old = world.content;
  w.die(world, w.server(world, 1));
  w.runUntil(world, () => w.activeView(world).members.length === 3 && w.serves(world));
  world.content = old;
  w.restartRm(world);
  const before = world.sent.length;
  w.run(world, 10_000);
  expect(world.status?.groups[0]?.waiting).toContain("older than the group");
  const orders = world.sent.slice(before).map((one) => one.message.kind);
  for (const kind of ["seal", "lead", "activate", "start-replica", "kill-replica"]) expect(orders).not.toContain(kind);
});

test("S1a: a Replication Manager with nothing to write looks at the store when an LFD has heard of a later term, and ends if it was replaced", () => {
  const world = w.servingWorld();
  const reads = (): number => world.effects.filter(({ kind }) => kind === "store-read").length;
  const before = reads();
  w.hearFromLfd(world, { kind: "later-term", term: 1 });
  expect(reads()).toBe(before);
  w.hearFromLfd(world, { kind: "later-term", term: 5 });
  w.hearFromLfd(world, { kind: "later-term", term: 5 });
  expect(reads()).toBe(before + 1);
  expect(world.ended).toBeNull();
  expect(w.serves(world)).toBe(true);
  if (world.content !== null) world.content = { ...world.content, term: 6, owner: bootId("e".repeat(32)) };
  w.hearFromLfd(world, { kind: "later-term", term: 6 });
  expect(world.ended).toContain("another Replication Manager has taken over");
});

test("an RM that restarts leaves a group with a living leader alone", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  const before = world.sent.length;
  w.restartRm(world);
  w.run(world, 5_000);
  expect(w.serves(world)).toBe(true);
  expect(w.activeView(world)).toEqual(view);
  expect(world.sent.slice(before).filter((one) => one.message.kind === "seal")).toEqual([]);
  expect(w.saidKinds(world)).toContain("view-adopted");
});

test("an RM that restarts between the write of a view and its activation activates it", () => {
  const world = w.servingWorld();
  world.refuseStarts = true;
  for (const fake of world.servers.values()) fake.silent.add("activate");
  w.die(world, w.server(world, 1));
  const view = w.activeView(world);
  expect(w.serves(world)).toBe(false);
  for (const fake of world.servers.values()) fake.silent.clear();
  w.restartRm(world);
  w.runUntil(world, () => w.serves(world));
  expect(w.activeView(world).epoch).toEqual(view.epoch);
});

test("after a stop of everything a fresh epoch is made from the stored view, with all replicas started by order", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  world.lfdUp = false;
  for (const fake of world.servers.values()) w.die(world, fake);
  world.lfdUp = true;
  w.restartRm(world);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === 3);
  expect(w.activeView(world).epoch[0]).toBe(2);
  expect(w.activeView(world).generation).toBe(view.generation);
  const incarnations = (of: View): string[] => of.members.map((member) => member.incarnation).sort();
  expect(incarnations(w.activeView(world))).toEqual(incarnations(view));
});

test("changed code on existing data is refused in words", () => {
  const world = w.servingWorld();
  world.spec = { ...world.spec, service: { ...world.spec.service, hash: "b".repeat(64) } };
  w.restartRm(world);
  expect(world.ended).toContain("Start it with the old code");
  expect(world.ended).toContain("--fresh");
});

test("an RM that restarts before the written view is active does not wait for ever for a leader that it cannot connect to", () => {
  const world = w.servingWorld();
  const { leader, epoch } = w.activeView(world);
  const fake = world.servers.get(leader);
  if (fake === undefined) throw new Error("no leader");
  fake.leadActive = false;
  fake.unlinkable = true;
  w.restartRm(world);
  w.runUntil(world, () => w.activeView(world).leader !== leader && w.serves(world));
  expect(w.activeView(world).epoch).not.toEqual(epoch);
});

test("an RM that hears late where a living leader is to be found leaves the group alone", () => {
  const world = w.servingWorld();
  const { epoch } = w.activeView(world);
  w.restartRm(world, 5_000);
  w.runUntil(world, () => w.serves(world));
  w.run(world, 5_000);
  expect(w.activeView(world).epoch).toEqual(epoch);
});

test("S1e: a view that was led and waits for its turn to be written is not written once the store is known to be old", () => {
  const world = w.servingWorld();
  const view = w.activeView(world);
  const [first, second] = [...world.servers.values()].filter(({ replica }) => replica !== view.leader);
  if (first === undefined || second === undefined) throw new Error("no followers");
  world.holdWrites = true;
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { checkpointEntries: 500 } });
  w.die(world, w.server(world, Number(view.leader.at(-1))));
  expect(world.rm.store.draft.groups[0]?.activeView?.epoch).not.toEqual(view.epoch);
  // One that was away knows of a later view.
  second.activeView = { ...view, epoch: [view.epoch[0], view.epoch[1] + 50] };
  w.report(world, second);
  w.releaseWrites(world);
  w.run(world, 1_000);
  expect(w.saidKinds(world)).toContain("store-old");
  expect(world.content?.groups[0]?.spec.checkpointEntries).toBe(500);
  expect(w.activeView(world)).toEqual(view);
});
