import { join } from "node:path";
import { readRunConfig } from "../../config/run-config.js";
import { readAddress, writeAddress } from "../../runtime/address-file.js";
import { createAfterwards } from "../../runtime/afterwards.js";
import { endWithSupervisor } from "../../runtime/child.js";
import type { Connection } from "../../runtime/connection.js";
import { wallMs } from "../../runtime/clock.js";
import { createDisk } from "../../runtime/disk.js";
import { createDriver, type Driver } from "../../runtime/driver.js";
import { makeFolderDurably } from "../../runtime/folder.js";
import { lockFolder } from "../../runtime/folder-lock.js";
import { listenAgain } from "../../runtime/listen-again.js";
import { createLogger, type Logger } from "../../runtime/log.js";
import { CONNECTIONS_MAX } from "../../runtime/open-files.js";
import { startTimeOf } from "../../runtime/process-info.js";
import { randomId } from "../../runtime/random.js";
import type { StatusImage, TroupeEvent } from "../../vocabulary/admin.js";
import { unreachable } from "../../vocabulary/assert.js";
import { type BootId, bootId, type ClusterId, type GroupName, type HostId, hostId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Message, Role } from "../../vocabulary/message.js";
import type { Address } from "../../vocabulary/view.js";
import type { Announcement, RmEffect } from "../core/effect.js";
import type { RmEvent, RmPeer } from "../core/event.js";
import { createRm } from "../core/state.js";
import { nextWakeMs, step } from "../core/step.js";
import type { ControlStore, SwapOutcome } from "./control-store.js";
import { openEmbeddedStore } from "./embedded-store.js";
import { openEventLog } from "./event-log.js";
import { dieAtFailpoint } from "../../runtime/failpoint.js";
import { createLinks } from "./links.js";
import { createSubscribers } from "./subscribers.js";

export interface RmOptions {
  /** The data folder of the system; `DIR/config.json` says which groups there are to be. */
  readonly dir: string;
  /** The host that it runs on, for the status. Default `host-1`. */
  readonly hostId?: HostId;
  /** How it ends when it must: the reason is for the operator. Default: exit code 78, which says that starting again will not help. */
  readonly onEnd?: (reason: string) => void;
}

export interface RmProcess {
  readonly address: Address;
  close(): Promise<void>;
}

/** EX_CONFIG: a person has to do something before another start can succeed. */
const EXIT_REFUSED = 78;
/** EX_IOERR: the store failed; what was under way is looked up at the next start (S1d). */
const EXIT_STORE_FAILED = 74;
const ROLES_SERVED: readonly Role[] = ["gateway", "client"];
/** Telling people wakes the gateway and all that watch. In a failover those would take the processor from the servers, and be woken several times. */
const TELL_DELAY_MS = 20;

/** Runs the Replication Manager. Rejects with a sentence for the reader: a folder in use, a damaged store, a bad configuration. */
export async function runRm(options: RmOptions): Promise<RmProcess> {
  const { dir } = options;
  const log = createLogger("rm");
  const config = readRunConfig(dir);
  const { clusterId } = config;
  const folder = join(dir, "rm");
  makeFolderDurably(folder);
  const lock = await lockFolder(folder);
  const store = await openEmbeddedStore(createDisk(folder), (error) => endForStore(log, error));
  const boot = bootId(randomId());
  const events = openEventLog(folder);
  const rm = createRm({
    clusterId,
    bootId: boot,
    pid: process.pid,
    hostId: options.hostId ?? hostId("host-1"),
    ...(config.hosts === undefined ? {} : { hosts: config.hosts }),
    groups: config.groups,
    detectors: config.detectors,
    timing: { killGraceMs: config.killGraceMs },
    damagesSaid: events.damagesSaid(),
  });
  const subscribers = createSubscribers(events);
  const connections = new Map<number, Connection>();
  const driver: Driver<RmEvent> = createDriver<RmEvent, RmEffect>({
    step: (nowMs, event, effects) => step(rm, nowMs, event, effects),
    nextWakeMs: () => nextWakeMs(rm),
    wake: () => ({ kind: "wake" }),
    perform: performAll,
  });
  const links = createLinks(dir, (group) => helloOf(clusterId, boot, group), driver.push);

  const tell = createAfterwards<{ readonly effect: ForPeople; readonly atMs: number }>((waiting) => {
    const said: TroupeEvent[] = [];
    let status: StatusImage | null = null;
    for (const { effect, atMs } of waiting) {
      if (effect.kind === "announce") said.push(note(effect.announcement, atMs));
      else if (effect.kind === "publish-status") status = effect.status;
    }
    if (status !== null) subscribers.publish(status);
    if (said.length > 0) subscribers.tell(said);
    // An end comes after what led to it has been told.
    for (const { effect } of waiting) if (effect.kind === "end") end(effect.reason);
  }, TELL_DELAY_MS);

  /** What servers wait for leaves before anybody is told of it: in a failover all clients wait for these messages. */
  function performAll(effects: readonly RmEffect[]): void {
    const atMs = wallMs();
    for (const effect of effects) if (!isForPeople(effect)) perform(effect);
    tell(effects.filter(isForPeople).map((effect) => ({ effect, atMs })));
  }

  function note(announcement: Announcement, atMs: number): TroupeEvent {
    const event = events.add(announcement, atMs);
    log.info({ event: event.kind, ...event.data }, event.text);
    return event;
  }

  function perform(effect: Exclude<RmEffect, ForPeople>): void {
    switch (effect.kind) {
      case "send":
        return links.send(effect.to, effect.message);
      case "set-links":
        return links.set(effect.servers, effect.lfds);
      case "store-read":
      case "store-swap":
        return useStore(store, effect, driver, log);
      case "admin-answer":
        connections.get(effect.connection)?.send({ kind: "admin-reply", ticket: effect.ticket, outcome: effect.outcome });
        return;
      case "reached":
        return dieAtFailpoint(folder, effect.point);
      default:
        return unreachable(effect);
    }
  }

  function end(reason: string): void {
    log.fatal(reason);
    if (options.onEnd !== undefined) options.onEnd(reason);
    else process.exit(EXIT_REFUSED);
  }

  function onMessage(connection: Connection, message: Message): void {
    if (message.kind === "heartbeat") answerHeartbeat(connection, message.sequence, driverTurns());
    else if (message.kind === "subscribe-status") subscribers.add(connection, message.afterEventId);
    else driver.push({ kind: "received", peer: gatewayPeer(dir, connection), message });
  }

  let turns = 0;
  const driverTurns = (): number => ++turns;

  const listener = await listenAgain(dir, "rm", {
    connectionsMax: CONNECTIONS_MAX,
    hello: () => helloOf(clusterId, boot, null),
    accepts: (peer) => refusePeer(peer, clusterId),
    onOpen(connection) {
      connections.set(connection.id, connection);
      driver.push({ kind: "opened", peer: gatewayPeer(dir, connection) });
    },
    onMessage,
    onClose(connection) {
      connections.delete(connection.id);
      subscribers.remove(connection);
      driver.push({ kind: "closed", peer: gatewayPeer(dir, connection) });
    },
  });
  writeAddress(dir, "rm", { ...listener.address, pid: process.pid, startTime: startTimeOf(process.pid) ?? 0, bootId: boot });
  endWithSupervisor(dir);
  driver.push({ kind: "start" });
  log.info({ address: listener.address }, "the Replication Manager listens");
  return {
    address: listener.address,
    async close() {
      driver.stop();
      links.close();
      await listener.close();
      await lock.release();
    },
  };
}

