import { ERRORS, type ErrorCode, type Outcome } from "../../vocabulary/error.js";
import type { CallOutcome, ClientEffect } from "./effect.js";
import type { Call, ClientState } from "./state.js";

export function failed(code: ErrorCode, message: string, outcome: Outcome = ERRORS[code].outcome): CallOutcome {
  return { kind: "failed", code, outcome, message };
}

/** S6h: nothing of the call is known to have gone astray, and no copy is on the way. Only then may "not executed" be said. */
export function mayRefuse(call: Call): boolean {
  return !call.lostCopy && call.tickets.size === 0;
}

/** Ends a call: its caller hears once, and nothing of it is kept. */
export function settle(state: ClientState, call: Call, outcome: CallOutcome, effects: ClientEffect[]): void {
  forgetTickets(state, call);
  state.calls.delete(call.id);
  state.waitingNumbered.delete(call.id);
  state.waitingOwn.delete(call.id);
  state.waitingLeader.delete(call.id);
  state.waitingAny.delete(call.id);
  state.leaderInFlight.delete(call.id);
  state.heldBytes -= call.sizeBytes;
  if (call.kind !== "own") {
    effects.push({ kind: "settle", call: call.id, outcome });
    return;
  }
  if (call.place !== null) {
    const { session, sequence } = call.place;
    leavePlace(state, call);
    if (state.config.savesRequests && !state.closed) effects.push({ kind: "save-settled", session, sequence });
  }
  if (call.recovered)
    effects.push({ kind: "recovered", sequence: call.place?.sequence ?? 0, operation: call.operation, input: call.input, outcome });
  else effects.push({ kind: "settle", call: call.id, outcome });
}

/** S6b: the floor moves past a number only once its call has ended. */
export function leavePlace(state: ClientState, call: Call): void {
  if (call.kind !== "own" || call.place === null || call.place.session !== currentSession(state)) return;
  state.openSequences.delete(call.place.sequence);
  state.saving.delete(call.place.sequence);
}

export function currentSession(state: ClientState): string | null {
  return state.session.kind === "open" || state.session.kind === "resuming" ? state.session.session : null;
}

function forgetTickets(state: ClientState, call: Call): void {
  for (const ticket of call.tickets) {
    const sent = state.tickets.get(ticket);
    if (sent !== undefined) state.connections.get(sent.connection)?.tickets.delete(ticket);
    state.tickets.delete(ticket);
  }
  call.tickets.clear();
}

/** What the deadline makes of a call: definite only where S6h allows it. */
export function timeoutOutcome(state: ClientState, call: Call): CallOutcome {
  const away = state.route === null ? (state.foundInstead ?? "nobody leads the group at the moment") : null;
  if (!mayRefuse(call)) {
    const hint = away === null ? "" : `; ${away}`;
    return failed("timeout", `No answer came in time; whether the request was executed is unknown${hint}.`);
  }
  if (call.refusal !== null) return failed(call.refusal.code, call.refusal.message);
  return failed("unavailable", `The request was not sent within its time-out: ${away ?? "its turn to be sent did not come"}.`);
}
