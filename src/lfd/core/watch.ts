import { presentSince, stamp } from "../../detection/absence.js";
import { createHeartbeats, nextProbe, noteAnswer } from "../../detection/heartbeat.js";
import { createPulseHistory, judgePulse, pulseLimits } from "../../detection/pulse.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { KernelView, LfdEffect, LfdEvent } from "./event.js";
import { judge } from "./judgement.js";
import { createReplica, type LfdState, processOf, type WatchedReplica } from "./state.js";

type Registration = Extract<Message, { kind: "register" }>;
type Observation = Extract<LfdEvent, { kind: "process-observed" }>;
type Answer = Extract<Message, { kind: "heartbeat-answer" }>;

/** Soon after a connection closed /proc is asked more often: the process may be in the middle of ending. */
const CLOSING_POLL_MS = 3;
const POLL_MS_MIN = 10;
const POLL_MS_MAX = 100;

/** PROTOCOL section 8: servers register themselves, whoever started them; a living process is not pushed out by a newcomer of its name. */
export function onRegister(
  state: LfdState,
  nowMs: number,
  connection: number,
  peer: Hello,
  message: Registration,
  effects: LfdEffect[],
): void {
  const refusal = checkRegistration(state, peer, message);
  if (refusal !== null) {
    effects.push({ kind: "close", connection, reason: refusal });
    return;
  }
  const { group, replica } = message.report;
  let watched = state.replicas.get(replica);
  if (watched === undefined) {
    watched = createReplica(group, replica, null, { kind: "spawning" });
    state.replicas.set(replica, watched);
  }
  closePrevious(watched, connection, effects);
  if (watched.bootId !== peer.bootId) watched.counted = false;
  watched.bootId = peer.bootId;
  watched.incarnation = peer.incarnation;
  watched.address = message.address;
  watched.report = message.report;
  watched.executing = null;
  watched.heartbeats = createHeartbeats();
  watched.pulses = createPulseHistory();
  watched.pulse = { kind: "well" };
  watched.observeAtMs = nowMs;
  watched.lastPid = message.pid;
  watched.life = {
    kind: "registered",
    process: { pid: message.pid, startTime: message.startTime },
    connection,
    since: stamp(state.presence, nowMs),
  };
  state.tableChanged = true;
  effects.push({ kind: "send", connection, message: { kind: "registered", hostId: state.hostId } });
  probe(state, watched, nowMs, effects);
}

function checkRegistration(state: LfdState, peer: Hello, message: Registration): string | null {
  const { report } = message;
  if (peer.role !== "server" || peer.replica === null || peer.incarnation === null)
    return "only a server registers, and its hello names replica and incarnation";
  if (report.replica !== peer.replica || report.group !== peer.group || report.bootId !== peer.bootId)
    return "the registration names another replica or process than the hello";
  const watched = state.replicas.get(report.replica);
  if (watched === undefined) return null;
  if (watched.group !== report.group) return `replica ${report.replica} belongs to group ${watched.group} on this host`;
  const known = watched.life.kind === "expected" ? null : processOf(watched);
  if (known === null || known.pid === message.pid) return null;
  return `replica ${report.replica} runs already, as process ${known.pid}`;
}

function closePrevious(watched: WatchedReplica, connection: number, effects: LfdEffect[]): void {
  if (watched.life.kind !== "registered" || watched.life.connection === null || watched.life.connection === connection) return;
  effects.push({ kind: "close", connection: watched.life.connection, reason: "the server has registered again on another connection" });
}

export function onAnswer(state: LfdState, nowMs: number, watched: WatchedReplica, message: Answer): void {
  if (!noteAnswer(watched.heartbeats, state.presence, nowMs, message.sequence)) return;
  watched.executing = message.pulse.executing;
  if (message.report !== null && message.report.replica === watched.replica && message.report.bootId === watched.bootId)
    watched.report = message.report;
  watched.answeredCpuMs = watched.kernel?.cpuMs ?? 0;
  // It answered: whatever /proc said before is out of date.
  watched.stoppedSince = null;
  const handlerTimeoutMs = watched.spec?.handlerTimeoutMs ?? DEFAULTS.handlerTimeoutMs;
  watched.pulse = judgePulse(watched.pulses, message.pulse, pulseLimits(state.knobs.suspicionTimeoutMs, handlerTimeoutMs));
  if (watched.counted || watched.pulse.kind === "stuck") return;
  watched.counted = true;
  state.tableChanged = true;
}

