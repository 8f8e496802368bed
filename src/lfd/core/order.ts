import { stamp } from "../../detection/absence.js";
import { createHeartbeats } from "../../detection/heartbeat.js";
import { createPulseHistory } from "../../detection/pulse.js";
import type { Message } from "../../vocabulary/message.js";
import type { LfdEffect } from "./event.js";
import { createReplica, type LfdState, type OrderSource, processOf, type WatchedReplica } from "./state.js";
import { end } from "./watch.js";

type StartOrder = Extract<Message, { kind: "start-replica" }>;
type KillOrder = Extract<Message, { kind: "kill-replica" }>;
type SignalOrder = Extract<Message, { kind: "signal-replica" }>;

/** A kill that has shown no effect is sent again. */
export const KILL_AGAIN_MS = 500;

/** RM -> LFD. Doubled orders are harmless: what runs is not started again. */
export function onStartOrder(state: LfdState, source: OrderSource, order: StartOrder, effects: LfdEffect[]): void {
  const known = state.replicas.get(order.replica);
  const refusal = order.spec.group !== (known?.group ?? order.spec.group) ? "it belongs to another group on this host" : whyNotStart(known);
  if (refusal !== null) {
    answer(source, `replica ${order.replica} is not started: ${refusal}`, effects);
    return;
  }
  if (known !== undefined && known.life.kind !== "ended") {
    known.spec = order.spec;
    if (known.life.kind === "saving" || known.life.kind === "spawning") known.starting.push(source);
    else answer(source, null, effects);
    return;
  }
  const watched = known ?? createReplica(order.spec.group, order.replica, order.spec, { kind: "spawning" });
  state.replicas.set(order.replica, watched);
  beginLife(watched, order);
  watched.starting.push(source);
  state.tableChanged = true;
  // The table that names it comes first: a server that nobody expects would be lost with this LFD.
  watched.life = { kind: "saving", version: state.tableVersion + 1 };
}

function whyNotStart(known: WatchedReplica | undefined): string | null {
  if (known === undefined) return null;
  if (known.killing !== null) return "a kill of its last process is under way";
  if (known.life.kind !== "expected") return null;
  if (!known.life.timedOut) return "its process may still register with the restarted LFD";
  return `its process ${known.life.process?.pid} is there but does not register; kill it first`;
}

/** What is known of the process before says nothing about the next one. */
function beginLife(watched: WatchedReplica, order: StartOrder): void {
  watched.spec = order.spec;
  watched.former = watched.lastPid === null || watched.bootId === null ? null : { pid: watched.lastPid, bootId: watched.bootId };
  watched.incarnation = null;
  watched.bootId = null;
  watched.address = null;
  watched.report = null;
  watched.executing = null;
  watched.counted = false;
  watched.paused = false;
  watched.heartbeats = createHeartbeats();
  watched.pulses = createPulseHistory();
  watched.pulse = { kind: "well" };
  watched.lastPid = null;
  watched.kernel = null;
  watched.answeredCpuMs = 0;
}

/** The table with this version is on disk: what it names may start, what it no longer names is removed for good. */
export function onTableSaved(state: LfdState, version: number, effects: LfdEffect[]): void {
  state.savedVersion = Math.max(state.savedVersion, version);
  const isSaved = (signal: LfdState["signalled"][number]): boolean => signal.version <= state.savedVersion;
  for (const { source } of state.signalled.filter(isSaved)) answer(source, null, effects);
  state.signalled = state.signalled.filter((signal) => !isSaved(signal));
  for (const watched of [...state.replicas.values()]) {
    if (watched.life.kind === "saving" && watched.life.version <= state.savedVersion && watched.spec !== null) {
      watched.life = { kind: "spawning" };
      effects.push({ kind: "spawn-server", replica: watched.replica, spec: watched.spec });
    }
    const killing = watched.killing;
    if (killing !== null && killing.removedAtVersion > 0 && killing.removedAtVersion <= state.savedVersion) {
      state.replicas.delete(watched.replica);
      answerAll(killing.sources, null, effects);
    }
  }
}

export function onSpawned(
  state: LfdState,
  nowMs: number,
  watched: WatchedReplica,
  pid: number,
  startTime: number,
  effects: LfdEffect[],
): void {
  answerAll(watched.starting, null, effects);
  watched.starting = [];
  // It may have registered, or ended, before the shell could say that it was started.
  if (watched.life.kind !== "spawning") return;
  watched.lastPid = pid;
  watched.life = { kind: "starting", process: { pid, startTime }, since: stamp(state.presence, nowMs) };
  watched.observeAtMs = nowMs;
  state.tableChanged = true;
}

/** A server that was started by another hand while the order was being prepared registers, and the order is fulfilled. */
export function answerStarts(watched: WatchedReplica, effects: LfdEffect[]): void {
  if (watched.life.kind !== "registered" || watched.starting.length === 0) return;
  answerAll(watched.starting, null, effects);
  watched.starting = [];
}

