import { ERRORS, type ErrorCode, type Outcome } from "../../vocabulary/error.js";
import type { CallOutcome, ClientEffect } from "./effect.js";
import type { Call, ClientState, OwnCall } from "./state.js";

export function failed(code: ErrorCode, message: string, outcome: Outcome = ERRORS[code].outcome): CallOutcome {
  return { kind: "failed", code, outcome, message };
}

/** S6h: nothing of the call is known to have gone astray, and no copy is on the way. Only then may "not executed" be said. */
export function mayRefuse(call: Call): boolean {
  return !call.lostCopy && call.tickets.size === 0;
}

/** Ends a call: its caller hears once, and nothing of it is kept but, for a while, what the session file is to be told. */
export function settle(state: ClientState, call: Call, outcome: CallOutcome, effects: ClientEffect[]): void {
  release(state, call);
  if (call.kind === "own" && call.place !== null && state.config.savesRequests && !state.closed) endOnFile(state, call, outcome, effects);
  else {
    leavePlace(state, call);
    tell(call, outcome, effects);
  }
}

/**
 * S6f: what the program does not know yet stays in the file, so that a next life brings it; what it knows leaves the file before the floor
 * moves past it. Only "not executed" waits for the file (S6h): what that still holds as open a next life would send.
 */
function endOnFile(state: ClientState, call: OwnCall, outcome: CallOutcome, effects: ClientEffect[]): void {
  const isDefinite = outcome.kind === "failed" && outcome.outcome === "not-executed";
  stopSaving(state, call);
  if (!isDefinite) tell(call, outcome, effects);
  if (isDefinite || !call.recovered) saveSettled(state, call, isDefinite ? outcome : null, effects);
  else state.recovered.push(call);
  if (call.recovered) saveRecovered(state, effects);
}

/** Numbers begin anew with each session: the one of an earlier session may be in the table for another call by now. */
function stopSaving(state: ClientState, call: OwnCall): void {
  if (call.place !== null && state.saving.get(call.place.sequence) === call) state.saving.delete(call.place.sequence);
}

/** Once the last of them has ended. */
function saveRecovered(state: ClientState, effects: ClientEffect[]): void {
  for (const call of state.calls.values()) if (call.kind === "own" && call.recovered) return;
  for (const call of state.recovered.splice(0)) saveSettled(state, call, null, effects);
}

function saveSettled(state: ClientState, call: OwnCall, untold: CallOutcome | null, effects: ClientEffect[]): void {
  if (call.place === null) return;
  const { session, sequence } = call.place;
  state.ending.set(call.id, { call, untold });
  effects.push({ kind: "save-settled", call: call.id, session, sequence, durably: untold !== null });
}

/** The session file says, or is about to say, that the call has ended. */
export function onSettledSaved(state: ClientState, id: number, effects: ClientEffect[]): void {
  const ended = state.ending.get(id);
  if (ended === undefined) return;
  state.ending.delete(id);
  leavePlace(state, ended.call);
  if (ended.untold !== null) tell(ended.call, ended.untold, effects);
}

/** The file will not say any more that they have ended. */
export function endUntold(state: ClientState, reason: string, effects: ClientEffect[]): void {
  for (const { call, untold } of state.ending.values()) {
    if (untold?.kind !== "failed") continue;
    const message = `${untold.message} ${reason} before its end was in the session file, and a later life of this client may send it again.`;
    tell(call, failed("timeout", message), effects);
  }
  state.ending.clear();
}

function tell(call: Call, outcome: CallOutcome, effects: ClientEffect[]): void {
  if (call.kind === "own" && call.recovered)
    effects.push({ kind: "recovered", sequence: call.place?.sequence ?? 0, operation: call.operation, input: call.input, outcome });
  else effects.push({ kind: "settle", call: call.id, outcome });
}

function release(state: ClientState, call: Call): void {
  forgetTickets(state, call);
  state.calls.delete(call.id);
  state.waitingNumbered.delete(call.id);
  state.waitingOwn.delete(call.id);
  state.waitingLeader.delete(call.id);
  state.waitingAny.delete(call.id);
  state.leaderInFlight.delete(call.id);
  state.heldBytes -= call.sizeBytes;
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