/** PROTOCOL section 8: the closing is checked against /proc, it is no verdict by itself. */
export function onServerClosed(state: LfdState, nowMs: number, watched: WatchedReplica): void {
  if (watched.life.kind !== "registered") return;
  watched.life = { ...watched.life, connection: null, since: stamp(state.presence, nowMs) };
  watched.observeAtMs = nowMs;
}

export function onObserved(state: LfdState, nowMs: number, watched: WatchedReplica, event: Observation): void {
  const { view } = event;
  const process = processOf(watched);
  if (process === null || process.pid !== event.pid) return;
  // S6i: who died suddenly, or hangs in a handler, can answer no heartbeat that would tell.
  if (event.executing !== undefined) watched.executing = event.executing;
  const gone = whyGone(process.startTime, view);
  if (gone !== null) {
    end(state, watched, gone);
    return;
  }
  // Continued by another hand than `troupe resume`: it is paused no longer.
  if (watched.kernel?.state === "stopped" && view.state === "running") watched.paused = false;
  watched.kernel = view;
  if (view.state !== "stopped") watched.stoppedSince = null;
  else watched.stoppedSince ??= stamp(state.presence, nowMs);
}

function whyGone(startTime: number, view: KernelView): string | null {
  if (view.state === "absent") return "its process is gone";
  if (view.state === "zombie") return "its process has ended";
  const other = view.state !== "unknown" && startTime !== 0 && view.startTime !== startTime;
  return other ? "its process is gone; the pid belongs to another one now" : null;
}

/** Certain knowledge. What it was, its incarnation and what it was executing stay on record until a new process registers (S6i). */
export function end(state: LfdState, watched: WatchedReplica, reason: string): void {
  if (watched.life.kind === "ended") return;
  watched.life = { kind: "ended", reason };
  watched.paused = false;
  watched.stoppedSince = null;
  watched.kernel = null;
  state.tableChanged = true;
}

export function probe(state: LfdState, watched: WatchedReplica, nowMs: number, effects: LfdEffect[]): void {
  if (watched.life.kind !== "registered" || watched.life.connection === null) return;
  const sequence = nextProbe(watched.heartbeats, state.presence, nowMs);
  if (sequence !== null) effects.push({ kind: "send", connection: watched.life.connection, message: { kind: "heartbeat", sequence } });
}

/** Asks the kernel about a process when it is time to. */
export function observe(state: LfdState, watched: WatchedReplica, nowMs: number, effects: LfdEffect[]): void {
  const process = processOf(watched);
  if (process === null || nowMs < watched.observeAtMs) return;
  watched.observeAtMs = nowMs + pollMs(state, watched, nowMs);
  effects.push({ kind: "observe-process", replica: watched.replica, pid: process.pid });
}

function pollMs(state: LfdState, watched: WatchedReplica, nowMs: number): number {
  const life = watched.life;
  const closing = life.kind === "registered" && life.connection === null && presentSince(state.presence, life.since, nowMs) < POLL_MS_MAX;
  if (closing) return CLOSING_POLL_MS;
  return Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, state.knobs.heartbeatIntervalMs));
}

/** Judges anew and, when the verdict changed, tells the GFD at once with the time that detection took. */
export function rejudge(state: LfdState, watched: WatchedReplica, nowMs: number, effects: LfdEffect[]): void {
  const life = watched.life;
  if (life.kind === "expected" && !life.timedOut && presentSince(state.presence, life.since, nowMs) >= state.times.adoptionTimeoutMs) {
    // The former LFD ended before it started it, or in that very moment: nobody else could tell the RM that it does not run.
    if (life.process === null) end(state, watched, "was never seen to run");
    else watched.life = { ...life, timedOut: true };
  }
  const finding = judge(state, watched, nowMs);
  const changed = finding.verdict !== watched.verdict;
  if (!changed && finding.cause === watched.cause) return;
  watched.verdict = finding.verdict;
  watched.cause = finding.cause;
  watched.reason = finding.reason;
  if (!changed || state.gfdConnection === null) return;
  effects.push({
    kind: "send",
    connection: state.gfdConnection,
    message: {
      kind: "fault",
      hostId: state.hostId,
      replica: watched.replica,
      bootId: watched.bootId,
      verdict: finding.verdict,
      reason: finding.reason,
      detectionMs: Math.round(finding.detectionMs),
    },
  });
}
