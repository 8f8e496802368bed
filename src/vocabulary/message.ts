/**
 * Every message between processes, in one place: components meet only here.
 *
 * | message            | from -> to         | step                      | rules       |
 * |--------------------|--------------------|---------------------------|-------------|
 * | hello, welcome     | any <-> any        | opening a connection      | section 1   |
 * | append             | leader -> member   | replication               | L1 L4 L5    |
 * | append-ack         | member -> leader   | replication               | L2          |
 * | append-refused     | member -> leader   | replication               | L1 S2a      |
 * | confirm(ed)        | leader <-> member  | read round                | S7          |
 * | snapshot-slice/ack | leader <-> learner | state transfer            | S5b         |
 * | seal, sealed       | RM <-> server      | view change, sealing      | S2 S3       |
 * | lead, led          | RM <-> server      | view change, catching up  | S4a S4d     |
 * | activate(d)        | RM <-> server      | view change, activation   | S4b S4c     |
 * | hand-over(...)     | RM <-> leader      | planned change            | section 4   |
 * | learners           | RM -> leader       | admission                 | S5b         |
 * | configure, book    | RM -> server       | knobs, addresses          |             |
 * | report             | server -> RM, LFD  | observation               | section 8   |
 * | damage-found       | server -> RM       | what recovery set aside   | S5c S5d     |
 * | register, heartbeat| server, LFD, GFD   | detection                 | section 8   |
 * | membership, fault  | GFD -> subscriber  | publication               | section 8   |
 * | start/kill-replica | RM -> LFD          | orders                    | S5c         |
 * | later-term         | LFD -> RM          | an order of a deposed RM  | S1a         |
 * | admin, status      | gateway <-> RM     | administration            |             |
 * | request, reply, .. | client <-> server  | service                   | S6 S7 S8    |
 * | read-backup, ..    | client <-> server  | backup                    | S8          |
 */

import type { BootId, ClusterId, GroupName, HostId, Incarnation, ReplicaId } from "./ids.js";
import type { ClientMessage } from "./message-client.js";
import type { ControlMessage } from "./message-control.js";
import type { DetectionMessage } from "./message-detection.js";
import type { ReplicationMessage } from "./message-replication.js";

export type Role = "server" | "lfd" | "gfd" | "rm" | "gateway" | "client";

/** The first message in each direction. Magic and frame version come before it, in the codec. A mismatch is answered by `goodbye` and closes. */
export interface Hello {
  readonly kind: "hello";
  readonly protocolVersion: number;
  readonly clusterId: ClusterId;
  readonly role: Role;
  readonly bootId: BootId;
  /** Of a server, and of whoever dials one: the group it means. */
  readonly group: GroupName | null;
  readonly replica: ReplicaId | null;
  readonly incarnation: Incarnation | null;
  readonly hostId: HostId | null;
}

/** Why the other side closes the connection, worded for a person. */
export interface Goodbye {
  readonly kind: "goodbye";
  readonly reason: string;
}

export type Message = Hello | Goodbye | ReplicationMessage | ControlMessage | DetectionMessage | ClientMessage;
export type MessageKind = Message["kind"];
export type { ClientMessage, ControlMessage, DetectionMessage, ReplicationMessage };
