import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readAddress, writeAddress } from "../../runtime/address-file.js";
import { endWithSupervisor, recordedProcess } from "../../runtime/child.js";
import { monotonicMs, wallMs } from "../../runtime/clock.js";
import type { Connection } from "../../runtime/connection.js";
import { dial } from "../../runtime/dialer.js";
import { createDriver, type Driver } from "../../runtime/driver.js";
import { readExecutingMark } from "../../runtime/executing-mark.js";
import { createExitWatch } from "../../runtime/exit-watch.js";
import { makeFolderDurably } from "../../runtime/folder.js";
import { lockFolder } from "../../runtime/folder-lock.js";
import { boundLogs } from "../../runtime/log-file.js";
import { listenAgain } from "../../runtime/listen-again.js";
import { createLogger, type Logger } from "../../runtime/log.js";
import { CONNECTIONS_MAX } from "../../runtime/open-files.js";
import { hasKernelView, processInfo, signalProcess, startTimeOf } from "../../runtime/process-info.js";
import { randomId } from "../../runtime/random.js";
import { unreachable } from "../../vocabulary/assert.js";
import { bootId, type ClusterId, type HostId, type ReplicaId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Role } from "../../vocabulary/message.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { Address } from "../../vocabulary/view.js";
import type { KernelView, LfdEffect, LfdEvent } from "../core/event.js";
import { createLfd, LFD_TIMES } from "../core/state.js";
import { lfdNextWakeMs, stepLfd } from "../core/step.js";
import { type ServerCommand, serverCommand } from "./server-command.js";
import { hasServer, setAsideFolder, startServer } from "./server-start.js";
import { createTableWriter, loadTable } from "./table-file.js";

export interface LfdOptions {
  /** The data folder of the system. */
  readonly dir: string;
  readonly hostId: HostId;
  readonly clusterId: ClusterId;
  readonly knobs: DetectorKnobs;
  readonly stoppedGraceMs?: number;
  /** How a server is started: what stands before `server --dir DIR --spec FILE`. Default: this very program. */
  readonly serverCommand?: ServerCommand;
}

export interface LfdProcess {
  readonly address: Address;
  close(): Promise<void>;
}

const ROLES_SERVED: readonly Role[] = ["server", "rm", "gateway", "client"];
const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 200;
const CONNECT_TIMEOUT_MS = 1_000;
/** How often a server's process is looked at for its end: what is waited here, its clients wait. */
const EXIT_POLL_MS = 4;
const CLEARING_MS_MAX = 2_000;

