import type { Pulse } from "../vocabulary/verdict.js";

/**
 * Proof of progress: a process that answers heartbeats while its service is stuck is no sign of life (gray failure, Huang et al. 2017).
 * Slow is a fault too, but a milder one: it moves leadership, and nothing else.
 */
export interface PulseHistory {
  last: Pulse | null;
  /** Answers in a row that were slow, or, while degraded, that were not. */
  slowCount: number;
  steadyCount: number;
  degraded: boolean;
  slowReason: string;
}

export interface PulseLimits {
  /** Work may stand still this long before the service counts as stuck: a passive handler may use its whole time limit. */
  readonly stuckMs: number;
  readonly eventLoopDelayMs: number;
  readonly fsyncMs: number;
}

/** One slow answer is a hiccup. */
export const SLOW_ANSWERS = 5;
/** Longer to forgive than to blame, so that leadership does not swing. */
export const STEADY_ANSWERS = 50;
/** A disk that needs a second for one flush holds up everything behind it. */
export const FSYNC_AGE_MS_MAX = 1_000;

export type PulseFinding = { readonly kind: "well" } | { readonly kind: "slow" | "stuck"; readonly reason: string };

export function createPulseHistory(): PulseHistory {
  return { last: null, slowCount: 0, steadyCount: 0, degraded: false, slowReason: "" };
}

/** `handlerTimeoutMs` 0 (no limit known) is taken as none: then only the time-out counts. */
export function pulseLimits(suspicionTimeoutMs: number, handlerTimeoutMs: number): PulseLimits {
  return { stuckMs: handlerTimeoutMs + suspicionTimeoutMs, eventLoopDelayMs: suspicionTimeoutMs, fsyncMs: FSYNC_AGE_MS_MAX };
}

/** Judges the newest pulse in the light of the ones before it. Pulses come from the network: absurd numbers only make it slow or well. */
export function judgePulse(history: PulseHistory, pulse: Pulse, limits: PulseLimits): PulseFinding {
  const stuck = judgeProgress(pulse, limits);
  judgeSpeed(history, pulse, limits);
  history.last = pulse;
  if (stuck !== null) return { kind: "stuck", reason: stuck };
  return history.degraded ? { kind: "slow", reason: history.slowReason } : { kind: "well" };
}

/** The server's own word, and no other sign of life outweighs it: the loop may turn and turn while the service stands still. */
function judgeProgress(pulse: Pulse, limits: PulseLimits): string | null {
  if (!(pulse.stuckMs > limits.stuckMs)) return null;
  const executing = pulse.executing === null ? "" : `, executing ${pulse.executing}`;
  return `no progress for ${Math.round(pulse.stuckMs)} ms while work waits${executing}`;
}

function judgeSpeed(history: PulseHistory, pulse: Pulse, limits: PulseLimits): void {
  const reason = slowness(pulse, limits);
  if (reason === null) {
    history.slowCount = 0;
    history.steadyCount += 1;
    if (history.steadyCount >= STEADY_ANSWERS) history.degraded = false;
    return;
  }
  history.steadyCount = 0;
  history.slowCount += 1;
  // The first reason stands while it lasts, so that a changing number is not a changing verdict.
  if (history.slowCount >= SLOW_ANSWERS && !history.degraded) {
    history.degraded = true;
    history.slowReason = reason;
  }
}

function slowness(pulse: Pulse, limits: PulseLimits): string | null {
  if (pulse.oldestFsyncMs > limits.fsyncMs) return `a write or flush to disk has not finished for ${Math.round(pulse.oldestFsyncMs)} ms`;
  if (pulse.eventLoopDelayMs > limits.eventLoopDelayMs) return `the event loop is late by ${Math.round(pulse.eventLoopDelayMs)} ms`;
  return null;
}
