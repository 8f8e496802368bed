import { readAddress } from "../../runtime/address-file.js";
import type { Connection } from "../../runtime/connection.js";
import { type Dialer, dial } from "../../runtime/dialer.js";
import { SERVER_REDIAL_MS_MIN } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { Address } from "../../vocabulary/view.js";
import type { Destination, LfdTarget, ServerTarget } from "../core/effect.js";
import type { RmEvent, RmPeer } from "../core/event.js";

const BACKOFF_MAX_MS = 200;
const CONNECT_TIMEOUT_MS = 1_000;

interface Link {
  /** Changes when the link has to be dialled anew. */
  readonly key: string;
  readonly dialer: Dialer;
  connection: Connection | null;
  peer: RmPeer | null;
  /** Closed here: nothing of it is told any more. */
  dropped: boolean;
}

interface Target {
  readonly name: string;
  readonly key: string;
  address(): Address | null;
  /** Who answers, or why that is not who was meant. */
  identify(peer: Hello): RmPeer | string;
}

export interface Links {
  set(servers: readonly ServerTarget[], lfds: readonly LfdTarget[]): void;
  send(to: Destination, message: Message): void;
  close(): void;
}

/** The RM's own connections: to the GFD, to every LFD and to every server. */
export function createLinks(dir: string, hello: (group: ServerTarget["group"] | null) => Hello, push: (event: RmEvent) => void): Links {
  const links = new Map<string, Link>();

  function open(target: Target, group: ServerTarget["group"] | null): void {
    const accept = (peer: Hello): RmPeer | string =>
      peer.clusterId === hello(null).clusterId ? target.identify(peer) : `it belongs to another system (${peer.clusterId})`;
    const link: Link = {
      key: target.key,
      connection: null,
      peer: null,
      dropped: false,
      dialer: dial({
        address: target.address,
        hello: () => hello(group),
        accepts: (peer) => {
          const found = accept(peer);
          return typeof found === "string" ? found : null;
        },
        onOpen(connection) {
          const peer = accept(connection.peer);
          if (link.dropped || typeof peer === "string") return;
          link.connection = connection;
          link.peer = peer;
          push({ kind: "opened", peer });
        },
        onMessage(_, message) {
          if (!link.dropped && link.peer !== null) push({ kind: "received", peer: link.peer, message });
        },
        onClose() {
          forget(link);
        },
        backoffMinMs: SERVER_REDIAL_MS_MIN,
        backoffMaxMs: BACKOFF_MAX_MS,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
      }),
    };
    links.set(target.name, link);
  }

  function forget(link: Link): void {
    const { peer } = link;
    link.connection = null;
    link.peer = null;
    if (!link.dropped && peer !== null) push({ kind: "closed", peer });
  }

  function drop(name: string, link: Link): void {
    forget(link);
    link.dropped = true;
    link.dialer.close();
    links.delete(name);
  }

  open(gfdTarget(dir), null);
  return {
    set(servers, lfds) {
      const targets: (readonly [Target, ServerTarget["group"] | null])[] = [];
      for (const server of servers) targets.push([serverTarget(server), server.group]);
      for (const lfd of lfds) targets.push([lfdTarget(lfd), null]);
      const keys = new Map(targets.map(([target]) => [target.name, target.key]));
      for (const [name, link] of [...links])
        if (name !== GFD && keys.get(name) !== link.key && !isStillGood(link, keys.get(name))) drop(name, link);
      for (const [target, group] of targets) if (!links.has(target.name)) open(target, group);
    },
    send(to, message) {
      links.get(nameOf(to))?.connection?.send(message);
    },
    close() {
      for (const [name, link] of [...links]) drop(name, link);
    },
  };
}

/** A connection to the very process that is meant now stays, also when it was made before the detectors named that process. */
function isStillGood(link: Link, key: string | undefined): boolean {
  return key !== undefined && link.peer?.kind === "server" && key.startsWith(`${link.peer.bootId} `);
}

const GFD = "gfd";

function nameOf(to: Destination): string {
  switch (to.kind) {
    case "gfd":
      return GFD;
    case "lfd":
      return `lfd ${to.host}`;
    case "server":
      return `server ${to.replica}`;
  }
}

function gfdTarget(dir: string): Target {
  return {
    name: GFD,
    key: GFD,
    address: () => readAddress(dir, "gfd"),
    identify: (peer) =>
      peer.role === "gfd"
        ? { kind: "gfd", bootId: peer.bootId, pid: readAddress(dir, "gfd")?.pid ?? 0 }
        : `it is no GFD but a ${peer.role}`,
  };
}

function lfdTarget({ host, address }: LfdTarget): Target {
  return {
    name: `lfd ${host}`,
    key: `${address.host}:${address.port}`,
    address: () => address,
    identify: (peer) =>
      peer.role === "lfd" && peer.hostId === host ? { kind: "lfd", host, bootId: peer.bootId } : `it is not the LFD of host ${host}`,
  };
}

function serverTarget({ group, replica, bootId, address }: ServerTarget): Target {
  return {
    name: `server ${replica}`,
    key: `${bootId} ${address.host}:${address.port}`,
    address: () => address,
    identify: (peer) =>
      peer.role === "server" && peer.group === group && peer.replica === replica && peer.incarnation !== null
        ? { kind: "server", group, replica, incarnation: peer.incarnation, bootId: peer.bootId }
        : `it is not the server of replica ${replica}`,
  };
}
