import type { ClusterId, GroupName } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { ReplicaEvent } from "../core/event.js";

/** Whose connections a server takes. */
export interface Home {
  readonly clusterId: ClusterId;
  readonly group: GroupName;
}

/** A crowd of clients must not keep the Replication Manager out, or the other replicas: so many connections are theirs alone, or half of a few. */
const OWN_CONNECTIONS = 64;

/** Why there is no room for this peer beside so many connections, or null. */
export function checkRoom({ role }: Pick<Hello, "role">, openCount: number, connectionsMax: number): string | null {
  const ownCount = Math.min(OWN_CONNECTIONS, Math.floor(connectionsMax / 2));
  const isGuest = role === "client" || role === "gateway";
  if (!isGuest || openCount < connectionsMax - ownCount) return null;
  return `There are ${openCount} connections already, and the last ${ownCount} of ${connectionsMax} are for the system's own.`;
}

/** What of a connection matters here. */
export interface Caller {
  readonly id: number;
  readonly peer: Pick<Hello, "role">;
}

/** Why a connection is refused, or null. What is wrong is said to the other side. */
export function checkHello(peer: Hello, home: Home): string | null {
  if (peer.protocolVersion !== PROTOCOL_VERSION) {
    return `This server speaks protocol version ${PROTOCOL_VERSION}, you speak ${peer.protocolVersion}; install the same version of troupe on both sides.`;
  }
  if (peer.clusterId !== home.clusterId) return "This server belongs to another system (cluster id); find the group again at its gateway.";
  if (peer.group !== null && peer.group !== home.group) return `This server runs the group ${home.group}, not ${peer.group}.`;
  if (peer.role === "server" && (peer.replica === null || peer.incarnation === null)) return "A server names its replica and incarnation.";
  return null;
}

/** What a core cannot make itself and each client message gets from the shell. */
export interface Sources {
  digest(operation: string, input: Uint8Array): number;
  wallMs(): number;
  seed(): number;
}

/** The event that a message is, or null when this peer has no business sending it. */
export function eventOfMessage(connection: Caller, message: Message, sources: Sources): ReplicaEvent | null {
  switch (message.kind) {
    case "request":
      return {
        kind: "client-message-received",
        connection: connection.id,
        message,
        digest: sources.digest(message.operation, message.input),
        wallMs: sources.wallMs(),
        seed: sources.seed(),
      };
    case "query":
      return { kind: "client-message-received", connection: connection.id, message, digest: 0, wallMs: sources.wallMs(), seed: 0 };
    case "open-session":
    case "resume-session":
    case "read-backup":
      return { kind: "client-message-received", connection: connection.id, message, digest: 0, wallMs: 0, seed: 0 };
    case "append":
    case "append-ack":
    case "append-refused":
    case "confirm":
    case "confirmed":
    case "snapshot-slice":
    case "snapshot-ack":
      return connection.peer.role === "server" ? { kind: "message-received", connection: connection.id, message } : null;
    case "seal":
    case "lead":
    case "activate":
    case "hand-over":
    case "learners":
    case "configure":
    case "address-book":
      return connection.peer.role === "rm" ? { kind: "message-received", connection: connection.id, message } : null;
    default:
      return null;
  }
}