type ForPeople = Extract<RmEffect, { readonly kind: "announce" | "publish-status" | "end" }>;

function isForPeople(effect: RmEffect): effect is ForPeople {
  return effect.kind === "announce" || effect.kind === "publish-status" || effect.kind === "end";
}

function helloOf(clusterId: ClusterId, boot: BootId, group: GroupName | null): Hello {
  return {
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId,
    role: "rm",
    bootId: boot,
    group,
    replica: null,
    incarnation: null,
    hostId: null,
  };
}

function refusePeer(peer: Hello, clusterId: ClusterId): string | null {
  if (peer.clusterId !== clusterId)
    return `this is the Replication Manager of system ${clusterId}, the caller belongs to ${peer.clusterId}`;
  return ROLES_SERVED.includes(peer.role) ? null : `a Replication Manager dials a ${peer.role} itself`;
}

function gatewayPeer(dir: string, connection: Connection): RmPeer {
  const record = connection.peer.role === "gateway" ? readAddress(dir, "gateway") : null;
  return { kind: "gateway", connection: connection.id, pid: record?.bootId === connection.peer.bootId ? record.pid : 0 };
}

function answerHeartbeat(connection: Connection, sequence: number, workCount: number): void {
  const { heapUsed } = process.memoryUsage();
  const pulse = { workCount, eventLoopDelayMs: 0, heapBytes: heapUsed, oldestFsyncMs: 0, stuckMs: 0, executing: null };
  connection.send({ kind: "heartbeat-answer", sequence, pulse, report: null });
}

type StoreEffect = Extract<RmEffect, { kind: "store-read" | "store-swap" }>;

/** An error of the embedded store ends the RM: at its next start it reads what has become of the write. */
function useStore(store: ControlStore, effect: StoreEffect, driver: Driver<RmEvent>, log: Logger): void {
  const failed = (error: unknown): void => endForStore(log, error);
  const { ticket } = effect;
  if (effect.kind === "store-read") store.read().then((record) => driver.push({ kind: "store-read", ticket, record }), failed);
  else store.swap(effect.expectedRevision, effect.content).then((outcome) => driver.push(swapEvent(ticket, outcome)), failed);
}

function endForStore(log: Logger, error: unknown): void {
  log.fatal({ err: error }, "the control store failed: the Replication Manager ends");
  process.exit(EXIT_STORE_FAILED);
}

function swapEvent(ticket: number, outcome: SwapOutcome): RmEvent {
  switch (outcome.kind) {
    case "swapped":
      return { kind: "store-swapped", ticket, revision: outcome.revision };
    case "refused":
      return { kind: "store-refused", ticket, reason: outcome.reason };
    case "unknown":
      return { kind: "store-unknown", ticket, reason: outcome.reason };
  }
}