/** The shell of the LFD: turns sockets, /proc, children and one file into events, and effects into them. Rejects with a sentence for the reader. */
export async function startLfd(options: LfdOptions): Promise<LfdProcess> {
  const { dir, hostId, clusterId } = options;
  const log = createLogger("lfd");
  const folder = join(dir, "lfd");
  makeFolderDurably(folder);
  const lock = await lockFolder(folder);
  const boot = bootId(randomId());
  const state = createLfd({
    hostId,
    bootId: boot,
    pid: process.pid,
    knobs: options.knobs,
    table: loadTable(dir),
    nowMs: monotonicMs(),
    times: { ...LFD_TIMES, stoppedGraceMs: options.stoppedGraceMs ?? LFD_TIMES.stoppedGraceMs },
  });
  const connections = new Map<number, Connection>();
  const writer = createTableWriter(
    dir,
    (version) => driver.push({ kind: "table-saved", version }),
    (reason) => {
      // It must not start what it could forget. Servers run on; the next LFD adopts them.
      log.fatal({ reason }, "the table of servers cannot be written: the LFD ends");
      process.exit(1);
    },
  );
  const driver: Driver<LfdEvent> = createDriver<LfdEvent, LfdEffect>({
    step: (nowMs, event, effects) => stepLfd(state, nowMs, event, effects),
    nextWakeMs: () => lfdNextWakeMs(state),
    wake: () => ({ kind: "woken" }),
    perform: (effects) => {
      for (const effect of effects) perform(effect);
    },
  });

  const exits = createExitWatch(EXIT_POLL_MS, (name, pid) => observed(name as ReplicaId, pid));

  function observed(replica: ReplicaId, pid: number): void {
    driver.push({ kind: "process-observed", replica, pid, view: kernelView(pid), executing: executingOf(replica) });
  }

  const executingOf = (replica: ReplicaId): string | null => readExecutingMark(join(dir, "replicas", replica));

  function perform(effect: LfdEffect): void {
    switch (effect.kind) {
      case "save-table":
        writer.save(effect.version, effect.table, effect.urgent);
        return;
      case "spawn-server":
        void spawnServer(effect);
        return;
      case "signal-process":
        log.info(effect, "signalling a server");
        signalProcess(effect.pid, effect.startTime, effect.signal);
        return;
      case "observe-process":
        exits.follow(effect.replica, effect.pid);
        observed(effect.replica, effect.pid);
        return;
      case "set-aside-folder": {
        const label = `${wallMs().toString().padStart(14, "0")}-${boot.slice(0, 6)}`;
        driver.push({ kind: "folder-set-aside", replica: effect.replica, error: setAsideFolder(dir, effect.replica, label) });
        return;
      }
      case "send":
        if (effect.message.kind === "fault") log.info(effect.message, "verdict");
        connections.get(effect.connection)?.send(effect.message);
        return;
      case "close":
        log.warn({ reason: effect.reason }, "closing a connection");
        connections.get(effect.connection)?.close(effect.reason);
        return;
      default:
        unreachable(effect);
    }
  }

  async function spawnServer({ replica, spec }: Extract<LfdEffect, { kind: "spawn-server" }>): Promise<void> {
    await untilCleared(dir, replica);
    const spawning = await startServer({
      dir,
      command: options.serverCommand ?? serverCommand(process),
      server: { spec, replica, hostId, clusterId, lfdAddressFile: join(dir, "run", "addresses", "lfd.json"), systemDir: dir },
      onExit: (pid, code, signal, words) => {
        exits.forget(replica, pid);
        driver.push({ kind: "process-exited", replica, pid, code, signal, lastWords: words, executing: executingOf(replica) });
      },
    });
    log.info({ replica, ...(spawning.ok ? { server: spawning.child.pid } : { reason: spawning.reason }) }, "starting a server");
    if (spawning.ok) driver.push({ kind: "process-spawned", replica, pid: spawning.child.pid, startTime: spawning.child.startTime });
    else driver.push({ kind: "spawn-failed", replica, reason: spawning.reason });
  }

  const hello = (): Hello => ({
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId,
    role: "lfd",
    bootId: boot,
    group: null,
    replica: null,
    incarnation: null,
    hostId,
  });
  const exchange = {
    hello,
    onMessage: (connection: Connection, message: Parameters<Connection["send"]>[0]) =>
      driver.push({ kind: "message-received", connection: connection.id, peer: connection.peer, message }),
    onClose: (connection: Connection) => {
      connections.delete(connection.id);
      driver.push({ kind: "connection-closed", connection: connection.id });
    },
  };
  const listener = await listenAgain(dir, "lfd", {
    ...exchange,
    connectionsMax: CONNECTIONS_MAX,
    accepts: (peer) => whyNotAccept(peer, clusterId, ROLES_SERVED),
    onOpen: (connection) => connections.set(connection.id, connection),
  });
  writeAddress(dir, "lfd", { ...listener.address, pid: process.pid, startTime: startTimeOf(process.pid) ?? 0, bootId: boot });
  driver.push({ kind: "listening", address: listener.address });
  const gfd = dial({
    ...exchange,
    address: () => readAddress(dir, "gfd"),
    accepts: (peer) => whyNotAccept(peer, clusterId, ["gfd"]),
    onOpen: (connection) => {
      connections.set(connection.id, connection);
      driver.push({ kind: "gfd-connected", connection: connection.id });
    },
    backoffMinMs: BACKOFF_MIN_MS,
    backoffMaxMs: BACKOFF_MAX_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  });
  // The components are `up`'s to look after.
  const letLogsGrow = boundLogs(dir, (name) => hasServer(dir, name));
  endWithSupervisor(dir);
  announce(log, listener.address);
  return {
    address: listener.address,
    async close() {
      letLogsGrow();
      exits.close();
      writer.close();
      gfd.close();
      await listener.close();
      driver.stop();
      await lock.release();
    },
  };
}

function announce(log: Logger, address: Address): void {
  log.info({ address }, "the LFD listens");
  if (!hasKernelView()) log.warn("there is no /proc on this platform: stopped servers are found by missing heartbeats alone");
}

function whyNotAccept(peer: Hello, clusterId: ClusterId, roles: readonly Role[]): string | null {
  if (peer.clusterId !== clusterId) return `this is the LFD of system ${clusterId}, the caller belongs to ${peer.clusterId}`;
  return roles.includes(peer.role) ? null : `an LFD has no business with a peer of role ${peer.role}`;
}

function kernelView(pid: number): KernelView {
  const info = processInfo(pid);
  if (info === null) return { state: "absent", startTime: 0, cpuMs: 0 };
  if (!hasKernelView()) return { state: "unknown", startTime: 0, cpuMs: 0 };
  // It runs nothing of the program any more: all that is left of it is being cleared away.
  return info.exiting ? { ...info, state: "zombie" } : info;
}

/** A dead process holds the lock of its folder until the kernel has cleared it away, which can take longer than a start. Its pid may stay for ever. */
async function untilCleared(dir: string, replica: ReplicaId): Promise<void> {
  const endMs = monotonicMs() + CLEARING_MS_MAX;
  const isLeft = () => {
    const record = recordedProcess(dir, replica);
    return record !== null && processInfo(record.pid)?.cleared === false;
  };
  while (isLeft() && monotonicMs() < endMs) await pause(EXIT_POLL_MS);
}
