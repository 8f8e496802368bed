import { noteDue, noteStep, presentSince, stamp } from "../../detection/absence.js";
import { createHeartbeats, nextProbe, noteAnswer, onKnobsChanged, silenceMs, thresholdMs } from "../../detection/heartbeat.js";
import { checkKnobs, sameKnobs } from "../../detection/observation.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { GfdEffect, GfdEvent } from "./event.js";
import { onSubscribed, publish, publishDueMs, settleLeftMs } from "./membership.js";
import type { GfdState, WatchedHost } from "./state.js";

type HostSnapshot = Extract<Message, { kind: "host-snapshot" }>;
type Fault = Extract<Message, { kind: "fault" }>;

/**
 * The Global Fault Detector: watches the LFDs and gathers what they say into one view of what is up, which it publishes. It decides
 * nothing about groups, and what it knows it was told since its start.
 */
export function stepGfd(state: GfdState, nowMs: number, event: GfdEvent, effects: GfdEffect[]): void {
  noteStep(state.presence, nowMs);
  onEvent(state, nowMs, event, effects);
  onTime(state, nowMs, effects);
  publish(state, nowMs, effects);
  state.wakeMs = wakeMs(state, nowMs);
  noteDue(state.presence, state.wakeMs);
}

export function gfdNextWakeMs(state: GfdState): number {
  return state.wakeMs;
}

function onEvent(state: GfdState, nowMs: number, event: GfdEvent, effects: GfdEffect[]): void {
  switch (event.kind) {
    case "message-received":
      onMessage(state, nowMs, event.connection, event.peer, event.message, effects);
      return;
    case "connection-closed":
      onClosed(state, nowMs, event.connection, effects);
      return;
    case "woken":
      return;
    default:
      unreachable(event);
  }
}

function onMessage(state: GfdState, nowMs: number, connection: number, peer: Hello, message: Message, effects: GfdEffect[]): void {
  switch (message.kind) {
    case "host-snapshot":
      onSnapshot(state, nowMs, connection, peer, message, effects);
      return;
    case "fault":
      onFault(state, connection, message, effects);
      return;
    case "heartbeat-answer": {
      const host = hostOf(state, connection);
      if (host !== undefined && noteAnswer(host.heartbeats, state.presence, nowMs, message.sequence))
        host.lastHeardAt = stamp(state.presence, nowMs);
      return;
    }
    case "heartbeat":
      effects.push({
        kind: "send",
        connection,
        message: { kind: "heartbeat-answer", sequence: message.sequence, pulse: RESTING_PULSE, report: null },
      });
      return;
    case "subscribe-membership":
      onSubscribed(state, nowMs, connection, effects);
      return;
    case "expect-hosts":
      if (peer.role === "rm") state.expected = message.hosts;
      return;
    case "configure-detector":
      if (peer.role === "rm") configure(state, nowMs, message.knobs);
      return;
    default:
      // Not for a GFD: a newer peer may say more than we know.
      return;
  }
}

/** The newest connection of a host speaks for it. A snapshot of an older version, or of an LFD that another has followed, is late mail. */
function onSnapshot(state: GfdState, nowMs: number, connection: number, peer: Hello, message: HostSnapshot, effects: GfdEffect[]): void {
  const { host: snapshot, version } = message;
  if (peer.role !== "lfd" || peer.hostId !== snapshot.hostId || peer.bootId !== snapshot.bootId) {
    effects.push({ kind: "close", connection, reason: "a host's snapshot comes from its own LFD, named so in the hello" });
    return;
  }
  const known = state.hosts.get(snapshot.hostId);
  if (known === undefined) {
    const host: WatchedHost = {
      hostId: snapshot.hostId,
      connection,
      newestConnection: connection,
      heartbeats: createHeartbeats(),
      snapshot,
      snapshotVersion: version,
      lastHeardAt: stamp(state.presence, nowMs),
      verdict: "alive",
    };
    state.hosts.set(snapshot.hostId, host);
    probe(state, host, nowMs, effects);
    return;
  }
  if (connection < known.newestConnection) return;
  const sameBoot = known.snapshot.bootId === snapshot.bootId;
  if (sameBoot && version <= known.snapshotVersion) return;
  if (known.connection !== connection) takeOver(known, connection, effects);
  known.snapshot = snapshot;
  known.snapshotVersion = version;
  known.lastHeardAt = stamp(state.presence, nowMs);
}

function takeOver(host: WatchedHost, connection: number, effects: GfdEffect[]): void {
  if (host.connection !== null)
    effects.push({ kind: "close", connection: host.connection, reason: "the LFD of this host speaks on another connection" });
  host.connection = connection;
  host.newestConnection = connection;
  host.heartbeats = createHeartbeats();
}

