import type { Destination, LfdTarget, RmEffect, ServerTarget } from "../../rm/core/effect.js";
import type { RmEvent, RmPeer } from "../../rm/core/event.js";
import { createRm } from "../../rm/core/state.js";
import { nextWakeMs, step } from "../../rm/core/step.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { GroupName } from "../../vocabulary/ids.js";
import { SERVER_REDIAL_MS_MIN } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { Address } from "../../vocabulary/view.js";
import { readStore, swapStore } from "../control-store.js";
import { createSimDriver } from "../driver.js";
import type { Installation } from "../installation.js";
import type { RunningRm } from "../running.js";
import { dial, type SimConnection, type SimDialer } from "../network.js";
import { endProcess, mark, note, type SimProcess } from "../world.js";
import { helloOf, newBootId } from "./hello.js";

/** A Replication Manager that runs: faults ask it for changes as a person would. */
/** As rm/process/main.ts. */
export function runRm(installation: Installation, process: SimProcess): RunningRm {
  const { world, store } = installation;
  const boot = newBootId(world);
  const rm = createRm({
    clusterId: world.clusterId,
    bootId: boot,
    pid: process.pid,
    hostId: process.host.hostId,
    ...(installation.plan.hostsNamed ? { hosts: installation.serverHosts.map((host) => host.hostId) } : {}),
    groups: [installation.plan.spec],
    detectors: { lfd: installation.plan.lfdKnobs, gfd: installation.plan.gfdKnobs },
  });
  const driver = createSimDriver<RmEvent, RmEffect>(world, process, {
    step(nowMs, event, effects) {
      const before = effects.length;
      if (event.kind === "received" && event.message.kind === "sealed" && isOwnAnswer(event.peer, event.message))
        installation.observer.onSealAnswered(event.message);
      step(rm, nowMs, event, effects);
      for (const { change } of rm.groups.values())
        if (change !== null && change.view !== null) installation.observer.onChosen(boot, change.epoch);
      for (const effect of effects.slice(before)) {
        if (effect.kind === "announce") watchVerdict(effect.announcement);
        else if (effect.kind === "send") installation.observer.onOrder(boot, effect.message);
      }
    },
    nextWakeMs: () => nextWakeMs(rm),
    wake: () => ({ kind: "wake" }),
    perform,
  });
  const links = createLinks(installation, process, (group) => helloOf(world.clusterId, "rm", boot, { group }), driver.push);
  let commands = 0;

  function watchVerdict({ kind, replica }: Extract<RmEffect, { kind: "announce" }>["announcement"]): void {
    const bootId = kind === "gone" && replica !== undefined ? rm.sights.get(replica)?.bootId : null;
    if (bootId != null) installation.observer.onGone(bootId);
  }

  function perform(effect: RmEffect): void {
    switch (effect.kind) {
      case "send":
        return links.send(effect.to, effect.message);
      case "set-links":
        return links.set(effect.servers, effect.lfds);
      case "store-read": {
        const { ticket } = effect;
        return readStore(world, store, process, (record) => driver.push({ kind: "store-read", ticket, record }));
      }
      case "store-swap":
        return swapStore(world, store, process, effect.ticket, effect.expectedRevision, effect.content, driver.push);
      case "announce": {
        const { kind, text } = effect.announcement;
        mark(world, `rm-${kind}`);
        return note(world, process.name, `event ${kind}`, () => text);
      }
      case "publish-status":
        installation.status = effect.status;
        return;
      case "admin-answer":
        mark(world, `admin-${effect.outcome.kind}`);
        return note(world, process.name, "admin-answer", () => JSON.stringify(effect.outcome));
      case "reached":
        return;
      case "end":
        note(world, process.name, "ends", () => effect.reason);
        mark(world, "rm-ended-itself");
        return endProcess(world, process, 78, null);
      default:
        return unreachable(effect);
    }
  }

  driver.push({ kind: "start" });
  return {
    term: () => rm.store.stored.term,
    administer(command) {
      commands += 1;
      driver.push({ kind: "admin", ticket: commands, connection: 0, command });
    },
  };
}