export function onSpawnFailed(state: LfdState, watched: WatchedReplica, reason: string, effects: LfdEffect[]): void {
  answerAll(watched.starting, `replica ${watched.replica} could not be started: ${reason}`, effects);
  watched.starting = [];
  if (watched.life.kind === "spawning") end(state, watched, `could not be started: ${reason}`);
}

/** S5c: the boot id names the process that is meant; a later one of the same replica is left alone. */
export function onKillOrder(state: LfdState, nowMs: number, source: OrderSource, order: KillOrder, effects: LfdEffect[]): void {
  const watched = state.replicas.get(order.replica);
  if (watched === undefined) {
    answer(source, null, effects);
    return;
  }
  const refusal = whyNotKill(watched, order);
  if (refusal !== null) {
    answer(source, `replica ${order.replica} is not killed: ${refusal}`, effects);
    return;
  }
  watched.killing ??= { discard: false, reason: order.reason, sources: [], signalledAtMs: Number.NEGATIVE_INFINITY, removedAtVersion: 0 };
  watched.killing.sources.push(source);
  watched.killing.discard ||= order.discard;
  const life = watched.life;
  if (life.kind === "saving") cancelStart(state, watched, effects);
  else if (life.kind !== "ended" && watched.killing.sources.length === 1) sendKill(watched, nowMs, effects);
}

function whyNotKill(watched: WatchedReplica, order: KillOrder): string | null {
  // A process that has ended keeps its boot id on record until the next start, so an order late by one life is told apart here.
  if (order.bootId !== null && watched.bootId !== order.bootId) return "another process of it is there now than the order names";
  if (watched.life.kind === "expected" && watched.life.process === null) return "its process is not known yet; it may still register";
  return null;
}

function cancelStart(state: LfdState, watched: WatchedReplica, effects: LfdEffect[]): void {
  answerAll(watched.starting, `replica ${watched.replica} is not started: a kill came first`, effects);
  watched.starting = [];
  end(state, watched, "was killed before it was started");
}

function sendKill(watched: WatchedReplica, nowMs: number, effects: LfdEffect[]): void {
  const process = processOf(watched);
  if (process === null || watched.killing === null) return;
  watched.killing.signalledAtMs = nowMs;
  watched.observeAtMs = nowMs;
  effects.push({ kind: "signal-process", replica: watched.replica, ...process, signal: "SIGKILL" });
}

/** Called in every step: once the process has certainly ended, a kill goes on to its folder and its row, or is answered. */
export function pursueKill(watched: WatchedReplica, nowMs: number, effects: LfdEffect[]): void {
  const killing = watched.killing;
  if (killing === null) return;
  if (watched.life.kind !== "ended") {
    if (nowMs >= killing.signalledAtMs + KILL_AGAIN_MS) sendKill(watched, nowMs, effects);
    return;
  }
  if (!killing.discard) {
    answerAll(killing.sources, null, effects);
    watched.killing = null;
  } else if (killing.removedAtVersion === 0 && killing.signalledAtMs !== Number.POSITIVE_INFINITY) {
    // Once only: infinity marks that the shell has been asked to move the folder.
    killing.signalledAtMs = Number.POSITIVE_INFINITY;
    effects.push({ kind: "set-aside-folder", replica: watched.replica });
  }
}

export function onFolderSetAside(state: LfdState, watched: WatchedReplica, error: string | null, effects: LfdEffect[]): void {
  const killing = watched.killing;
  if (killing === null) return;
  if (error !== null) {
    answerAll(killing.sources, `the data folder of ${watched.replica} could not be set aside: ${error}`, effects);
    watched.killing = null;
    return;
  }
  killing.removedAtVersion = state.tableVersion + 1;
  state.tableChanged = true;
}

export function onSignalOrder(state: LfdState, source: OrderSource, order: SignalOrder, effects: LfdEffect[]): void {
  const watched = state.replicas.get(order.replica);
  const process = watched === undefined ? null : processOf(watched);
  if (watched === undefined || process === null) {
    answer(source, `replica ${order.replica} has no process on this host`, effects);
    return;
  }
  watched.paused = order.signal === "stop";
  state.tableChanged = true;
  effects.push({ kind: "signal-process", replica: order.replica, ...process, signal: order.signal === "stop" ? "SIGSTOP" : "SIGCONT" });
  // A restarted LFD that did not know that it is paused would call it suspected, and the RM would have it killed.
  state.signalled.push({ source, version: state.tableVersion + 1 });
}

export function answer(source: OrderSource, error: string | null, effects: LfdEffect[]): void {
  effects.push({ kind: "send", connection: source.connection, message: { kind: "order-done", ticket: source.ticket, error } });
}

function answerAll(sources: readonly OrderSource[], error: string | null, effects: LfdEffect[]): void {
  for (const source of sources) answer(source, error, effects);
}
