import { expect, it } from "vitest";
import { bootId, clusterId, groupName } from "../../vocabulary/ids.js";
import { LIMITS, PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Role } from "../../vocabulary/message.js";
import { checkHello, checkRoom } from "./inbound.js";

const own = clusterId("a".repeat(32));
const home = { clusterId: own, group: groupName("counter") };

function helloOf(role: Role, changes: Partial<Hello> = {}): Hello {
  const base = { kind: "hello", protocolVersion: PROTOCOL_VERSION, clusterId: own, role, bootId: bootId("b".repeat(32)) } as const;
  return { ...base, group: null, replica: null, incarnation: null, hostId: null, ...changes };
}

it("takes clients and gateways of its own system", () => {
  expect((["client", "gateway", "rm"] as const).map((role) => checkHello(helloOf(role), home))).toEqual([null, null, null]);
});

it("refuses whoever belongs to another system, clients too: a port may have gone from one system to another", () => {
  const other = { clusterId: clusterId("c".repeat(32)) };
  for (const role of ["client", "gateway", "rm"] as const) expect(checkHello(helloOf(role, other), home)).toMatch(/another system/);
});

it("refuses another version and another group in words", () => {
  expect(checkHello(helloOf("client", { protocolVersion: PROTOCOL_VERSION + 1 }), home)).toMatch(/same version/);
  expect(checkHello(helloOf("client", { group: groupName("bank") }), home)).toMatch(/runs the group counter, not bank/);
});

it("keeps room for the system's own: no crowd of clients shuts out the Replication Manager or another replica", () => {
  // Where few files may be open, there are few connections.
  for (const most of [LIMITS.connectionsMax, 50]) {
    for (const role of ["client", "gateway"] as const) {
      expect(checkRoom(helloOf(role), most - 1, most)).toMatch(/for the system's own/);
      expect(checkRoom(helloOf(role), most / 2 - 1, most)).toBeNull();
    }
    for (const role of ["rm", "server"] as const) expect(checkRoom(helloOf(role), most - 1, most)).toBeNull();
  }
});
