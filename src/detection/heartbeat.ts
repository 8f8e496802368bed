import type { DetectorKnobs } from "../vocabulary/spec.js";
import { type Presence, presentSince, type Stamp, stamp } from "./absence.js";
import { type Arrivals, createArrivals, forgetGaps, noteGap, suspicionThresholdMs } from "./accrual.js";

/** Probes sent to one watched process and the answers that came back: the part that LFD and GFD have in common. */
export interface Heartbeats {
  lastSequence: number;
  /** Probes without an answer, oldest first, at most `OUTSTANDING_MAX`. */
  readonly outstanding: { readonly sequence: number; readonly sentAt: Stamp }[];
  lastAnswerAt: Stamp | null;
  answerCount: number;
  readonly arrivals: Arrivals;
}

/** A process that does not read is not sent ever more. */
export const OUTSTANDING_MAX = 64;

export function createHeartbeats(): Heartbeats {
  return { lastSequence: 0, outstanding: [], lastAnswerAt: null, answerCount: 0, arrivals: createArrivals() };
}

/** The sequence number of the probe to send now, or null when too many are unanswered already. */
export function nextProbe(heartbeats: Heartbeats, presence: Presence, nowMs: number): number | null {
  if (heartbeats.outstanding.length >= OUTSTANDING_MAX) return null;
  heartbeats.lastSequence += 1;
  heartbeats.outstanding.push({ sequence: heartbeats.lastSequence, sentAt: stamp(presence, nowMs) });
  return heartbeats.lastSequence;
}

/** False when the answer fits no open probe (doubled, or invented): it proves nothing. */
export function noteAnswer(heartbeats: Heartbeats, presence: Presence, nowMs: number, sequence: number): boolean {
  const position = heartbeats.outstanding.findIndex((probe) => probe.sequence === sequence);
  if (position < 0) return false;
  // Connections keep order: what was asked before is answered or was never read.
  heartbeats.outstanding.splice(0, position + 1);
  if (heartbeats.lastAnswerAt !== null) noteGap(heartbeats.arrivals, presentSince(presence, heartbeats.lastAnswerAt, nowMs));
  heartbeats.lastAnswerAt = stamp(presence, nowMs);
  heartbeats.answerCount += 1;
  return true;
}

/** How long the oldest probe has been waiting while this detector was present, in milliseconds; 0 when nothing is open. */
export function silenceMs(heartbeats: Heartbeats, presence: Presence, nowMs: number): number {
  const oldest = heartbeats.outstanding[0];
  return oldest === undefined ? 0 : presentSince(presence, oldest.sentAt, nowMs);
}

/**
 * Above this silence the process is suspected. The quicker threshold from the arrivals holds only while the kernel sees no work done
 * either: a process that uses its CPU may be collecting garbage and gets the whole time-out.
 */
export function thresholdMs(heartbeats: Heartbeats, knobs: DetectorKnobs, cpuProgress: boolean): number {
  return cpuProgress ? knobs.suspicionTimeoutMs : suspicionThresholdMs(heartbeats.arrivals, knobs.suspicionTimeoutMs);
}

export function onKnobsChanged(heartbeats: Heartbeats): void {
  forgetGaps(heartbeats.arrivals);
}
