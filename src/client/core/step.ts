import { unreachable } from "../../vocabulary/assert.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { backoffMs } from "./backoff.js";
import { admit } from "./admit.js";
import { onMessage } from "./answer.js";
import type { ClientEffect } from "./effect.js";
import type { ClientEvent } from "./event.js";
import { isImpatient } from "./failure.js";
import { chooseRoute, learnMembers } from "./route.js";
import { readsAnywhere, sendWaiting } from "./send.js";
import { endUntold, failed, mayRefuse, onSettledSaved, settle, timeoutOutcome } from "./settle.js";
import { type Call, type ClientState, SESSION_CALL } from "./state.js";
import { createUnread } from "./unread.js";

/** The only way into the client. */
export function step(state: ClientState, nowMs: number, event: ClientEvent, effects: ClientEffect[]): void {
  switch (event.kind) {
    case "operation":
    case "query":
    case "open-session":
      admit(state, event, nowMs, effects);
      break;
    case "connection-opened":
      openConnection(state, event.connection, event.replica);
      break;
    case "connection-closed":
      onConnectionClosed(state, event.connection);
      break;
    case "message":
      onMessage(state, nowMs, event.connection, event.message, effects);
      break;
    case "discovered":
      learnMembers(state, event.view, event.book, effects);
      state.foundInstead = null;
      chooseRoute(state);
      break;
    case "not-discovered":
      state.foundInstead = event.reason;
      break;
    case "saved":
      onSaved(state, event.session, event.throughSequence);
      break;
    case "settled-saved":
      onSettledSaved(state, event.call, effects);
      break;
    case "closing":
      onClosing(state, event.reason, effects);
      break;
    case "woken":
      break;
    default:
      unreachable(event);
  }
  if (nowMs >= state.checkAtMs) checkDeadlines(state, nowMs, effects);
  sendWaiting(state, nowMs, effects);
  watchForLeader(state, nowMs, effects);
}

/** When the client next wants a `woken`; Infinity: never. */
export function nextWakeMs(state: ClientState): number {
  const backoff = state.resendAll && state.route !== null ? state.resumeAtMs : Number.POSITIVE_INFINITY;
  return Math.min(state.checkAtMs, state.discoverAtMs, backoff);
}

function openConnection(state: ClientState, id: number, replica: ReplicaId): void {
  state.connections.set(id, { replica, viewEpoch: null, serving: false, tickets: new Set(), unread: createUnread() });
}

/** S6h: the answers to what was sent there cannot come any more. */
function onConnectionClosed(state: ClientState, id: number): void {
  const connection = state.connections.get(id);
  if (connection === undefined) return;
  state.connections.delete(id);
  for (const ticket of connection.tickets) {
    const sent = state.tickets.get(ticket);
    state.tickets.delete(ticket);
    if (sent?.call === SESSION_CALL) forgetSessionTicket(state, ticket);
    const call = sent === undefined ? undefined : state.calls.get(sent.call);
    if (call !== undefined) loseCopy(state, call, ticket);
  }
  chooseRoute(state);
}

function forgetSessionTicket(state: ClientState, ticket: number): void {
  if ((state.session.kind === "opening" || state.session.kind === "resuming") && state.session.ticket === ticket)
    state.session.ticket = null;
}

function loseCopy(state: ClientState, call: Call, ticket: number): void {
  call.tickets.delete(ticket);
  call.lostCopy = true;
  if (call.tickets.size > 0) return;
  if (readsAnywhere(call)) state.waitingAny.add(call.id);
  else state.resendAll = true;
}

function onSaved(state: ClientState, session: string, throughSequence: number): void {
  for (const [sequence, call] of state.saving) {
    if (sequence > throughSequence) break;
    if (call.place?.session !== session) continue;
    state.saving.delete(sequence);
    call.saving = false;
    state.waitingNumbered.add(call.id);
  }
}

function onClosing(state: ClientState, reason: string, effects: ClientEffect[]): void {
  state.closed = true;
  for (const call of [...state.calls.values()]) {
    if (call.kind === "own" && call.recovered) continue;
    // S6f: what the file holds, the next life of this client will send.
    const onFile = state.config.savesRequests && call.kind === "own" && call.place !== null;
    const outcome =
      mayRefuse(call) && !onFile
        ? failed("unavailable", `${reason} before the request was sent.`)
        : failed("timeout", `${reason} before the answer came; whether the request was executed is unknown.`);
    settle(state, call, outcome, effects);
  }
  endUntold(state, reason, effects);
  effects.push({ kind: "links", targets: [] });
}

function checkDeadlines(state: ClientState, nowMs: number, effects: ClientEffect[]): void {
  let next = Number.POSITIVE_INFINITY;
  for (const call of [...state.calls.values()]) {
    if (nowMs >= call.deadlineMs) settle(state, call, timeoutOutcome(state, call), effects);
    else if (call.refusal !== null && isImpatient(call, nowMs) && mayRefuse(call))
      settle(state, call, failed(call.refusal.code, call.refusal.message), effects);
    else next = Math.min(next, call.deadlineMs, patienceEnd(call, nowMs));
  }
  state.checkAtMs = next;
}

function patienceEnd(call: Call, nowMs: number): number {
  const patient = (call.kind === "own" || call.kind === "foreign") && call.impatientAtMs > nowMs;
  return patient ? call.impatientAtMs : Number.POSITIVE_INFINITY;
}

/** Without a leader for a while, the group is looked for where it was found first: all its members may have moved. */
function watchForLeader(state: ClientState, nowMs: number, effects: ClientEffect[]): void {
  if (state.route !== null || state.closed) {
    state.discoverAtMs = Number.POSITIVE_INFINITY;
    return;
  }
  if (state.discoverAtMs === Number.POSITIVE_INFINITY) state.discoverAtMs = nowMs + state.config.discoverAfterMs;
  if (nowMs < state.discoverAtMs) return;
  effects.push({ kind: "discover" });
  state.discoverAttempt += 1;
  state.discoverAtMs = nowMs + state.config.discoverAfterMs + backoffMs(state, state.discoverAttempt);
}
