import type { BootId, ClusterId, GroupName, HostId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import { bootId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Role } from "../../vocabulary/message.js";
import type { World } from "../world.js";

export function newBootId(world: World): BootId {
  return bootId(world.chance.ids.hex(32));
}

export interface Introduction {
  readonly group?: GroupName | null;
  readonly replica?: ReplicaId;
  readonly incarnation?: Incarnation;
  readonly hostId?: HostId;
}

export function helloOf(clusterId: ClusterId, role: Role, boot: BootId, about: Introduction): Hello {
  return {
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId,
    role,
    bootId: boot,
    group: about.group ?? null,
    replica: about.replica ?? null,
    incarnation: about.incarnation ?? null,
    hostId: about.hostId ?? null,
  };
}
