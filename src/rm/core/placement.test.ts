import { expect, test } from "vitest";
import { bootId, type HostId, hostId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import { createRm } from "./state.js";
import { RM_TIMING } from "./timing.js";
import * as w from "./world.test-harness.js";

const GFD = bootId("9".repeat(32));
const LFD = bootId("8".repeat(32));
const [A, B, C] = ["host-a", "host-b", "host-c"].map(hostId) as [HostId, HostId, HostId];

/** An RM that has begun to rule, with a new store or that of the world before. */
function begin(replicas: number, hosts?: readonly HostId[], before?: w.World): w.World {
  const world = w.createWorld({ replicas });
  if (before !== undefined) Object.assign(world, { content: before.content, revision: before.revision, spec: before.spec });
  const { clusterId, hostId: own } = world.rm.config;
  const boot = bootId(`${before === undefined ? 1 : 2}`.padStart(32, "d"));
  const named = hosts === undefined ? {} : { hosts };
  world.rm = createRm({ clusterId, bootId: boot, pid: 7, hostId: own, groups: [world.spec], ...named });
  w.push(world, { kind: "start" });
  w.push(world, { kind: "opened", peer: { kind: "gfd", bootId: GFD, pid: 3 } });
  return world;
}

/** The GFD tells of these hosts, and of no others. */
function reports(world: w.World, ...hosts: readonly HostId[]): void {
  world.version += 1;
  w.push(world, {
    kind: "received",
    peer: { kind: "gfd", bootId: GFD, pid: 3 },
    message: {
      kind: "membership",
      bootId: GFD,
      version: world.version,
      complete: false,
      memberCount: 0,
      knobs: DEFAULTS.gfd,
      hosts: hosts.map((host) => ({
        hostId: host,
        bootId: LFD,
        pid: 2,
        address: { host: "127.0.0.1", port: 2 },
        verdict: "alive",
        complete: true,
        knobs: DEFAULTS.lfd,
        replicas: [],
      })),
    },
  });
}

function placed(world: w.World): (HostId | undefined)[] {
  return world.said.flatMap(({ kind, host }) => (kind === "placed" ? [host] : []));
}

test("placement: new replicas are spread over the hosts, and on one host they are placed as soon as it reports", () => {
  const world = begin(5);
  reports(world, C, A, B);
  w.run(world, 1);
  expect(placed(world)).toEqual([A, B, C, A, B]);
  const alone = begin(3);
  reports(alone, A);
  w.run(alone, 1);
  expect(placed(alone)).toEqual([A, A, A]);
});

test("placement: hosts that the configuration names are waited for, so the first that reports does not get everything", () => {
  const world = begin(3, [A, B, C]);
  expect(world.content?.hosts).toEqual([A, B, C]);
  reports(world, B);
  reports(world, B, C);
  w.run(world, 1_000);
  expect(placed(world)).toEqual([]);
  reports(world, A, B, C);
  w.run(world, 1);
  expect(placed(world)).toEqual([A, B, C]);
});

test("placement: a host that does not come is not waited for for ever", () => {
  const world = begin(3, [A, B, C]);
  reports(world, B, C);
  w.run(world, RM_TIMING.hostsMs - 10);
  expect(placed(world)).toEqual([]);
  w.run(world, 20);
  expect(placed(world)).toEqual([B, C, B]);
});

test("placement: an RM that starts anew waits for the hosts of its store before it adds a replica", () => {
  const first = begin(2);
  reports(first, A, B, C);
  w.run(first, 1);
  expect(placed(first)).toEqual([A, B]);
  const again = begin(2, undefined, first);
  w.admin(again, { kind: "set-group", group: w.GROUP, change: { replicas: 3 } });
  reports(again, A);
  w.run(again, 1_000);
  expect(placed(again)).toEqual([]);
  reports(again, A, B, C);
  w.run(again, 1);
  expect(placed(again)).toEqual([C]);
});
