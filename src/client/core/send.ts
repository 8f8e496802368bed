import { assert, unreachable } from "../../vocabulary/assert.js";
import type { SessionId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { ClientEffect } from "./effect.js";
import { chooseReader } from "./route.js";
import { wantSession } from "./session.js";
import { failed, settle } from "./settle.js";
import { type Call, type ClientState, floorOf, type OwnCall, SESSION_CALL } from "./state.js";
import { hasRoom, noteSent } from "./unread.js";

/** Sends whatever may be sent now: called at the end of every step, so that no event has to think of it. */
export function sendWaiting(state: ClientState, nowMs: number, effects: ClientEffect[]): void {
  sendToAny(state, effects);
  if (state.route === null || nowMs < state.resumeAtMs) return;
  if (state.resendAll) queueEverything(state);
  sendSessionRequest(state, effects);
  sendOwn(state, effects);
  sendToLeader(state, effects);
}

/**
 * S6d: what is sent again is sent in the order in which it was made. Not what is on its way on this route already: it will be answered, and
 * one "not now" among a thousand calls would otherwise bring a thousand copies, again and again, to a leader that has too much to do.
 */
function queueEverything(state: ClientState): void {
  state.resendAll = false;
  state.waitingNumbered.clear();
  state.waitingOwn.clear();
  state.waitingLeader.clear();
  state.leaderInFlight.clear();
  const numbered: OwnCall[] = [];
  for (const call of state.calls.values()) {
    const onItsWay = isOnItsWay(state, call);
    if (call.kind === "own") {
      if (call.saving || onItsWay) continue;
      if (call.place === null) state.waitingOwn.add(call.id);
      else numbered.push(call);
    } else if (!readsAnywhere(call)) (onItsWay ? state.leaderInFlight : state.waitingLeader).add(call.id);
  }
  // What has left an expired session may have been made before, and numbered after, another that was in the new one already.
  numbered.sort((a, b) => (a.place?.sequence ?? 0) - (b.place?.sequence ?? 0));
  for (const { id } of numbered) state.waitingNumbered.add(id);
}

/** A copy was sent since the route was chosen, and has no answer yet. */
function isOnItsWay({ route, tickets }: ClientState, call: Call): boolean {
  if (route === null) return false;
  for (const ticket of call.tickets) if (ticket >= route.firstTicket && tickets.get(ticket)?.connection === route.connection) return true;
  return false;
}

export function readsAnywhere(call: Call): boolean {
  return call.kind === "query" && call.consistency !== "linearizable" && !call.toLeader;
}

function sendSessionRequest(state: ClientState, effects: ClientEffect[]): void {
  const { session } = state;
  if ((session.kind !== "opening" && session.kind !== "resuming") || session.ticket !== null || state.route === null) return;
  const ticket = takeTicket(state, SESSION_CALL, state.route.connection);
  session.ticket = ticket;
  const message: ClientMessage =
    session.kind === "opening"
      ? { kind: "open-session", ticket, nonce: session.nonce }
      : { kind: "resume-session", ticket, session: session.session };
  effects.push({ kind: "send", connection: state.route.connection, message });
}

function sendOwn(state: ClientState, effects: ClientEffect[]): void {
  if (state.waitingNumbered.size + state.waitingOwn.size === 0) return;
  wantSession(state);
  if (state.session.kind === "opening") sendSessionRequest(state, effects);
  if (state.session.kind !== "open") return;
  sendNumbered(state, state.session.session, effects);
  // S6d: what has no number yet was made later.
  if (state.waitingNumbered.size > 0) return;
  for (const id of state.waitingOwn) {
    const call = state.calls.get(id);
    if (call?.kind !== "own") continue;
    // The window is of numbers, not of calls: the table keeps every reply from the floor on (S6b).
    if (state.nextSequence - floorOf(state) >= state.config.inFlightMax || !leaderHasRoom(state, call)) return;
    state.waitingOwn.delete(id);
    givePlace(state, call, effects);
    if (!call.saving) sendCopy(state, call, state.route?.connection ?? 0, effects);
  }
}

function sendNumbered(state: ClientState, session: SessionId, effects: ClientEffect[]): void {
  for (const id of state.waitingNumbered) {
    const call = state.calls.get(id);
    const isOfThis = call?.kind === "own" && call.place?.session === session;
    if (isOfThis && !leaderHasRoom(state, call)) return;
    state.waitingNumbered.delete(id);
    if (isOfThis) sendCopy(state, call, state.route?.connection ?? 0, effects);
    else if (call?.kind === "own") leaveOldSession(state, call, effects);
  }
}

function leaderHasRoom(state: ClientState, call: Call): boolean {
  return state.route !== null && hasRoom(state, state.route.connection, call);
}

function givePlace(state: ClientState, call: OwnCall, effects: ClientEffect[]): void {
  if (state.session.kind !== "open") return;
  const { session } = state.session;
  const sequence = state.nextSequence;
  state.nextSequence += 1;
  state.openSequences.add(sequence);
  call.place = { session, sequence, floor: floorOf(state) };
  if (!state.config.savesRequests) return;
  // S6f: durable first; `saved` sends it.
  call.saving = true;
  state.saving.set(sequence, call);
  effects.push({ kind: "save-request", session, sequence, operation: call.operation, input: call.input });
}

/** S6a: its session has expired. A copy that was sent may have been executed; one that was not is simply sent in the new session. */
function leaveOldSession(state: ClientState, call: OwnCall, effects: ClientEffect[]): void {
  if (call.lostCopy || call.tickets.size > 0) {
    settle(state, call, failed("session-expired", "The session has expired; whether the request was executed is unknown."), effects);
    return;
  }
  call.place = null;
  state.waitingOwn.add(call.id);
}

function sendToLeader(state: ClientState, effects: ClientEffect[]): void {
  for (const id of state.waitingLeader) {
    if (state.leaderInFlight.size >= state.config.inFlightMax) return;
    const call = state.calls.get(id);
    if (call !== undefined && !leaderHasRoom(state, call)) return;
    state.waitingLeader.delete(id);
    if (call === undefined) continue;
    state.leaderInFlight.add(id);
    sendCopy(state, call, state.route?.connection ?? 0, effects);
  }
}

function sendToAny(state: ClientState, effects: ClientEffect[]): void {
  for (const id of state.waitingAny) {
    const call = state.calls.get(id);
    if (call === undefined) {
      state.waitingAny.delete(id);
      continue;
    }
    if (waitsForResumption(state, call)) continue;
    const connection = chooseReader(state, call);
    if (connection === null) return;
    state.waitingAny.delete(id);
    sendCopy(state, call, connection, effects);
  }
}

/** S7: before the session is resumed nobody can say how much its earlier life has seen. */
function waitsForResumption(state: ClientState, call: Call): boolean {
  return state.session.kind === "resuming" && call.kind === "query" && call.consistency === "session";
}

function takeTicket(state: ClientState, call: number, connection: number): number {
  const ticket = state.nextTicket;
  state.nextTicket += 1;
  state.tickets.set(ticket, { call, connection });
  state.connections.get(connection)?.tickets.add(ticket);
  return ticket;
}

function sendCopy(state: ClientState, call: Call, connection: number, effects: ClientEffect[]): void {
  const ticket = takeTicket(state, call.id, connection);
  call.tickets.add(ticket);
  noteSent(state, connection, ticket, call);
  effects.push({ kind: "send", connection, message: copyOf(state, call, ticket) });
}

function copyOf(state: ClientState, call: Call, ticket: number): ClientMessage {
  switch (call.kind) {
    case "own": {
      const { session } = state;
      assert(session.kind === "open" && call.place !== null, "S6b", () => "a request is sent in an open session");
      const { sequence, floor } = call.place;
      assert(floor <= floorOf(state), "S6b", () => `floor ${floor} above the open request ${floorOf(state)}`);
      const identity = {
        kind: "session",
        session: session.session,
        resumption: session.resumption,
        sequence,
        floor,
      } as const;
      return { kind: "request", ticket, identity, operation: call.operation, input: call.input };
    }
    case "foreign":
      return { kind: "request", ticket, identity: call.identity, operation: call.operation, input: call.input };
    case "query":
      return {
        kind: "query",
        ticket,
        query: call.query,
        input: call.input,
        consistency: call.consistency,
        atLeastIndex: state.highestIndex,
      };
    case "open-session":
      return { kind: "open-session", ticket, nonce: call.nonce };
    default:
      return unreachable(call);
  }
}
