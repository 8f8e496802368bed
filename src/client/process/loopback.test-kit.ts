import { encodeValue } from "../../codec/value.js";
import type { Connection } from "../../runtime/connection.js";
import { type Listener, listen } from "../../runtime/listener.js";
import { bootId, clusterId, groupName, incarnation, type ReplicaId, type SessionId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { AddressBook } from "../../vocabulary/view.js";
import { r, viewOf } from "../core/world.test-kit.js";

export const CLUSTER_ID = clusterId("0".repeat(32));
export const GROUP = groupName("g");

/** A server that speaks the client's protocol over real sockets, and keeps its table in the test's hand. */
export interface LoopbackServer {
  readonly replica: ReplicaId;
  readonly port: number;
  readonly connections: Set<Connection>;
  /** Told why a connection has ended. */
  onClose: (reason: string) => void;
  close(): Promise<void>;
}

export interface LoopbackGroup {
  leader: number;
  counter: number;
  /** The leader takes requests in and answers none. */
  mute: boolean;
  /** The leader refuses requests: its queue is full. */
  full: boolean;
  readonly executed: Map<string, number>;
  readonly servers: LoopbackServer[];
  book(): AddressBook;
  announce(): void;
  close(): Promise<void>;
}

export async function loopbackGroup(): Promise<LoopbackGroup> {
  const group: LoopbackGroup = {
    leader: 1,
    counter: 1,
    mute: false,
    full: false,
    executed: new Map(),
    servers: [],
    book: () => ({
      version: [1, 1],
      entries: group.servers.map((server, index) => ({
        replica: server.replica,
        hostId: viewHost,
        address: { host: "127.0.0.1", port: server.port },
        bootId: bootId(String(index).repeat(32)),
      })),
    }),
    announce() {
      for (const [index, server] of group.servers.entries())
        for (const connection of server.connections) connection.send(membersOf(group, index + 1));
    },
    async close() {
      for (const server of group.servers) await server.close();
    },
  };
  for (const number of [1, 2, 3]) group.servers.push(await startServer(group, number));
  return group;
}

const viewHost = "h" as AddressBook["entries"][number]["hostId"];

function membersOf(group: LoopbackGroup, number: number): Message {
  return {
    kind: "members",
    view: { ...viewOf(group.counter, group.leader), group: GROUP },
    book: group.book(),
    serving: number === group.leader,
  };
}

async function startServer(group: LoopbackGroup, number: number): Promise<LoopbackServer> {
  const connections = new Set<Connection>();
  const hello = (): Hello => ({
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId: CLUSTER_ID,
    role: "server",
    bootId: bootId(String(number).repeat(32)),
    group: GROUP,
    replica: r(number),
    incarnation: incarnation(String(number).repeat(32)),
    hostId: null,
  });
  const listener: Listener = await listen({
    host: "127.0.0.1",
    port: 0,
    connectionsMax: 10,
    hello,
    accepts: () => null,
    onOpen(connection) {
      connections.add(connection);
      connection.send(membersOf(group, number));
    },
    onMessage: (connection, message) => onMessage(group, number, connection, message),
    onClose: (connection, reason) => {
      connections.delete(connection);
      server.onClose(reason);
    },
  });
  const server: LoopbackServer = {
    replica: r(number),
    port: listener.address.port,
    connections,
    onClose: () => {},
    close: () => listener.close(),
  };
  return server;
}

function onMessage(group: LoopbackGroup, number: number, connection: Connection, message: Message): void {
  if (!("ticket" in message)) return;
  const { ticket } = message;
  if (number !== group.leader) connection.send({ kind: "redirect", ticket });
  else if (message.kind === "open-session")
    connection.send({ kind: "session-opened", ticket, session: `1.1.${message.nonce}` as SessionId });
  else if (message.kind === "resume-session")
    connection.send({
      kind: "session-resumed",
      ticket,
      index: 0,
      session: message.session,
      resumption: 1,
      highestSequence: 0,
      replies: [],
    });
  else if (message.kind === "request" && message.identity.kind === "session") {
    if (group.full) return connection.send({ kind: "request-failed", ticket, code: "overloaded", message: "The queue is full." });
    const key = `${message.identity.session}:${message.identity.sequence}`;
    if (!group.executed.has(key)) group.executed.set(key, group.executed.size + 1);
    if (!group.mute) reply(group, connection, ticket, group.executed.get(key));
  } else if (message.kind === "query") reply(group, connection, ticket, group.executed.size);
}

function reply(group: LoopbackGroup, connection: Connection, ticket: number, value: unknown): void {
  connection.send({
    kind: "reply",
    ticket,
    index: group.executed.size,
    epoch: [1, group.counter],
    reply: { refused: false, bytes: encodeValue(value) },
  });
}
