import type { Hello, Message } from "../vocabulary/message.js";

/** What a retransmission below us, or a middlebox, could bring again: between the same two it must do no harm, however late. */
export const REPLAYED: ReadonlySet<string> = new Set([
  "append",
  "append-ack",
  "append-refused",
  "confirm",
  "confirmed",
  "snapshot-slice",
  "snapshot-ack",
  "seal",
  "sealed",
  "lead",
  "led",
  "activate",
  "activated",
  "request",
  "query",
  "reply",
  "redirect",
]);

/**
 * Copies of requests that a server has refused, by the client's process and the ticket. Those alone do not come again: whoever refuses keeps
 * nothing, so a copy that the network itself makes afterwards is a new request to everybody, and its client may have said "not executed" of
 * all that it sent (S6h). TCP makes no copies; a network that does breaks this one promise.
 */
export type Refusals = Set<string>;

export function noteRefusal(refusals: Refusals, client: Hello, message: Message): void {
  if (message.kind === "request-failed") refusals.add(`${client.bootId} ${message.ticket}`);
}

export function isRefused(refusals: Refusals, client: Hello, message: Message): boolean {
  return message.kind === "request" && refusals.has(`${client.bootId} ${message.ticket}`);
}
