/** Hosts that went without a word, and of which the GFD that is there now has never heard. */
import { expect, test } from "vitest";
import { bootId, hostId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { ReplicaRecord } from "./content.js";
import type { RmPeer } from "./event.js";
import { observationOf } from "./fake-server.test-harness.js";
import * as w from "./world.test-harness.js";

const gfd: Extract<RmPeer, { kind: "gfd" }> = { kind: "gfd", bootId: bootId("9".repeat(32)), pid: 4 };
const OTHER = hostId("host-2");

/** What a new GFD publishes: of the servers on the host that is left. */
function tell(world: w.World, version: number, complete: boolean, left: boolean): void {
  const lost = w.activeView(world).leader;
  const replicas = [...world.servers.values()].filter(({ replica }) => replica !== lost).map(observationOf);
  const address = { host: "127.0.0.1", port: 5 };
  const host = {
    hostId: OTHER,
    bootId: bootId("8".repeat(32)),
    pid: 6,
    address,
    verdict: "alive",
    complete: true,
    knobs: DEFAULTS.lfd,
  } as const;
  const hosts = left ? [{ ...host, replicas }] : [];
  const { knobs } = { knobs: DEFAULTS.gfd };
  w.push(world, {
    kind: "received",
    peer: gfd,
    message: { kind: "membership", bootId: gfd.bootId, version, complete, memberCount: replicas.length, knobs, hosts },
  });
}

function loseLeader(world: w.World): string {
  const { leader } = w.activeView(world);
  const fake = w.server(world, Number(leader.at(-1)));
  // Its connection stays: nobody is there any more to close it.
  for (const kind of ["activate", "seal", "lead", "hand-over", "learners"] as const) fake.silent.add(kind);
  return leader;
}

test("a leader whose host ended with the GFD is not vouched for by what the former GFD has said", () => {
  const world = w.servingWorld();
  const leader = loseLeader(world);
  w.push(world, { kind: "closed", peer: { ...gfd, bootId: bootId("f".repeat(32)) } });
  w.push(world, { kind: "opened", peer: gfd });
  tell(world, 1, false, false);
  w.run(world, 100);
  tell(world, 2, true, true);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).leader !== leader, 5_000);
  expect(world.said.find(({ kind, data }) => kind === "change-began" && data?.cause === "failover")?.text).toMatch(
    /no detector vouches for it/,
  );
});

test("a leader whose host has not come back after a stop of everything is given up once the GFD has waited for it", () => {
  const world = w.servingWorld();
  const leader = loseLeader(world);
  world.servers.delete(w.replica(Number(leader.at(-1))));
  const moved = (of: readonly ReplicaRecord[]): ReplicaRecord[] =>
    of.map((one) => (one.replica === leader ? one : { ...one, host: OTHER }));
  if (world.content === null) throw new Error("no content");
  world.content = { ...world.content, groups: world.content.groups.map((one) => ({ ...one, replicas: moved(one.replicas) })) };
  world.rms += 1;
  const { rm } = w.createWorld();
  Object.assign(world, { rm: { ...rm, config: { ...rm.config, bootId: bootId("7".repeat(32)) } } });
  for (const fake of world.servers.values()) fake.linked = false;
  w.push(world, { kind: "start" });
  w.push(world, { kind: "opened", peer: gfd });
  tell(world, 1, false, true);
  w.run(world, 3_000);
  expect(w.saidKinds(world).filter((kind) => kind === "change-began")).toHaveLength(1);
  tell(world, 2, true, true);
  w.runUntil(world, () => w.serves(world) && w.activeView(world).leader !== leader, 10_000);
});

test("a host that the present GFD has not heard of gets no replica, and is suspected once it was waited for", () => {
  const world = w.servingWorld();
  w.push(world, { kind: "closed", peer: { ...gfd, bootId: bootId("f".repeat(32)) } });
  w.push(world, { kind: "opened", peer: gfd });
  tell(world, 1, false, false);
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas: 4 } });
  w.run(world, 500);
  expect(world.content?.groups[0]?.replicas).toHaveLength(3);
  tell(world, 2, true, true);
  w.run(world, 500);
  expect(world.content?.groups[0]?.replicas.at(-1)).toMatchObject({ replica: "bank-4", host: OTHER });
  expect(world.status?.hosts.map(({ host, verdict }) => [host, verdict])).toEqual([
    [w.HOST, "suspected"],
    [OTHER, "alive"],
  ]);
  expect(w.saidKinds(world).filter((kind) => kind === "host-suspected")).toHaveLength(1);
});
