import { ERRORS, type ErrorCode } from "../../vocabulary/error.js";
import { holdBack } from "./backoff.js";
import type { ClientEffect } from "./effect.js";
import { endSession } from "./session.js";
import { failed, leavePlace, mayRefuse, settle } from "./settle.js";
import type { Call, ClientState } from "./state.js";

/** Errors of the request itself: any copy gets the same, so that other copies do not matter. */
const STATIC: ReadonlySet<ErrorCode> = new Set(["bad-request", "invalid-input", "too-large", "unknown-group", "unknown-operation"]);
/** They pass by themselves, and are worth waiting for. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["unavailable", "below-minimum"]);
/** They pass too, but more copies would make them worse. */
const CROWDED: ReadonlySet<ErrorCode> = new Set(["overloaded", "keys-full"]);

/**
 * S6h: a copy was answered with an error. It is the call's outcome only when no other copy can still be executed; otherwise the client
 * goes on trying, and at the time-out says `unknown`. The answered ticket has been taken off the call.
 */
export function onFailure(state: ClientState, nowMs: number, call: Call, code: ErrorCode, message: string, effects: ClientEffect[]): void {
  if (STATIC.has(code) || (call.kind === "query" && !PASSING.has(code))) {
    settle(state, call, failed(code, message), effects);
    return;
  }
  if (code === "session-expired") {
    onSessionExpired(state, call, message, effects);
    return;
  }
  if (ERRORS[code].outcome !== "not-executed") {
    settle(state, call, failed(code, message), effects);
    return;
  }
  call.refusal = { code, message };
  if (PASSING.has(code) && !isImpatient(call, nowMs)) {
    holdBack(state, nowMs);
    return;
  }
  if (mayRefuse(call)) {
    settle(state, call, failed(code, message), effects);
    return;
  }
  if (PASSING.has(code) || CROWDED.has(code)) {
    if (call.tickets.size === 0) holdBack(state, nowMs);
    return;
  }
  // `identity-reused` of a call that has lost a copy: that copy may be the one that was executed.
  if (call.tickets.size === 0)
    settle(
      state,
      call,
      failed("timeout", `Whether the request was executed is unknown: an earlier copy had no answer, a later one was answered: ${message}`),
      effects,
    );
}

export function isImpatient(call: Call, nowMs: number): boolean {
  return (call.kind === "own" || call.kind === "foreign") && nowMs >= call.impatientAtMs;
}

/**
 * S6a: an unknown session executes nothing. Where this copy was the only one, the call is thus not executed and may go into a new
 * session without a word to its caller (a client that was idle past the expiry); otherwise its outcome is unknown.
 */
function onSessionExpired(state: ClientState, call: Call, message: string, effects: ClientEffect[]): void {
  if (call.kind !== "own" || call.place === null) {
    settle(state, call, failed("session-expired", message), effects);
    return;
  }
  const { session } = call.place;
  if (!mayRefuse(call)) {
    settle(state, call, failed("session-expired", message), effects);
  } else {
    leavePlace(state, call);
    call.place = null;
    state.resendAll = true;
  }
  endSession(state, session);
}