/** What the LFD saw is passed on at once, with the time its detection took. */
function onFault(state: GfdState, connection: number, fault: Fault, effects: GfdEffect[]): void {
  const host = hostOf(state, connection);
  if (host !== undefined && host.hostId === fault.hostId) announce(state, fault, effects);
}

function announce(state: GfdState, fault: Fault, effects: GfdEffect[]): void {
  for (const connection of state.subscribers) effects.push({ kind: "send", connection, message: fault });
}

function onClosed(state: GfdState, nowMs: number, connection: number, effects: GfdEffect[]): void {
  state.subscribers.delete(connection);
  const host = hostOf(state, connection);
  if (host === undefined) return;
  host.connection = null;
  judge(state, host, nowMs, effects);
}

function hostOf(state: GfdState, connection: number): WatchedHost | undefined {
  for (const host of state.hosts.values()) if (host.connection === connection) return host;
  return undefined;
}

/** Takes effect at once; knobs that cannot work are ignored, the membership shows what is in force. */
function configure(state: GfdState, nowMs: number, knobs: DetectorKnobs): void {
  if (checkKnobs(knobs) !== null || sameKnobs(knobs, state.knobs)) return;
  state.knobs = knobs;
  state.heartbeatAtMs = nowMs;
  for (const host of state.hosts.values()) onKnobsChanged(host.heartbeats);
}

function onTime(state: GfdState, nowMs: number, effects: GfdEffect[]): void {
  const beat = nowMs >= state.heartbeatAtMs;
  if (beat) {
    const nextMs = state.heartbeatAtMs + state.knobs.heartbeatIntervalMs;
    state.heartbeatAtMs = nextMs > nowMs ? nextMs : nowMs + state.knobs.heartbeatIntervalMs;
  }
  for (const host of state.hosts.values()) {
    if (beat) probe(state, host, nowMs, effects);
    judge(state, host, nowMs, effects);
  }
}

function probe(state: GfdState, host: WatchedHost, nowMs: number, effects: GfdEffect[]): void {
  if (host.connection === null) return;
  const sequence = nextProbe(host.heartbeats, state.presence, nowMs);
  if (sequence !== null) effects.push({ kind: "send", connection: host.connection, message: { kind: "heartbeat", sequence } });
}

/** A lost LFD makes its host uncertain, nothing more. */
function judge(state: GfdState, host: WatchedHost, nowMs: number, effects: GfdEffect[]): void {
  const finding = findingOf(state, host, nowMs);
  if (finding.verdict === host.verdict) return;
  host.verdict = finding.verdict;
  const detectionMs = finding.verdict === "alive" ? 0 : Math.round(presentSince(state.presence, host.lastHeardAt, nowMs));
  const fault: Fault = {
    kind: "fault",
    hostId: host.hostId,
    replica: null,
    bootId: host.snapshot.bootId,
    verdict: finding.verdict,
    reason: finding.reason,
    detectionMs,
  };
  announce(state, fault, effects);
}

function findingOf(state: GfdState, host: WatchedHost, nowMs: number): { verdict: Verdict; reason: string } {
  if (host.connection === null) return { verdict: "suspected", reason: "the connection of its LFD is closed" };
  const silentMs = silenceMs(host.heartbeats, state.presence, nowMs);
  if (silentMs < allowedMs(state, host)) return { verdict: "alive", reason: "its LFD answers heartbeats" };
  return { verdict: "suspected", reason: `no heartbeat of its LFD for ${Math.round(silentMs)} ms` };
}

/** There is no kernel to ask about another host: the arrivals alone decide how much silence is usual. */
function allowedMs(state: GfdState, host: WatchedHost): number {
  return thresholdMs(host.heartbeats, state.knobs, false);
}

function wakeMs(state: GfdState, nowMs: number): number {
  let dueMs = publishDueMs(state, nowMs);
  // Completeness may come by waiting alone.
  const leftMs = settleLeftMs(state, nowMs);
  if (leftMs > 0) dueMs = Math.min(dueMs, nowMs + Math.max(1, leftMs));
  for (const host of state.hosts.values()) {
    if (host.connection === null) continue;
    dueMs = Math.min(dueMs, state.heartbeatAtMs);
    if (host.verdict !== "alive" || host.heartbeats.outstanding.length === 0) continue;
    dueMs = Math.min(dueMs, nowMs + Math.max(1, allowedMs(state, host) - silenceMs(host.heartbeats, state.presence, nowMs)));
  }
  return dueMs;
}

/** A GFD that answers at all answers from the loop that does its work. */
const RESTING_PULSE = { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null } as const;
