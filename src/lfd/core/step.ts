import { noteDue, noteStep } from "../../detection/absence.js";
import { onKnobsChanged } from "../../detection/heartbeat.js";
import { checkKnobs, sameKnobs } from "../../detection/observation.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { BootId } from "../../vocabulary/ids.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { LfdEffect, LfdEvent } from "./event.js";
import { judgementDueMs } from "./judgement.js";
import {
  answer,
  answerStarts,
  KILL_AGAIN_MS,
  onFolderSetAside,
  onKillOrder,
  onSignalOrder,
  onSpawned,
  onSpawnFailed,
  onStartOrder,
  onTableSaved,
  pursueKill,
} from "./order.js";
import { noteTerm, whyDeposed } from "./ruler.js";
import { publish } from "./snapshot.js";
import { type LfdState, processOf, tableOf, type WatchedReplica } from "./state.js";
import { end, observe, onAnswer, onObserved, onRegister, onServerClosed, probe, rejudge } from "./watch.js";

/**
 * The Local Fault Detector: starts, stops and watches the servers of its host and says what it sees. It decides no membership, and it
 * kills nobody on suspicion: a process ends by an order of the RM alone (PROTOCOL section 8).
 */
export function stepLfd(state: LfdState, nowMs: number, event: LfdEvent, effects: LfdEffect[]): void {
  // Before any judgement: was this detector itself away?
  noteStep(state.presence, nowMs);
  onEvent(state, nowMs, event, effects);
  onTime(state, nowMs, effects);
  if (state.tableChanged) {
    state.tableChanged = false;
    state.tableVersion += 1;
    const urgent = isTableAwaited(state);
    effects.push({ kind: "save-table", version: state.tableVersion, table: tableOf(state), urgent });
  }
  publish(state, nowMs, effects);
  state.wakeMs = wakeMs(state, nowMs);
  noteDue(state.presence, state.wakeMs);
}

/** Does a start, a removal or a signal wait for this version? What else the table says, a restarted LFD would find out by itself. */
function isTableAwaited(state: LfdState): boolean {
  if (state.signalled.some(({ version }) => version === state.tableVersion)) return true;
  for (const { life, killing } of state.replicas.values()) {
    if (life.kind === "saving" && life.version === state.tableVersion) return true;
    if (killing !== null && killing.removedAtVersion === state.tableVersion) return true;
  }
  return false;
}

export function lfdNextWakeMs(state: LfdState): number {
  return state.wakeMs;
}

function onEvent(state: LfdState, nowMs: number, event: LfdEvent, effects: LfdEffect[]): void {
  switch (event.kind) {
    case "listening":
      state.address = event.address;
      return;
    case "gfd-connected":
      state.gfdConnection = event.connection;
      // A GFD keeps nothing: it is told everything anew.
      state.published = null;
      return;
    case "message-received":
      onMessage(state, nowMs, event.connection, event.peer, event.message, effects);
      return;
    case "connection-closed":
      onClosed(state, nowMs, event.connection);
      return;
    case "table-saved":
      onTableSaved(state, event.version, effects);
      return;
    case "woken":
      return;
    case "process-spawned":
    case "spawn-failed":
    case "process-exited":
    case "process-observed":
    case "folder-set-aside": {
      const watched = state.replicas.get(event.replica);
      if (watched !== undefined) onReplicaEvent(state, nowMs, watched, event, effects);
      return;
    }
    default:
      unreachable(event);
  }
}

type ReplicaEvent = Extract<LfdEvent, { readonly replica: unknown }>;

function onReplicaEvent(state: LfdState, nowMs: number, watched: WatchedReplica, event: ReplicaEvent, effects: LfdEffect[]): void {
  switch (event.kind) {
    case "process-spawned":
      onSpawned(state, nowMs, watched, event.pid, event.startTime, effects);
      return;
    case "spawn-failed":
      onSpawnFailed(state, watched, event.reason, effects);
      return;
    case "process-exited":
      onExited(state, watched, event, effects);
      return;
    case "process-observed":
      onObserved(state, nowMs, watched, event);
      return;
    case "folder-set-aside":
      onFolderSetAside(state, watched, event.error, effects);
      return;
    default:
      unreachable(event);
  }
}

type Exit = Extract<LfdEvent, { kind: "process-exited" }>;

/** The kernel told the parent: the quickest and most certain verdict of all. */
function onExited(state: LfdState, watched: WatchedReplica, event: Exit, effects: LfdEffect[]): void {
  if (watched.former?.pid === event.pid) sayFormer(state, watched, watched.former.bootId, howEnded(event), effects);
  if (watched.lastPid !== event.pid) return;
  if (event.executing !== undefined) watched.executing = event.executing;
  const crashedAtStart = watched.bootId === null && watched.killing === null;
  const reason = crashedAtStart ? `ended before it registered: ${howEnded(event)}` : howEnded(event);
  // /proc may have told first that it ended; how it ended only the parent hears.
  if (watched.life.kind === "ended") watched.life = { kind: "ended", reason };
  else end(state, watched, reason);
}

function howEnded({ code, signal, lastWords }: Exit): string {
  const how = signal === null ? `exit code ${code ?? "unknown"}` : `killed by ${signal}`;
  return lastWords === "" || signal === "SIGKILL" ? how : `${how}; its log ends: ${lastWords}`;
}

