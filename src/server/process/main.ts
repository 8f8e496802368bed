import { requestDigest } from "../../codec/digest.js";
import { createAfterwards } from "../../runtime/afterwards.js";
import { monotonicMs, wallMs } from "../../runtime/clock.js";
import { endWithSupervisor } from "../../runtime/child.js";
import type { Connection } from "../../runtime/connection.js";
import { makeFolderDurably } from "../../runtime/folder.js";
import { createDriver, exitFatally } from "../../runtime/driver.js";
import { openExecutingMark } from "../../runtime/executing-mark.js";
import { lockFolder } from "../../runtime/folder-lock.js";
import { listen } from "../../runtime/listener.js";
import { createLogger } from "../../runtime/log.js";
import { CONNECTIONS_MAX } from "../../runtime/open-files.js";
import { randomId, randomSeed } from "../../runtime/random.js";
import type { ExecutionCompletion } from "../../vocabulary/execution.js";
import { bootId } from "../../vocabulary/ids.js";
import { LIMITS, PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { ReplicaEffect } from "../core/effect.js";
import type { ReplicaEvent } from "../core/event.js";
import { reportOf } from "../core/report.js";
import type { SessionTable } from "../core/session-record.js";
import { nextWakeMs, step } from "../core/step.js";
import { recoversCold } from "../core/warmth.js";
import { checkHello, checkRoom, eventOfMessage } from "../shell/inbound.js";
import { noteLateUses } from "./late-use.js";
import { readLaunchFile } from "./launch-file.js";
import { openLfdLink } from "./lfd-link.js";
import { createLinks } from "./links.js";
import { ownReplica } from "./own-replica.js";
import { canWait, isForExecutor, performEffect, type Workshop } from "./perform.js";
import { createPulse } from "./pulse.js";
import { recoverDisk, Unsupported } from "./recovery.js";
import { createRoom } from "./room.js";
import { readSetAside, setAside } from "./set-aside.js";
import { rehearse } from "./rehearsal.js";
import { hostService } from "./service-host.js";
import { createSnapshotWriter, type Later } from "../shell/snapshot-writer.js";
import { createStateLoader } from "../shell/state-loader.js";
import { buildTable } from "../shell/table-builder.js";
import { eventOfResult, snapshotRecord, transferOf } from "../shell/store-events.js";

export interface ServerOptions {
  /** The replica's folder. */
  readonly dir: string;
  readonly specFile: string;
}

/** Exit code of a replica that set its data aside: the next start is a new incarnation. */
const EXIT_DISCARD = 71;
const EXIT_FAILED = 70;
/** Starting it again will not help. */
const EXIT_REFUSED = 78;
/** Handlers may keep the thread so long before sockets are read again: a busy service must not look like one that hangs. */
const EXECUTION_SLICE_MS = 5;

/** Runs one replica until the process ends. */
export async function runServer(options: ServerOptions): Promise<void> {
  const launch = readLaunchFile(options.specFile);
  const log = createLogger(`server ${launch.replica}`);
  makeFolderDurably(options.dir);
  await lockFolder(options.dir);
  const mark = openExecutingMark(options.dir);
  const boot = bootId(randomId());
  const { spec } = launch;
  noteLateUses(
    process,
    (text) => log.warn(text),
    (reason) => end(reason, false),
  );

  let completions: ExecutionCompletion[] = [];
  let sliceEndMs = 0;
  const { executor } = await hostService(spec.service, {
    onCompletion: (completion) => {
      completions.push(completion);
      if (completions.length === 1) driver.push({ kind: "executions-completed", completions: [] });
    },
    onProgress: () => scheduleTick(),
    onExecuting: (requestKey) => mark.set(requestKey),
    isTimeUp: () => monotonicMs() >= sliceEndMs,
    onYield: () =>
      setImmediate(() => {
        sliceEndMs = monotonicMs() + EXECUTION_SLICE_MS;
        executor.resume();
      }),
    onNote: (text) => log.warn(text),
    onFatal: (error) => end(`the executor failed: ${error.stack ?? error.message}`, false),
  });
  const { disk, slices, recovered, route } = await recoverDisk(options.dir, launch, (text) => log.warn(text)).catch((error: unknown) => {
    if (!(error instanceof Unsupported)) throw error;
    log.error(error.message);
    return process.exit(EXIT_REFUSED);
  });
  const damages = readSetAside(options.dir);
  const replica = ownReplica(launch, recovered.identity.incarnation, boot);
  let stepCount = 0;
  const hello = (): Hello => ({
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId: launch.clusterId,
    role: "server",
    bootId: boot,
    group: spec.group,
    replica: launch.replica,
    incarnation: recovered.identity.incarnation,
    hostId: launch.hostId,
  });

  function end(reason: string, discard: boolean): void {
    log.error(reason);
    if (!discard) process.exit(EXIT_FAILED);
    const { keptIn } = setAside(options.dir, { where: "the replicated state", what: reason });
    log.error(`The data is kept in ${keptIn}; the next start is a new incarnation.`);
    process.exit(EXIT_DISCARD);
  }

  const stepReplica = (nowMs: number, event: ReplicaEvent, effects: ReplicaEffect[]): void => {
    stepCount += 1;
    // Completions that came meanwhile travel as one event.
    if (event.kind !== "executions-completed") return step(replica, nowMs, event, effects);
    const batch = completions;
    completions = [];
    step(replica, nowMs, { kind: "executions-completed", completions: batch }, effects);
  };

  const afterwards = createAfterwards<ReplicaEffect>((effects) => {
    for (const effect of effects) performEffect(shop, effect);
  });
  const driver = createDriver<ReplicaEvent, ReplicaEffect>({
    step: stepReplica,
    nextWakeMs: () => nextWakeMs(replica),
    wake: () => ({ kind: "woken" }),
    perform: performTurn,
  });

  /** What goes to the disk and to others leaves first; then the executor has the thread; then people and clients are told what can wait. */
  function performTurn(before: readonly ReplicaEffect[]): void {
    mark.settle();
    const effects = [...before];
    step(replica, monotonicMs(), { kind: "drained" }, effects);
    const commands: ReplicaEffect[] = [];
    for (const effect of effects) {
      if (isForExecutor(effect)) commands.push(effect);
      else if (!canWait(effect)) performEffect(shop, effect);
    }
    afterwards(effects.filter(canWait));
    // Messages are written to their sockets at the end of this tick.
    if (commands.length > 0) process.nextTick(execute, commands);
  }

  function execute(commands: readonly ReplicaEffect[]): void {
    sliceEndMs = Math.max(sliceEndMs, monotonicMs() + EXECUTION_SLICE_MS);
    try {
      for (const command of commands) performEffect(shop, command);
    } catch (error) {
      exitFatally(error);
    }
  }

  const connections = new Map<number, Connection>();
  const events = {
    onOpen: (connection: Connection, outbound: boolean) => {
      connections.set(connection.id, connection);
      driver.push({ kind: "connection-opened", connection: connection.id, peer: connection.peer, outbound });
      if (connection.peer.role !== "rm") return;
      for (const found of damages) connection.send({ kind: "damage-found", group: spec.group, replica: launch.replica, ...found });
    },
    onMessage: (connection: Connection, message: Message) => {
      const event = eventOfMessage(connection, message, { digest: requestDigest, wallMs, seed: randomSeed });
      if (event === null) connection.close(`A ${message.kind} from a ${connection.peer.role} is not expected here.`);
      else driver.push(event);
    },
    onClose: (connection: Connection) => {
      if (connections.delete(connection.id)) driver.push({ kind: "connection-closed", connection: connection.id });
    },
  };
  const later: Later = (delayMs, run) => {
    if (delayMs === 0) setImmediate(run);
    else setTimeout(run, delayMs);
  };
  const snapshots = createSnapshotWriter(executor, disk, later);
  const loader = createStateLoader(executor, disk, later);
  const shop: Workshop = {
    folder: options.dir,
    connections,
    links: createLinks(hello, events),
    disk,
    slices,
    executor,
    snapshots,
    loader,
    onStateLoaded: (ticket) => driver.push({ kind: "state-loaded", ticket }),
    note: (level, text) => log[level](text),
    end,
  };

  // An asynchronous handler's limit: the executor has no timer of its own.
  let tick: NodeJS.Timeout | null = null;
  function scheduleTick(): void {
    if (tick !== null) clearTimeout(tick);
    tick = null;
    const wakeMs = executor.nextWakeMs();
    if (wakeMs === Number.POSITIVE_INFINITY) return;
    tick = setTimeout(
      () => {
        executor.tick(monotonicMs());
        scheduleTick();
      },
      Math.max(0, wakeMs - monotonicMs()),
    );
  }

  route((result) => {
    if (result.kind === "state-slice") return loader.onSlice(result);
    if (result.kind === "snapshot-room") return snapshots.onRoom();
    if (result.kind === "installed") {
      const { ticket, meta } = result;
      return loader.onInstalled(() =>
        buildTable(result.table, later, (table) =>
          driver.push({ kind: "snapshot-installed", ticket, record: snapshotRecord(meta), table }),
        ),
      );
    }
    const event = eventOfResult(result, snapshots.takeFinished());
    if (event !== null) driver.push(event);
  });
  rehearse(spec.style);
  const { snapshot } = recovered;
  const table = await new Promise<SessionTable>((resolve) => buildTable(snapshot?.table ?? null, later, resolve));
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
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    hello,
    accepts: (peer) =>
      checkHello(peer, { clusterId: launch.clusterId, group: spec.group }) ?? checkRoom(peer, connections.size, CONNECTIONS_MAX),
    onOpen: (connection) => events.onOpen(connection, false),
    onMessage: events.onMessage,
    onClose: (connection) => events.onClose(connection),
    connectionsMax: CONNECTIONS_MAX,
  });
  const room = spec.durability === "disk" ? createRoom(options.dir, disk) : () => null;
  openLfdLink(
    {
      lfdAddressFile: launch.lfdAddressFile,
      hello,
      address: () => listener.address,
      report() {
        const roomShort = room();
        return roomShort === null ? reportOf(replica) : { ...reportOf(replica), roomShort };
      },
      pulse: createPulse(executor, disk, monotonicMs, () => stepCount),
    },
    monotonicMs,
  );
  if (CONNECTIONS_MAX < LIMITS.connectionsMax)
    log.warn(`No more than ${CONNECTIONS_MAX} connections are taken, half of the files that this process may have open (ulimit -n).`);
  log.info(`${launch.replica} is up, incarnation ${recovered.identity.incarnation}, listening on port ${listener.address.port}`);
  endWithSupervisor(launch.systemDir);
}
