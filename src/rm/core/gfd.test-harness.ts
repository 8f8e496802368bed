import { bootId, hostId, type ReplicaId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { RmEvent, RmPeer } from "./event.js";
import { type FakeServer, observationOf } from "./fake-server.test-harness.js";

/** What the Replication Manager hears by way of the GFD, of one host. */
export const HOST = hostId("host-1");
export const gfdPeer: Extract<RmPeer, { kind: "gfd" }> = { kind: "gfd", bootId: bootId("f".repeat(32)), pid: 3 };
export const lfdPeer: Extract<RmPeer, { kind: "lfd" }> = { kind: "lfd", host: HOST, bootId: bootId("e".repeat(32)) };

export function faultEvent(fake: FakeServer, detectionMs: number): RmEvent {
  const { replica, bootId: of, verdict, reason } = fake;
  return {
    kind: "received",
    peer: gfdPeer,
    message: { kind: "fault", hostId: HOST, replica, bootId: of, verdict, reason, detectionMs },
  };
}

interface Seen {
  readonly servers: ReadonlyMap<ReplicaId, FakeServer>;
  readonly lfdUp: boolean;
  readonly lfdKnobs: DetectorKnobs;
  version: number;
}

export function membershipEvent(seen: Seen): RmEvent {
  seen.version += 1;
  const replicas = [...seen.servers.values()].map(observationOf);
  return {
    kind: "received",
    peer: gfdPeer,
    message: {
      kind: "membership",
      bootId: gfdPeer.bootId,
      version: seen.version,
      complete: true,
      memberCount: replicas.length,
      knobs: DEFAULTS.gfd,
      hosts: [
        {
          hostId: HOST,
          bootId: lfdPeer.bootId,
          pid: 2,
          address: { host: "127.0.0.1", port: 2 },
          verdict: seen.lfdUp ? "alive" : "gone",
          complete: seen.lfdUp,
          knobs: seen.lfdKnobs,
          replicas,
        },
      ],
    },
  };
}
