import type { SessionId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { ClientEffect } from "./effect.js";
import { failed, settle } from "./settle.js";
import type { ClientState, OwnCall } from "./state.js";

type Resumed = Extract<ClientMessage, { kind: "session-resumed" }>;

/** Makes sure that the own session is being opened: it is made at the first operation. */
export function wantSession(state: ClientState): void {
  if (state.session.kind !== "none") return;
  state.sessionsMade += 1;
  const nonce = `${state.config.nonce}${(state.sessionsMade % 0x1_0000_0000).toString(16)}`;
  state.session = { kind: "opening", nonce, ticket: null };
}

export function onSessionOpened(state: ClientState, session: SessionId, resumption: number, effects: ClientEffect[]): void {
  if (state.session.kind !== "opening") return;
  state.session = { kind: "open", session, resumption };
  state.nextSequence = 1;
  state.openSequences.clear();
  if (state.config.savesRequests) effects.push({ kind: "save-session", session });
}

/** S6f: what the earlier life left open is either in the table, and then answered, or is sent again under the new resumption. */
export function onSessionResumed(state: ClientState, message: Resumed, effects: ClientEffect[]): void {
  if (state.session.kind !== "resuming" || state.session.session !== message.session) return;
  state.session = { kind: "open", session: message.session, resumption: message.resumption };
  state.nextSequence = Math.max(state.nextSequence, message.highestSequence + 1);
  // S7, read your writes: what the earlier life was told of is below the resumption.
  state.highestIndex = Math.max(state.highestIndex, message.index);
  const kept = new Map(message.replies.map(([sequence, index, reply]) => [sequence, { index, reply }]));
  for (const call of ownCalls(state)) {
    const found = call.place?.session === message.session ? kept.get(call.place.sequence) : undefined;
    if (found === undefined || !call.recovered) continue;
    settle(state, call, { kind: "answered", reply: found.reply, index: found.index, epoch: state.route?.epoch ?? [0, 0] }, effects);
  }
  state.resendAll = true;
}

/** The session is not known any more: later requests get a new one. Calls of it that are on the way hear for themselves. */
export function endSession(state: ClientState, session: SessionId): void {
  if ((state.session.kind !== "open" && state.session.kind !== "resuming") || state.session.session !== session) return;
  state.session = { kind: "none" };
  state.nextSequence = 1;
  state.openSequences.clear();
  // What waits for the file was never sent: it goes into the new session.
  for (const call of state.saving.values()) {
    call.saving = false;
    call.place = null;
  }
  if (state.saving.size > 0) state.resendAll = true;
  state.saving.clear();
}

/** S6a: a resumption that fails leaves the outcome of everything that was open unknown. */
export function onResumeExpired(state: ClientState, session: SessionId, message: string, effects: ClientEffect[]): void {
  for (const call of ownCalls(state)) if (call.place?.session === session) settle(state, call, failed("session-expired", message), effects);
  endSession(state, session);
}

function ownCalls(state: ClientState): OwnCall[] {
  const found: OwnCall[] = [];
  for (const call of state.calls.values()) if (call.kind === "own") found.push(call);
  return found;
}
