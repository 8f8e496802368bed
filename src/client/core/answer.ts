import { compareEpochs } from "../../vocabulary/epoch.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import { holdBack } from "./backoff.js";
import type { ClientEffect } from "./effect.js";
import { onFailure } from "./failure.js";
import { chooseRoute, learnMembers } from "./route.js";
import { readsAnywhere } from "./send.js";
import { onResumeExpired, onSessionOpened, onSessionResumed } from "./session.js";
import { settle } from "./settle.js";
import { type Call, type ClientState, SESSION_CALL } from "./state.js";
import { noteAnswered } from "./unread.js";

type Answer = Exclude<ClientMessage, { kind: "members" | "request" | "query" | "open-session" | "resume-session" }>;

/** The resumption of a session that was opened and never resumed. */
const FIRST_RESUMPTION = 0;

/** What a server says. Messages that only clients send, and answers to what is settled already, are passed over. */
export function onMessage(state: ClientState, nowMs: number, from: number, message: ClientMessage, effects: ClientEffect[]): void {
  const connection = state.connections.get(from);
  if (connection === undefined) return;
  switch (message.kind) {
    case "members":
      connection.viewEpoch = message.view?.epoch ?? connection.viewEpoch;
      connection.serving = message.serving && message.view !== null;
      learnMembers(state, message.view, message.book, effects);
      chooseRoute(state);
      return;
    case "request":
    case "query":
    case "open-session":
    case "resume-session":
      return;
    default:
      onAnswer(state, nowMs, from, message, effects);
  }
}

function onAnswer(state: ClientState, nowMs: number, from: number, message: Answer, effects: ClientEffect[]): void {
  const connection = state.connections.get(from);
  if (connection !== undefined) noteAnswered(connection.unread, message.ticket);
  const sent = state.tickets.get(message.ticket);
  // A ticket is answered on the connection that carried it, and once.
  if (sent === undefined || sent.connection !== from) return;
  state.tickets.delete(message.ticket);
  connection?.tickets.delete(message.ticket);
  if (sent.call === SESSION_CALL) {
    onSessionAnswer(state, nowMs, message, effects);
    return;
  }
  const call = state.calls.get(sent.call);
  if (call === undefined) return;
  call.tickets.delete(message.ticket);
  switch (message.kind) {
    case "reply":
      state.attempt = 0;
      if (compareEpochs(message.epoch, state.seenFromEpoch) >= 0) state.highestIndex = Math.max(state.highestIndex, message.index);
      settle(state, call, { kind: "answered", reply: message.reply, index: message.index, epoch: message.epoch }, effects);
      return;
    case "session-opened":
      if (call.kind === "open-session") settle(state, call, { kind: "session-opened", session: message.session }, effects);
      return;
    case "request-failed":
      if (readsAnywhere(call)) {
        askLeader(state, call);
        return;
      }
      onFailure(state, nowMs, call, message.code, message.message, effects);
      return;
    case "redirect":
      onRedirect(state, nowMs, from, call);
      return;
    case "session-resumed":
      return;
  }
}

/** Says nothing about the outcome (S6h): the copy may be in a log that the next leader keeps. */
function onRedirect(state: ClientState, nowMs: number, from: number, call: Call): void {
  if (readsAnywhere(call)) {
    askLeader(state, call);
    return;
  }
  call.lostCopy = true;
  if (state.route?.connection === from) holdBack(state, nowMs);
  else if (call.tickets.size === 0) state.resendAll = true;
}

function askLeader(state: ClientState, call: Call): void {
  if (call.kind !== "query") return;
  call.toLeader = true;
  state.waitingLeader.add(call.id);
}

function onSessionAnswer(state: ClientState, nowMs: number, message: Answer, effects: ClientEffect[]): void {
  const { session } = state;
  if ((session.kind !== "opening" && session.kind !== "resuming") || session.ticket !== message.ticket) return;
  switch (message.kind) {
    case "session-opened":
      onSessionOpened(state, message.session, FIRST_RESUMPTION, effects);
      return;
    case "session-resumed":
      onSessionResumed(state, message, effects);
      return;
    case "request-failed":
      if (session.kind === "resuming" && message.code === "session-expired") {
        onResumeExpired(state, session.session, message.message, effects);
        return;
      }
      session.ticket = null;
      for (const id of [...state.waitingNumbered, ...state.waitingOwn]) {
        const call = state.calls.get(id);
        if (call !== undefined) call.refusal = { code: message.code, message: message.message };
      }
      holdBack(state, nowMs);
      return;
    case "redirect":
    case "reply":
      session.ticket = null;
      holdBack(state, nowMs);
      return;
  }
}