/** Its successor was ordered while the kernel was still clearing it away: the snapshot tells of that one by now. */
function sayFormer(state: LfdState, watched: WatchedReplica, bootId: BootId, reason: string, effects: LfdEffect[]): void {
  watched.former = null;
  if (state.gfdConnection === null) return;
  const { hostId } = state;
  const { replica } = watched;
  const message = { kind: "fault", hostId, replica, bootId, verdict: "gone", reason, detectionMs: 0 } as const;
  effects.push({ kind: "send", connection: state.gfdConnection, message });
}

function onMessage(state: LfdState, nowMs: number, connection: number, peer: Hello, message: Message, effects: LfdEffect[]): void {
  switch (message.kind) {
    case "register":
      onRegister(state, nowMs, connection, peer, message, effects);
      return;
    case "heartbeat-answer": {
      const watched = serverOf(state, connection);
      if (watched !== undefined) onAnswer(state, nowMs, watched, message);
      return;
    }
    case "heartbeat":
      // From the GFD, and from whoever supervises this process.
      effects.push({
        kind: "send",
        connection,
        message: { kind: "heartbeat-answer", sequence: message.sequence, pulse: RESTING_PULSE, report: null },
      });
      return;
    case "start-replica":
    case "kill-replica":
    case "signal-replica":
    case "configure-detector":
      if (peer.role === "rm") onOrder(state, nowMs, connection, message, effects);
      else effects.push({ kind: "close", connection, reason: "an LFD takes orders from the Replication Manager only" });
      return;
    default:
      // Not for an LFD: a newer peer may say more than we know.
      return;
  }
}

type Order = Extract<Message, { kind: "start-replica" | "kill-replica" | "signal-replica" | "configure-detector" }>;

function onOrder(state: LfdState, nowMs: number, connection: number, order: Order, effects: LfdEffect[]): void {
  if (order.kind === "configure-detector" && order.term !== undefined) noteTerm(state, connection, order.term, effects);
  const deposed = whyDeposed(state, connection);
  if (deposed !== null) {
    if (order.kind !== "configure-detector") answer({ connection, ticket: order.ticket }, deposed, effects);
    return;
  }
  switch (order.kind) {
    case "start-replica":
      onStartOrder(state, { connection, ticket: order.ticket }, order, effects);
      return;
    case "kill-replica":
      onKillOrder(state, nowMs, { connection, ticket: order.ticket }, order, effects);
      return;
    case "signal-replica":
      onSignalOrder(state, { connection, ticket: order.ticket }, order, effects);
      return;
    case "configure-detector":
      configure(state, nowMs, order.knobs);
      return;
    default:
      unreachable(order);
  }
}

/** Takes effect at once. Knobs that cannot work are ignored: the snapshot shows what is in force. */
function configure(state: LfdState, nowMs: number, knobs: DetectorKnobs): void {
  if (checkKnobs(knobs) !== null || sameKnobs(knobs, state.knobs)) return;
  state.knobs = knobs;
  state.heartbeatAtMs = nowMs;
  for (const watched of state.replicas.values()) onKnobsChanged(watched.heartbeats);
}

function onClosed(state: LfdState, nowMs: number, connection: number): void {
  state.terms.delete(connection);
  if (connection === state.gfdConnection) {
    state.gfdConnection = null;
    return;
  }
  const watched = serverOf(state, connection);
  if (watched !== undefined) onServerClosed(state, nowMs, watched);
}

function serverOf(state: LfdState, connection: number): WatchedReplica | undefined {
  for (const watched of state.replicas.values())
    if (watched.life.kind === "registered" && watched.life.connection === connection) return watched;
  return undefined;
}

function onTime(state: LfdState, nowMs: number, effects: LfdEffect[]): void {
  const beat = nowMs >= state.heartbeatAtMs;
  if (beat) state.heartbeatAtMs = nextBeatMs(state, nowMs);
  for (const watched of state.replicas.values()) {
    if (beat) probe(state, watched, nowMs, effects);
    observe(state, watched, nowMs, effects);
    pursueKill(watched, nowMs, effects);
    answerStarts(watched, effects);
    rejudge(state, watched, nowMs, effects);
  }
}

/** On a fixed beat, so that a late timer does not stretch the interval; after an absence the beat starts anew rather than being made up for. */
function nextBeatMs(state: LfdState, nowMs: number): number {
  const nextMs = state.heartbeatAtMs + state.knobs.heartbeatIntervalMs;
  return nextMs > nowMs ? nextMs : nowMs + state.knobs.heartbeatIntervalMs;
}

function wakeMs(state: LfdState, nowMs: number): number {
  if (state.replicas.size === 0) return Number.POSITIVE_INFINITY;
  let dueMs = state.heartbeatAtMs;
  for (const watched of state.replicas.values()) {
    if (processOf(watched) !== null) {
      dueMs = Math.min(dueMs, watched.observeAtMs);
      if (watched.killing !== null) dueMs = Math.min(dueMs, watched.killing.signalledAtMs + KILL_AGAIN_MS);
    }
    dueMs = Math.min(dueMs, judgementDueMs(state, watched, nowMs));
  }
  return dueMs;
}

/** An LFD or GFD that answers at all answers from the loop that does its work. */
const RESTING_PULSE = { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null } as const;
