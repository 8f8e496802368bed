import type { ClientEffect } from "../../client/core/effect.js";
import type { ClientEvent } from "../../client/core/event.js";
import type { SavedSession } from "../../client/core/state.js";
import type { SessionId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import { mark, violate, type World } from "../world.js";

/** A request of the session that has a number, and has not ended. */
interface Open {
  readonly sequence: number;
  /** Of each copy that has no answer, by its ticket: where it was sent. */
  readonly underWay: Map<number, number>;
  wasSent: boolean;
  /** Whoever leads there has read it in its turn, and did not take it. */
  readonly refusedOn: Set<number>;
}

/** One life of a client, as seen from what its core hears and does. */
export interface OrderCheck {
  onStep(event: ClientEvent, effects: readonly ClientEffect[]): void;
}

/**
 * S6d: order among the open requests of a session is kept when they are sent again. Whoever reads one has read each older one that is open: that
 * was sent before on the same connection, and is under way there still, for what had no answer but "elsewhere" or "not now" goes again first.
 * Only one that was refused there, and may yet be answered elsewhere (S6h), is not sent again, and waited for by none.
 */
export function createOrderCheck(world: World, name: string, saved: SavedSession | null): OrderCheck {
  let session: SessionId | null = saved?.session ?? null;
  const open = new Map<number, Open>();
  /** By the core's number for the call; of an earlier life's call that is the sequence number, below zero. */
  const ofCall = new Map<number, Open>();
  const ofTicket = new Map<number, Open>();
  const callOf = new WeakMap<Uint8Array, number>();
  for (const { sequence } of saved?.requests ?? []) ofCall.set(-sequence, numbered(sequence));

  function numbered(sequence: number): Open {
    const made: Open = { sequence, underWay: new Map(), wasSent: false, refusedOn: new Set() };
    open.set(sequence, made);
    return made;
  }

  /** A number is given, or used. Those of an earlier session are not used any more. */
  function take(of: SessionId, sequence: number, input: Uint8Array): Open {
    if (of !== session) {
      for (const each of [open, ofCall, ofTicket]) each.clear();
      session = of;
    }
    const known = open.get(sequence);
    if (known !== undefined) return known;
    const made = numbered(sequence);
    const call = callOf.get(input);
    if (call !== undefined) ofCall.set(call, made);
    return made;
  }

  function end(call: number): void {
    const ended = ofCall.get(call);
    if (ended === undefined) return;
    ofCall.delete(call);
    open.delete(ended.sequence);
    for (const ticket of ended.underWay.keys()) ofTicket.delete(ticket);
  }

  function onAnswer(connection: number, message: ClientMessage): void {
    if (!("ticket" in message)) return;
    const answered = ofTicket.get(message.ticket);
    if (answered?.underWay.get(message.ticket) !== connection) return;
    answered.underWay.delete(message.ticket);
    ofTicket.delete(message.ticket);
    if (message.kind === "request-failed") answered.refusedOn.add(connection);
  }

  function onClosed(connection: number): void {
    for (const [ticket, { underWay }] of ofTicket) {
      if (underWay.get(ticket) !== connection) continue;
      underWay.delete(ticket);
      ofTicket.delete(ticket);
    }
  }

  function onSend(connection: number, message: ClientMessage): void {
    if (message.kind !== "request" || message.identity.kind !== "session") return;
    const { identity, ticket, input } = message;
    const sent = take(identity.session, identity.sequence, input);
    for (const older of open.values()) {
      if (older.sequence >= sent.sequence) continue;
      if (sent.wasSent) mark(world, "order-compared");
      if (!isBefore(older, connection))
        violate(
          world,
          "S6d",
          `${name} sends ${sent.sequence} of ${session} on connection ${connection} before ${older.sequence}, which is open`,
        );
    }
    sent.underWay.set(ticket, connection);
    sent.wasSent = true;
    sent.refusedOn.delete(connection);
    ofTicket.set(ticket, sent);
  }

  function onEffect(effect: ClientEffect): void {
    if (effect.kind === "send") onSend(effect.connection, effect.message);
    else if (effect.kind === "save-request") take(effect.session, effect.sequence, effect.input);
    else if (effect.kind === "settle" || effect.kind === "save-settled") end(effect.call);
    else if (effect.kind === "recovered") end(-effect.sequence);
  }

  return {
    onStep(event, effects) {
      if (event.kind === "operation" && event.identity === null) callOf.set(event.input, event.call);
      else if (event.kind === "message") onAnswer(event.connection, event.message);
      else if (event.kind === "connection-closed") onClosed(event.connection);
      for (const effect of effects) onEffect(effect);
    },
  };
}

function isBefore({ underWay, refusedOn }: Open, connection: number): boolean {
  const places = [...underWay.values()];
  return places.includes(connection) || (refusedOn.has(connection) && places.length > 0);
}