/** S4d: the process that answers is the one at the other end. */
function isOwnAnswer(peer: RmPeer, { replica, incarnation, bootId }: Extract<Message, { kind: "sealed" }>): boolean {
  return peer.kind === "server" && peer.replica === replica && peer.incarnation === incarnation && peer.bootId === bootId;
}

interface Link {
  readonly key: string;
  readonly dialer: SimDialer;
  connection: SimConnection | null;
  peer: RmPeer | null;
  dropped: boolean;
}

interface Target {
  readonly name: string;
  readonly key: string;
  readonly group: GroupName | null;
  address(): Address | null;
  identify(peer: Hello): RmPeer | string;
}

interface Links {
  set(servers: readonly ServerTarget[], lfds: readonly LfdTarget[]): void;
  send(to: Destination, message: Message): void;
}

/** As rm/process/links.ts. */
function createLinks(
  installation: Installation,
  process: SimProcess,
  hello: (group: GroupName | null) => Hello,
  push: (event: RmEvent) => void,
): Links {
  const { world, network } = installation;
  const links = new Map<string, Link>();

  function open(target: Target): void {
    const link: Link = {
      key: target.key,
      connection: null,
      peer: null,
      dropped: false,
      dialer: dial(world, network, process, {
        address: target.address,
        hello: () => hello(target.group),
        accepts(peer) {
          const found = target.identify(peer);
          return typeof found === "string" ? found : null;
        },
        onOpen(connection) {
          const peer = target.identify(connection.peer);
          if (link.dropped || typeof peer === "string") return;
          link.connection = connection;
          link.peer = peer;
          push({ kind: "opened", peer });
        },
        onMessage(_, message) {
          if (!link.dropped && link.peer !== null) push({ kind: "received", peer: link.peer, message });
        },
        onClose: () => forget(link),
        backoffMinMs: SERVER_REDIAL_MS_MIN,
        backoffMaxMs: 200,
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

  open({
    name: "gfd",
    key: "gfd",
    group: null,
    address: () => world.addresses.get("gfd") ?? null,
    identify: (peer) => (peer.role === "gfd" ? { kind: "gfd", bootId: peer.bootId, pid: 0 } : "no GFD"),
  });
  return {
    set(servers, lfds) {
      const targets = [...servers.map(serverTarget), ...lfds.map(lfdTarget)];
      const keys = new Map(targets.map((target) => [target.name, target.key]));
      for (const [name, link] of [...links])
        if (name !== "gfd" && keys.get(name) !== link.key && !isStillGood(link, keys.get(name))) drop(name, link);
      for (const target of targets) if (!links.has(target.name)) open(target);
    },
    send(to, message) {
      links.get(nameOf(to))?.connection?.send(message);
    },
  };
}

/** A connection to the very process that is meant now stays. */
function isStillGood(link: Link, key: string | undefined): boolean {
  return key !== undefined && link.peer?.kind === "server" && key.startsWith(`${link.peer.bootId} `);
}

function nameOf(to: Destination): string {
  switch (to.kind) {
    case "gfd":
      return "gfd";
    case "lfd":
      return `lfd ${to.host}`;
    case "server":
      return `server ${to.replica}`;
    default:
      return unreachable(to);
  }
}

function lfdTarget({ host, address }: LfdTarget): Target {
  return {
    name: `lfd ${host}`,
    key: `${address.host}:${address.port}`,
    group: null,
    address: () => address,
    identify: (peer) => (peer.role === "lfd" && peer.hostId === host ? { kind: "lfd", host, bootId: peer.bootId } : "another LFD"),
  };
}

function serverTarget({ group, replica, bootId, address }: ServerTarget): Target {
  return {
    name: `server ${replica}`,
    key: `${bootId} ${address.host}:${address.port}`,
    group,
    address: () => address,
    identify: (peer) =>
      peer.role === "server" && peer.group === group && peer.replica === replica && peer.incarnation !== null
        ? { kind: "server", group, replica, incarnation: peer.incarnation, bootId: peer.bootId }
        : "another server",
  };
}
