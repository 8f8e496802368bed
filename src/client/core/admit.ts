import { LIMITS } from "../../vocabulary/limit.js";
import type { ClientEffect } from "./effect.js";
import type { ClientEvent } from "./event.js";
import { readsAnywhere } from "./send.js";
import { failed } from "./settle.js";
import type { Call, ClientState } from "./state.js";

type Work = Extract<ClientEvent, { kind: "operation" | "query" | "open-session" }>;

/** Takes a call in, or refuses it at once: every queue is bounded. */
export function admit(state: ClientState, event: Work, nowMs: number, effects: ClientEffect[]): void {
  const call = callOf(event, nowMs);
  const refusal = refusalOf(state, call);
  if (refusal !== null) {
    effects.push({ kind: "settle", call: event.call, outcome: refusal });
    return;
  }
  state.calls.set(call.id, call);
  state.heldBytes += call.sizeBytes;
  state.checkAtMs = Math.min(state.checkAtMs, call.deadlineMs, "impatientAtMs" in call ? call.impatientAtMs : call.deadlineMs);
  if (call.kind === "own") state.waitingOwn.add(call.id);
  else if (readsAnywhere(call)) state.waitingAny.add(call.id);
  else state.waitingLeader.add(call.id);
}

function refusalOf(state: ClientState, call: Call) {
  const { waitingMax, heldBytesMax } = state.config;
  if (state.closed) return failed("unavailable", "The client is closed.");
  if (call.sizeBytes > LIMITS.payloadSizeBytesMax)
    return failed("too-large", `The input has ${call.sizeBytes} bytes; at most ${LIMITS.payloadSizeBytesMax} are taken.`);
  const waiting = state.waitingNumbered.size + state.waitingOwn.size + state.waitingLeader.size + state.waitingAny.size;
  if (waiting >= waitingMax) return failed("overloaded", `${waiting} requests wait in this client already; slow down and try again.`);
  if (state.heldBytes + call.sizeBytes > heldBytesMax)
    return failed("overloaded", `Requests of ${state.heldBytes} bytes wait in this client already; slow down and try again.`);
  return null;
}

/** Assigned, not spread: the spread of an object takes some microseconds, and every call passes here. */
function callOf(event: Work, nowMs: number): Call {
  const base = { id: event.call, deadlineMs: event.deadlineMs, tickets: new Set<number>(), lostCopy: false, refusal: null };
  if (event.kind === "open-session") return Object.assign(base, { kind: event.kind, sizeBytes: 0, nonce: event.nonce });
  const { input } = event;
  const sizeBytes = input.byteLength;
  if (event.kind === "query") {
    const { kind, query, consistency } = event;
    return Object.assign(base, { kind, sizeBytes, query, input, consistency, toLeader: false });
  }
  const impatientAtMs = Math.min(event.deadlineMs, nowMs + event.patienceMs);
  const { operation, identity } = event;
  if (identity !== null) return Object.assign(base, { kind: "foreign" as const, sizeBytes, operation, input, impatientAtMs, identity });
  const own = { kind: "own" as const, sizeBytes, operation, input, impatientAtMs, recovered: false, place: null, saving: false };
  return Object.assign(base, own);
}
