import { requestDigest } from "../../codec/digest.js";
import { encodeValue } from "../../codec/value.js";
import type { ReplicaEffect } from "../../server/core/effect.js";
import type { ReplicaEvent } from "../../server/core/event.js";
import type { SessionTable } from "../../server/core/session-record.js";
import { createReplica } from "../../server/core/state.js";
import { nextWakeMs, step } from "../../server/core/step.js";
import { recoversCold } from "../../server/core/warmth.js";
import { eventOfMessage } from "../../server/shell/inbound.js";
import type { ReplicaDisk } from "../../server/shell/replica-disk.js";
import { createSnapshotWriter, type Later } from "../../server/shell/snapshot-writer.js";
import { createStateLoader } from "../../server/shell/state-loader.js";
import { createStuckWatch } from "../../server/shell/stuck-watch.js";
import { buildTable } from "../../server/shell/table-builder.js";
import { eventOfResult, snapshotRecord, transferOf } from "../../server/shell/store-events.js";
import { createExecutor, type Executor } from "../../service/executor.js";
import { serviceMachine } from "../../service/service-machine.js";
import type { StoreResult } from "../../storage/store-command.js";
import { unreachable } from "../../vocabulary/assert.js";
import { ERRORS } from "../../vocabulary/error.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { ExecutionCompletion } from "../../vocabulary/execution.js";
import { type Incarnation, incarnation, type ReplicaId } from "../../vocabulary/ids.js";
import { SERVER_REDIAL_MS_MIN } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { Pulse } from "../../vocabulary/verdict.js";
import type { AddressBook } from "../../vocabulary/view.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import { isDeadly } from "../deadly-request.js";
import { createSimDisk, killDisk } from "../disk.js";
import type { SimDisk } from "../disk-state.js";
import { createSimDriver } from "../driver.js";
import type { Installation } from "../installation.js";
import { dial, listen, type SimConnection, type SimDialer } from "../network.js";
import { openReplicaDisk } from "../replica-disk.js";
import type { RunningServer } from "../running.js";
import { slowMachine } from "../slow-service.js";
import { endProcess, isAlive, localMs, mark, note, type SimProcess, timer, wallMs } from "../world.js";
import { createHandlerLimit } from "./handler-limit.js";
import { helloOf, newBootId } from "./hello.js";
import { openLfdLink } from "./server-lfd-link.js";

type Recovered = Extract<StoreResult, { kind: "recovered" }>;

/** As server/process/main.ts: lock, store, state, core, listener, LFD. */
export function runServer(installation: Installation, process: SimProcess, spec: GroupSpec, replica: ReplicaId): void {
  const { world } = installation;
  timer(world, process, world.chance.process.between(5, 40) * process.slowness, () => {
    const { locks } = process.host;
    const holder = locks.get(replica);
    if (holder !== undefined && isAlive(holder)) {
      note(world, process.name, "folder-in-use", () => `pid ${holder.pid} holds it`);
      mark(world, "folder-in-use");
      return endProcess(world, process, 1, null);
    }
    locks.set(replica, process);
    openStore(installation, process, spec, replica);
  });
}

/** Opens the store; a damaged one is set aside, never repaired (S5c, S5d), and a new incarnation begins. */
function openStore(installation: Installation, process: SimProcess, spec: GroupSpec, replica: ReplicaId): void {
  const { world } = installation;
  const disk = diskOf(process, spec, replica);
  let route = onFirst;
  const fresh = incarnation(world.chance.ids.hex(32));
  const config = {
    clusterId: world.clusterId,
    group: spec.group,
    replica,
    durability: spec.durability,
    freshIncarnation: fresh,
    segmentSizeBytes: installation.plan.segmentSizeBytes,
    sliceSizeBytes: installation.plan.sliceSizeBytes,
  };
  const store = openReplicaDisk(world, process, disk, config, (result) => route(result));
  process.atDeath.push(() => killDisk(world.chance.disk, disk));
  store.submit({ kind: "recover" });

  function onFirst(result: StoreResult): void {
    if (result.kind === "recovered") {
      installation.observer.onRecovered(process.name, result, disk);
      incarnations.set(disk, result.identity.incarnation);
      const server = startReplica(installation, process, spec, replica, disk, store, result);
      route = server.onResult;
    } else if (result.kind === "damaged") {
      note(world, process.name, "damaged", () => `${result.where}: ${result.what}`);
      mark(world, "log-damaged");
      if (!disk.flipped && !disk.maimed) installation.observer.onUncausedDamage(process.name, `${result.where}: ${result.what}`);
      setAside(installation, process, spec, replica);
      openStore(installation, process, spec, replica);
    } else if (result.kind === "failed" || result.kind === "unsupported") endProcess(world, process, 70, null);
  }
}

