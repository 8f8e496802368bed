import { expect, test } from "vitest";
import { bootId, hostId, type ReplicaId } from "../../vocabulary/ids.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import { createServer, observationOf, reportOf } from "./fake-server.test-harness.js";
import { gfdPeer, membershipEvent } from "./gfd.test-harness.js";
import * as w from "./world.test-harness.js";

test("how a process ended is an event of its own when it is heard of after its successor was ordered", () => {
  const world = w.servingWorld();
  const dead = w.server(world, 3);
  w.die(world, dead, "its process has ended");
  w.runUntil(world, () => w.saidKinds(world).includes("relaunched"));
  expect(world.said.find(({ kind }) => kind === "relaunched")?.text).toContain("its last process: its process has ended");
  const before = world.said.length;
  dead.reason = "exit code 70; its log ends: ENOSPC";
  w.fault(world, dead, 0);
  expect(world.said.slice(before)).toMatchObject([
    { kind: "ended", replica: "bank-3", text: expect.stringContaining("exit code 70; its log ends: ENOSPC") },
  ]);
  expect(world.rm.sights.get(dead.replica)?.verdict).toBe("alive");
});

test("what is said of a process that was never known to be gone, or does not say that it is, is no end", () => {
  const world = w.servingWorld();
  const other = { ...w.server(world, 3), bootId: w.server(world, 2).bootId };
  const before = world.said.length;
  for (const verdict of ["gone", "suspected"] as const) w.fault(world, { ...other, verdict }, 0);
  expect(world.said).toHaveLength(before);
});

/** Host 2 tells of a process of this name that has ended: its store was lost since, and the name given out again. */
function tellOfEarlier(world: w.World, replica: ReplicaId, verdict: Verdict = "alive", report: ReplicaReport | null = null): void {
  const event = membershipEvent(world);
  if (event.kind !== "received" || event.message.kind !== "membership") throw new Error("no membership");
  const [host] = event.message.hosts;
  if (host === undefined) throw new Error("no host");
  const old = {
    replica,
    bootId: bootId("7".repeat(32)),
    pid: null,
    verdict: "gone",
    reason: "ended before this LFD started",
    report,
  } as const;
  const replicas = [{ ...observationOf(createServer(replica, 7)), ...old }];
  const other = { ...host, hostId: hostId("host-2"), bootId: bootId("8".repeat(32)), verdict, replicas };
  w.push(world, { ...event, message: { ...event.message, hosts: [host, other] } });
}

test("what another host tells of an earlier replica of the same name does not touch the one that the store has placed", () => {
  const world = w.servingWorld();
  const sight = world.rm.sights.get(w.replica(3));
  const before = { ...sight };
  const view = w.activeView(world);
  tellOfEarlier(world, w.replica(3));
  const { replica, reason } = w.server(world, 3);
  const fault = { kind: "fault", hostId: hostId("host-2"), replica, bootId: w.server(world, 3).bootId, verdict: "gone" } as const;
  w.push(world, { kind: "received", peer: gfdPeer, message: { ...fault, reason, detectionMs: 0 } });
  w.run(world, 1_000);
  expect(world.rm.sights.get(w.replica(3))).toMatchObject({ host: before.host, bootId: before.bootId, verdict: "alive", absent: false });
  expect(w.activeView(world)).toEqual(view);
  expect(w.saidKinds(world)).not.toContain("gone");
});

test("what another host tells of an earlier replica of the same name is forgotten as soon as the store is read", () => {
  const world = w.servingWorld();
  world.holdReads = true;
  w.restartRm(world);
  tellOfEarlier(world, w.replica(3));
  expect(world.rm.sights.get(w.replica(3))).toMatchObject({ host: "host-2", verdict: "gone" });
  w.releaseReads(world);
  expect(world.rm.sights.get(w.replica(3))).toMatchObject({ host: w.HOST, verdict: "alive" });
  w.publish(world);
  expect(world.rm.sights.get(w.replica(3))).toMatchObject({ host: w.HOST, verdict: "alive", bootId: w.server(world, 3).bootId });
  w.run(world, 1_000);
  expect(w.activeView(world).members).toHaveLength(3);
});

test("S1e: an earlier replica of the same name that knows of a later view says that the store is old", () => {
  const world = w.servingWorld();
  const view = { ...w.activeView(world), epoch: [7, 1] } as const;
  tellOfEarlier(world, w.replica(3), "alive", { ...reportOf(w.server(world, 3)), activeView: view });
  expect(w.saidKinds(world)).toContain("store-old");
});

test("S1e: so it does when it was told of before the store was read", () => {
  const world = w.servingWorld();
  const view = { ...w.activeView(world), epoch: [7, 1] } as const;
  world.holdReads = true;
  w.restartRm(world);
  tellOfEarlier(world, w.replica(3), "alive", { ...reportOf(w.server(world, 3)), activeView: view, bootId: bootId("7".repeat(32)) });
  w.releaseReads(world);
  w.run(world, 100);
  expect(w.saidKinds(world)).toContain("store-old");
});

test("S1e: before the first view, an earlier replica of the same name that holds entries says that the store is old", () => {
  const world = w.createWorld();
  world.refuseStarts = true;
  w.start(world);
  tellOfEarlier(world, w.replica(3), "alive", { ...reportOf(createServer(w.replica(3), 7)), blank: false, lastIndex: 5 });
  expect(w.saidKinds(world)).toContain("store-old");
});

test("a name that a host still tells of is not given out again to another host, whatever the store says", () => {
  const world = w.servingWorld();
  tellOfEarlier(world, w.replica(4), "suspected");
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas: 4 } });
  expect(world.said.findLast(({ kind }) => kind === "placed")).toMatchObject({ replica: "bank-5", host: w.HOST });
});
