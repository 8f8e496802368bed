import type { KernelView, LfdEffect, LfdEvent } from "../../lfd/core/event.js";
import { createLfd, LFD_TIMES } from "../../lfd/core/state.js";
import { lfdNextWakeMs, stepLfd } from "../../lfd/core/step.js";
import { decodeTable, type LfdTable } from "../../lfd/core/table.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { Hello } from "../../vocabulary/message.js";
import { createSimDriver } from "../driver.js";
import type { Installation } from "../installation.js";
import { dial, listen, type SimConnection } from "../network.js";
import {
  after,
  continueProcess,
  endProcess,
  localMs,
  mark,
  reach,
  type SimHost,
  type SimProcess,
  startProcess,
  stopProcess,
  type World,
} from "../world.js";
import { helloOf, newBootId } from "./hello.js";
import { lfdName } from "./lfd-name.js";
import { incarnationOn, runServer } from "./server-shell.js";

const TABLE = "lfd-table";

/** As lfd/process/lfd.ts, with the kernel and the file system of a simulated host. */
export function runLfd(installation: Installation, process: SimProcess): void {
  const { world, network } = installation;
  const { host } = process;
  const boot = newBootId(world);
  const state = createLfd({
    hostId: host.hostId,
    bootId: boot,
    pid: process.pid,
    knobs: installation.plan.lfdKnobs,
    table: loadTable(host),
    nowMs: localMs(world, host),
    times: LFD_TIMES,
  });
  const connections = new Map<number, SimConnection>();
  const saveTable = createTableWriter(world, process, (version) => driver.push({ kind: "table-saved", version }));
  const driver = createSimDriver<LfdEvent, LfdEffect>(world, process, {
    step: (nowMs, event, effects) => stepLfd(state, nowMs, event, effects),
    nextWakeMs: () => lfdNextWakeMs(state),
    wake: () => ({ kind: "woken" }),
    perform,
  });

  function perform(effect: LfdEffect): void {
    switch (effect.kind) {
      case "save-table":
        return saveTable(effect.version, effect.table);
      case "spawn-server":
        return spawnServer(effect);
      case "signal-process":
        return signal(world, effect.pid, effect.startTime, effect.signal);
      case "observe-process":
        return driver.push({
          kind: "process-observed",
          replica: effect.replica,
          pid: effect.pid,
          view: kernelView(world, effect.pid),
          executing: world.processes.get(effect.pid)?.executing ?? null,
        });
      case "set-aside-folder":
        installation.observer.onDiscarded(effect.replica, incarnationOn(host.disks.get(effect.replica)));
        host.disks.delete(effect.replica);
        mark(world, "folder-set-aside");
        return driver.push({ kind: "folder-set-aside", replica: effect.replica, error: null });
      case "send":
        connections.get(effect.connection)?.send(effect.message);
        return;
      case "close":
        connections.get(effect.connection)?.close(effect.reason);
        return;
      default:
        return unreachable(effect);
    }
  }

  function spawnServer({ replica, spec }: Extract<LfdEffect, { kind: "spawn-server" }>): void {
    after(world, world.chance.process.between(1, 5), () => {
      if (process.state !== "running" && process.state !== "stopped") return;
      const child = startProcess(world, host, replica, process);
      host.files.set(`process ${replica}`, { pid: child.pid, startTime: child.startTime });
      child.onExit = (code, name) =>
        driver.push({ kind: "process-exited", replica, pid: child.pid, code, signal: name, lastWords: "", executing: child.executing });
      runServer(installation, child, spec, replica);
      reach(process, () => driver.push({ kind: "process-spawned", replica, pid: child.pid, startTime: child.startTime }));
    });
  }

  const hello = (): Hello => helloOf(world.clusterId, "lfd", boot, { hostId: host.hostId });
  const exchange = {
    hello,
    onMessage: (connection: SimConnection, message: Parameters<SimConnection["send"]>[0]) =>
      driver.push({ kind: "message-received", connection: connection.id, peer: connection.peer, message }),
    onClose(connection: SimConnection) {
      connections.delete(connection.id);
      driver.push({ kind: "connection-closed", connection: connection.id });
    },
  };
  const address = listen(world, network, process, lfdName(host), {
    ...exchange,
    accepts: (peer) => (peer.clusterId === world.clusterId ? null : "another cluster"),
    onOpen: (connection) => void connections.set(connection.id, connection),
  });
  driver.push({ kind: "listening", address });
  dial(world, network, process, {
    ...exchange,
    address: () => world.addresses.get("gfd") ?? null,
    accepts: (peer) => (peer.role === "gfd" ? null : "no GFD"),
    onOpen(connection) {
      connections.set(connection.id, connection);
      driver.push({ kind: "gfd-connected", connection: connection.id });
    },
    backoffMinMs: 10,
    backoffMaxMs: 200,
  });
}

/** A process that was started but not noted is found by its record. */
function loadTable(host: SimHost): LfdTable | null {
  const stored = host.files.get(TABLE);
  if (stored === undefined) return null;
  const decoded = decodeTable(stored);
  if (!decoded.ok) throw new Error(decoded.reason);
  const rows = decoded.table.rows.map((row) => {
    const record = row.pid === null && !row.ended ? recordOf(host, row.replica) : null;
    return record === null ? row : { ...row, ...record };
  });
  return { formatVersion: 1, rows };
}

function recordOf(host: SimHost, replica: string): { pid: number; startTime: number } | null {
  const record = host.files.get(`process ${replica}`);
  if (typeof record !== "object" || record === null || !("pid" in record) || !("startTime" in record)) return null;
  return typeof record.pid === "number" && typeof record.startTime === "number" ? { pid: record.pid, startTime: record.startTime } : null;
}

/** One write at a time, the newest of those that wait; a crash leaves the old content or the new. */
function createTableWriter(
  world: World,
  process: SimProcess,
  onSaved: (version: number) => void,
): (version: number, table: LfdTable) => void {
  let waiting: { readonly version: number; readonly table: LfdTable } | null = null;
  let writing = false;
  const run = (): void => {
    const next = waiting;
    if (next === null) return;
    waiting = null;
    writing = true;
    after(world, world.chance.disk.between(world.settings.diskMinMs, world.settings.diskMaxMs), () => {
      if (process.state === "absent" || process.state === "zombie") {
        if (world.chance.disk.happens(0.5)) process.host.files.set(TABLE, next.table);
        return;
      }
      process.host.files.set(TABLE, next.table);
      writing = false;
      reach(process, () => onSaved(next.version));
      run();
    });
  };
  return (version, table) => {
    waiting = { version, table };
    if (!writing) run();
  };
}

function kernelView(world: World, pid: number): KernelView {
  const process = world.processes.get(pid);
  if (process === undefined || process.state === "absent") return { state: "absent", startTime: 0, cpuMs: 0 };
  return { state: process.state, startTime: process.startTime, cpuMs: process.cpuMs };
}

function signal(world: World, pid: number, startTime: number, name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
  const process = world.processes.get(pid);
  if (process === undefined || process.startTime !== startTime) return;
  if (name === "SIGKILL") endProcess(world, process, null, "SIGKILL");
  else if (name === "SIGSTOP") stopProcess(world, process);
  else continueProcess(world, process);
}