function diskOf(process: SimProcess, spec: GroupSpec, replica: ReplicaId): SimDisk {
  if (spec.durability === "memory") return createSimDisk();
  const { disks } = process.host;
  const known = disks.get(replica);
  if (known !== undefined) return known;
  const fresh = createSimDisk();
  disks.set(replica, fresh);
  return fresh;
}

function setAside(installation: Installation, process: SimProcess, spec: GroupSpec, replica: ReplicaId): void {
  const { disks } = process.host;
  installation.observer.onSetAside(incarnationOn(disks.get(replica)));
  if (spec.durability === "disk") disks.set(replica, createSimDisk());
}

const incarnations = new WeakMap<SimDisk, Incarnation>();

/** Whose data is on a disk, as far as the world knows. */
export function incarnationOn(disk: SimDisk | undefined): Incarnation | null {
  return disk === undefined ? null : (incarnations.get(disk) ?? null);
}

function startReplica(
  installation: Installation,
  process: SimProcess,
  spec: GroupSpec,
  name: ReplicaId,
  disk: SimDisk,
  store: ReplicaDisk,
  recovered: Recovered,
) {
  const { world, network, plan, observer } = installation;
  const { host } = process;
  const boot = newBootId(world);
  const own = recovered.identity.incarnation;
  let completions: ExecutionCompletion[] = [];
  const machine =
    plan.guest?.machine(world, process) ?? (plan.slowHandlers ? slowMachine(world, plan.service) : serviceMachine(plan.service));
  const executor: Executor = createExecutor(machine, {
    onProgress: createHandlerLimit(world, process, () => executor),
    onCompletion(completion) {
      completions.push(completion);
      if (completions.length === 1) driver.push({ kind: "executions-completed", completions: [] });
    },
  });
  const replica = createReplica({
    group: spec.group,
    replica: name,
    incarnation: own,
    bootId: boot,
    knobs: spec,
    poisonReply: encodeValue({ code: "poison", message: ERRORS.poison.means }),
    timings: plan.timings,
    bounds: plan.bounds,
  });
  const server: RunningServer = { process, replica, executor, incarnation: own, disk };
  observer.onStart(server);
  process.atDeath.push(() => {
    world.awaiting.delete(process);
    observer.onEnd(server);
  });
  const hello = (): Hello =>
    helloOf(world.clusterId, "server", boot, { group: spec.group, replica: name, incarnation: own, hostId: host.hostId });
  let steps = 0;

  const driver = createSimDriver<ReplicaEvent, ReplicaEffect>(world, process, {
    step(nowMs, event, effects) {
      steps += 1;
      if (event.kind !== "executions-completed") return step(replica, nowMs, event, effects);
      const batch = completions;
      completions = [];
      step(replica, nowMs, { kind: "executions-completed", completions: batch }, effects);
    },
    nextWakeMs: () => nextWakeMs(replica),
    wake: () => ({ kind: "woken" }),
    finish(nowMs, effects) {
      step(replica, nowMs, { kind: "drained" }, effects);
      observer.onTurn(server, effects);
    },
    perform,
    performed: () => observer.onPerformed(server),
  });

  const promises = new Map<number, Epoch>();
  const connections = new Map<number, SimConnection>();
  const opened = (connection: SimConnection, outbound: boolean): void => {
    connections.set(connection.id, connection);
    const { role, replica: peer, incarnation: peerIncarnation, bootId } = connection.peer;
    driver.push({
      kind: "connection-opened",
      connection: connection.id,
      peer: { role, replica: peer, incarnation: peerIncarnation, bootId },
      outbound,
    });
  };
  const readWallClock = (): number => {
    const nowMs = wallMs(world, host);
    if (nowMs < replica.logTimeMs) mark(world, "wall-clock-behind-log");
    return nowMs;
  };
  const onMessage = (connection: SimConnection, message: Message): void => {
    const event = eventOfMessage(connection, message, {
      digest: requestDigest,
      wallMs: readWallClock,
      seed: () => world.chance.process.uint32(),
    });
    if (event === null) connection.close(`${message.kind} is not expected`);
    else {
      observer.onHeard(server, connection.id, message);
      driver.push(event);
    }
  };
  const onClose = (connection: SimConnection): void => {
    if (connections.delete(connection.id)) driver.push({ kind: "connection-closed", connection: connection.id });
  };
  const links = createLinks(installation, process, hello, { onOpen: (connection) => opened(connection, true), onMessage, onClose });
  const later: Later = (delayMs, run) => timer(world, process, delayMs === 0 ? 0.05 : delayMs, run);
  const snapshots = createSnapshotWriter(executor, store, later);
  const loader = createStateLoader(executor, store, later);

  function perform(effect: ReplicaEffect): void {
    switch (effect.kind) {
      case "send":
        connections.get(effect.connection)?.send(effect.message);
        return;
      case "close":
        note(world, process.name, "closes", () => effect.reason);
        observer.onClose(server, effect.reason);
        connections.get(effect.connection)?.close(effect.reason);
        return;
      case "link":
        return links(effect.replicas, effect.book);
      case "persist":
        observer.onPersist(server, effect.ticket, effect.truncateAfter, effect.entries);
        return store.submit(effect);
      case "persist-promise":
        promises.set(effect.ticket, effect.promise);
        return store.submit(effect);
      case "execution":
        if (effect.command.kind === "execute" && isDeadly(installation, process, effect.command.requestKey)) return;
        return executor.submit(effect.command);
      case "capture-snapshot":
        mark(world, "checkpoint");
        return snapshots.start(effect);
      case "read-snapshot": {
        const { ticket, snapshotIndex, offsetBytes, sizeBytes } = effect;
        return store.submit({ kind: "read-snapshot", ticket, index: snapshotIndex, offsetBytes, sizeBytes });
      }
      case "store-slice": {
        const { ticket, transfer, offsetBytes, bytes } = effect;
        return store.submit({ kind: "receive-slice", ticket, ...transfer, offsetBytes, bytes });
      }
      case "install-snapshot":
        snapshots.abort();
        mark(world, effect.keepLog ? "snapshot-adopted" : "snapshot-installed");
        loader.expectInstall(effect.load);
        return store.submit({ kind: "install-received", ticket: effect.ticket, keepLog: effect.keepLog });
      case "load-state":
        mark(world, "state-loaded");
        return loader.start(() => driver.push({ kind: "state-loaded", ticket: effect.ticket }));
      case "unload-state":
        mark(world, "state-unloaded");
        return executor.reset();
      case "drop-log":
        return store.submit({ kind: "drop-log", throughIndex: effect.throughIndex });
      case "drop-snapshots":
        return store.submit({ kind: "release-snapshots", exceptIndexes: effect.usedIndexes });
      case "end-process":
        note(world, process.name, "ends", () => effect.reason);
        mark(world, effect.discard ? "server-discards" : "server-ends-itself");
        if (effect.discard) setAside(installation, process, spec, name);
        return endProcess(world, process, effect.discard ? 71 : 70, null);
      case "note":
        return note(world, process.name, `note ${effect.level}`, () => effect.text);
      case "reached":
        mark(world, `reached-${effect.point}`);
        if (installation.failpoints.delete(effect.point)) endProcess(world, process, null, "SIGKILL");
        return;
      default:
        return unreachable(effect);
    }
  }

  function onResult(result: StoreResult): void {
    if (result.kind === "state-slice") return loader.onSlice(result);
    if (result.kind === "snapshot-room") return snapshots.onRoom();
    if (result.kind === "persisted") observer.onPersisted(server, result.ticket);
    if (result.kind === "promise-persisted") {
      const promise = promises.get(result.ticket);
      promises.delete(result.ticket);
      if (promise !== undefined) observer.onPromised(server, promise);
    }
    if (result.kind === "installed") {
      const { ticket, meta } = result;
      if (replica.receiving?.adopting !== true) observer.onInstalled(server, meta.index);
      return loader.onInstalled(() =>
        buildTable(result.table, later, (table) =>
          driver.push({ kind: "snapshot-installed", ticket, record: snapshotRecord(meta), table }),
        ),
      );
    }
    const event = eventOfResult(result, snapshots.takeFinished());
    if (event !== null) driver.push(event);
  }

  function begin(table: SessionTable): void {
    const { snapshot } = recovered;
    driver.push({
      kind: "recovered",
      promise: recovered.promise,
      activeView: recovered.activeView,
      blank: recovered.blank,
      cold: recoversCold(recovered.activeView, spec, snapshot !== null),
      snapshot: snapshot === null ? null : { record: snapshotRecord(snapshot.meta), table },
      entries: recovered.entries,
      transfer: transferOf(recovered.partial),
    });
    const address = listen(world, network, process, null, {
      hello,
      accepts: (peer) => (peer.group !== null && peer.group !== spec.group ? "another group" : null),
      onOpen: (connection) => opened(connection, false),
      onMessage,
      onClose,
    });
    openLfdLink(installation, server, hello, address, () => pulse());
  }

  const stuckMs = createStuckWatch(executor);
  function pulse(): Pulse {
    const nowMs = localMs(world, host);
    return {
      workCount: executor.workCount() + steps,
      eventLoopDelayMs: process.slowness > 1 ? process.slowness : 0,
      heapBytes: 50_000_000,
      oldestFsyncMs: store.oldestWriteMs(nowMs),
      stuckMs: stuckMs(nowMs),
      executing: executor.executing(),
    };
  }

  buildTable(recovered.snapshot?.table ?? null, later, begin);
  return { onResult };
}

