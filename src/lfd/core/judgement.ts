import { presentSince } from "../../detection/absence.js";
import { quickestMs } from "../../detection/accrual.js";
import { silenceMs, thresholdMs } from "../../detection/heartbeat.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { LfdState, WatchedReplica } from "./state.js";

export interface Finding {
  readonly verdict: Verdict;
  readonly cause: string;
  readonly reason: string;
  /** From the event, as far as it can be dated, to now. */
  readonly detectionMs: number;
}

const WELL = "answers heartbeats";

/** What the evidence says at this moment. Pure: the same evidence, the same finding; it kills nothing (PROTOCOL section 8). */
export function judge(state: LfdState, watched: WatchedReplica, nowMs: number): Finding {
  const life = watched.life;
  if (life.kind === "ended") return { verdict: "gone", cause: `ended: ${life.reason}`, reason: life.reason, detectionMs: 0 };
  return judgeKernel(state, watched, nowMs) ?? judgeLife(state, watched, nowMs);
}

/** The kernel's word: stopped for longer than the grace, on purpose or not. */
function judgeKernel(state: LfdState, watched: WatchedReplica, nowMs: number): Finding | null {
  if (watched.stoppedSince === null) return null;
  const stoppedMs = presentSince(state.presence, watched.stoppedSince, nowMs);
  if (stoppedMs < stoppedGraceMs(state)) return null;
  const reason = watched.paused ? "paused on purpose: the process is stopped" : `process stopped for ${Math.round(stoppedMs)} ms`;
  return { verdict: "suspected", cause: watched.paused ? "paused" : "stopped", reason, detectionMs: stoppedMs };
}

/** 100 ms at the default time-out; who asks for more patience by a longer time-out gets it for stopped processes too. */
export function stoppedGraceMs(state: LfdState): number {
  return Math.max(state.times.stoppedGraceMs, quickestMs(state.knobs.suspicionTimeoutMs));
}

function judgeLife(state: LfdState, watched: WatchedReplica, nowMs: number): Finding {
  const life = watched.life;
  switch (life.kind) {
    case "ended":
    case "saving":
    case "spawning":
      return well("starting", "is being started");
    case "starting": {
      const sinceMs = presentSince(state.presence, life.since, nowMs);
      if (sinceMs < state.times.startTimeoutMs) return well("starting", "started, has not registered yet");
      return doubt("not-registered", `has not registered within ${state.times.startTimeoutMs} ms of its start`, sinceMs);
    }
    case "expected":
      if (!life.timedOut) return well("expected", "expected to register again with the restarted LFD");
      return doubt("not-returned", `has not registered again within ${state.times.adoptionTimeoutMs} ms`, state.times.adoptionTimeoutMs);
    case "registered":
      return life.connection === null
        ? judgeClosed(state, presentSince(state.presence, life.since, nowMs))
        : judgeHeartbeats(state, watched, nowMs);
  }
}

/** A closed connection alone proves nothing while /proc has the process: it may dial again. */
function judgeClosed(state: LfdState, sinceMs: number): Finding {
  if (sinceMs < state.knobs.suspicionTimeoutMs) return well("closed", "its connection closed; the process is there");
  return doubt("closed-long", `its connection closed and has not been opened again for ${Math.round(sinceMs)} ms`, sinceMs);
}

function judgeHeartbeats(state: LfdState, watched: WatchedReplica, nowMs: number): Finding {
  const silentMs = silenceMs(watched.heartbeats, state.presence, nowMs);
  if (silentMs >= thresholdMs(watched.heartbeats, state.knobs, cpuProgress(watched)))
    return doubt("silent", `no heartbeat for ${Math.round(silentMs)} ms`, silentMs);
  switch (watched.pulse.kind) {
    case "stuck":
      return doubt("stuck", watched.pulse.reason, watched.pulses.last?.stuckMs ?? 0);
    case "slow":
      return { verdict: "degraded", cause: `slow: ${watched.pulse.reason}`, reason: watched.pulse.reason, detectionMs: 0 };
    case "well":
      return watched.counted ? well("well", WELL) : well("registered", "registered, has not answered a heartbeat yet");
  }
}

/** Has it used its CPU since its last answer? Where the kernel cannot be asked it gets the benefit of the doubt. */
export function cpuProgress(watched: WatchedReplica): boolean {
  const kernel = watched.kernel;
  return kernel === null || kernel.state === "unknown" || kernel.cpuMs > watched.answeredCpuMs;
}

/** When the finding could change by the mere passing of time; Infinity when it cannot. */
export function judgementDueMs(state: LfdState, watched: WatchedReplica, nowMs: number): number {
  if (watched.verdict === "suspected" || watched.verdict === "gone") return Number.POSITIVE_INFINITY;
  let leftMs = Number.POSITIVE_INFINITY;
  if (watched.stoppedSince !== null) leftMs = stoppedGraceMs(state) - presentSince(state.presence, watched.stoppedSince, nowMs);
  if (watched.life.kind === "registered" && watched.life.connection !== null && watched.heartbeats.outstanding.length > 0) {
    const allowedMs = thresholdMs(watched.heartbeats, state.knobs, cpuProgress(watched));
    leftMs = Math.min(leftMs, allowedMs - silenceMs(watched.heartbeats, state.presence, nowMs));
  }
  return nowMs + Math.max(leftMs, 1);
}

function well(cause: string, reason: string): Finding {
  return { verdict: "alive", cause, reason, detectionMs: 0 };
}

function doubt(cause: string, reason: string, detectionMs: number): Finding {
  return { verdict: "suspected", cause, reason, detectionMs };
}
