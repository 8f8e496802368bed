import type { ClientState } from "./state.js";

/** xorshift32: a number in [0, 1) that is the same for the same seed. */
function nextJitter(state: ClientState): number {
  let x = state.jitter;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  state.jitter = x >>> 0 || 1;
  return state.jitter / 0x1_0000_0000;
}

/** Doubles with each attempt up to the bound; half of it is jitter, so that clients do not come back together. */
export function backoffMs(state: ClientState, attempt: number): number {
  const { backoffMinMs, backoffMaxMs } = state.config;
  const full = Math.min(backoffMaxMs, backoffMinMs * (1 << Math.min(attempt, 16)));
  return full * (0.5 + nextJitter(state) / 2);
}

/** After an answer that says "not now": holds everything for the leader back for a moment, then sends it again in order (S6d). */
export function holdBack(state: ClientState, nowMs: number): void {
  state.resendAll = true;
  if (state.resumeAtMs > nowMs) return;
  state.resumeAtMs = nowMs + backoffMs(state, state.attempt);
  state.attempt += 1;
}