/** As server/process/links.ts. */
function createLinks(
  installation: Installation,
  process: SimProcess,
  hello: () => Hello,
  events: {
    onOpen(connection: SimConnection): void;
    onMessage(connection: SimConnection, message: Message): void;
    onClose(connection: SimConnection): void;
  },
): (replicas: readonly ReplicaId[], book: AddressBook) => void {
  const { world, network } = installation;
  const dialers = new Map<ReplicaId, { readonly dialer: SimDialer; readonly key: string }>();
  let book: AddressBook["entries"] = [];
  const entryOf = (replica: ReplicaId) => book.find((entry) => entry.replica === replica);
  const bootOf = (replica: ReplicaId): string => entryOf(replica)?.bootId ?? "";
  return (replicas, newBook) => {
    book = newBook.entries;
    for (const [replica, link] of dialers) {
      if (replicas.includes(replica) && link.key === bootOf(replica)) continue;
      link.dialer.close();
      dialers.delete(replica);
    }
    for (const replica of replicas) {
      if (dialers.has(replica)) continue;
      const dialer = dial(world, network, process, {
        address: () => entryOf(replica)?.address ?? null,
        hello,
        accepts: (peer) => (peer.replica === replica ? null : "another replica"),
        ...events,
        backoffMinMs: SERVER_REDIAL_MS_MIN,
        backoffMaxMs: 200,
      });
      dialers.set(replica, { dialer, key: bootOf(replica) });
    }
  };
}
