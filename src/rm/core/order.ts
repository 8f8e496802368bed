import type { HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { ControlMessage } from "../../vocabulary/message.js";
import { announce } from "./announce.js";
import { groupRecord, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import { sendToLfd } from "./outbox.js";
import { onStartAnswered } from "./relaunch.js";
import type { Order, OrderPurpose } from "./order-record.js";
import { type Rm, wakeAt } from "./state.js";

const PAUSE_MS = 1_000;
/** A person waits no longer to hear what became of a kill. */
const HAND_KILL_MS = 5_000;

/**
 * An order to an LFD: kept and sent again with each new connection until it is answered. Not a kill: what was right when it was ordered may
 * take the last copy a while later. It is sent on the connection that is there or not at all, and ends with it; the Replication Manager looks
 * again, and so does a person. Null when the same one is already under way, or was a moment ago.
 */
export function placeOrder(
  rm: Rm,
  nowMs: number,
  about: Pick<Order, "host" | "group" | "replica" | "purpose" | "askedMs">,
  make: (ticket: number) => ControlMessage,
  effects: RmEffect[],
): number | null {
  if (pendingOrder(rm, about.replica, about.purpose) !== undefined) return null;
  if (about.purpose === "kill" && rm.hosts.get(about.host)?.linkOpen !== true) return null;
  const pausedUntilMs = rm.orderPauses.get(pauseKey(about)) ?? 0;
  if (nowMs < pausedUntilMs) {
    wakeAt(rm, nowMs, pausedUntilMs);
    return null;
  }
  const ticket = rm.nextTicket++;
  const order: Order = { ...about, ticket, message: make(ticket) };
  rm.orders.set(ticket, order);
  sendToLfd(rm, order.host, order.message, effects);
  return ticket;
}

function pauseKey(about: Pick<Order, "replica" | "purpose">): string {
  return `${about.purpose} ${about.replica}`;
}

/** A person may ask again at once. */
export function resumeOrders(rm: Rm, replica: ReplicaId, purpose: OrderPurpose): void {
  rm.orderPauses.delete(pauseKey({ replica, purpose }));
}

export function pendingOrder(rm: Rm, replica: ReplicaId, purpose: OrderPurpose): Order | undefined {
  for (const order of rm.orders.values()) if (order.replica === replica && order.purpose === purpose) return order;
  return undefined;
}

/** Their answers, if any still come, say nothing any more. */
export function dropOrders(rm: Rm, replica: ReplicaId, purposes: readonly OrderPurpose[]): void {
  for (const [ticket, order] of rm.orders) if (order.replica === replica && purposes.includes(order.purpose)) rm.orders.delete(ticket);
}

export function resendOrders(rm: Rm, host: HostId, effects: RmEffect[]): void {
  endKills(rm, host, effects);
  for (const order of rm.orders.values()) if (order.host === host) sendToLfd(rm, host, order.message, effects);
}

/** The connection on which they were sent is there no more. */
export function endKills(rm: Rm, host: HostId, effects: RmEffect[]): void {
  for (const order of rm.orders.values()) {
    if (order.host !== host || order.purpose !== "kill") continue;
    giveUp(rm, order, "the connection to its fault detector ended before an answer came; it is not sent again", effects);
  }
}

/** What a connection holds cannot be called back: it may be carried out when the host is heard of again. */
export function watchHandKills(rm: Rm, nowMs: number, effects: RmEffect[]): void {
  for (const order of rm.orders.values()) {
    if (order.askedMs === undefined || order.purpose !== "kill") continue;
    const dueMs = order.askedMs + HAND_KILL_MS;
    if (nowMs < dueMs) wakeAt(rm, nowMs, dueMs);
    else giveUp(rm, order, `no answer came for ${HAND_KILL_MS} ms; it may still be carried out when the host is reached`, effects);
  }
}

function giveUp(rm: Rm, { ticket, replica, host, group, askedMs }: Order, why: string, effects: RmEffect[]): void {
  rm.orders.delete(ticket);
  if (askedMs === undefined) return;
  announce(effects, "order-failed", `host ${host} did not say that ${replica} was killed: ${why}`, { group, replica, host });
}

export function onOrderDone(rm: Rm, nowMs: number, host: HostId, ticket: number, error: string | null, effects: RmEffect[]): void {
  const order = rm.orders.get(ticket);
  if (order === undefined || order.host !== host) return;
  rm.orders.delete(ticket);
  const { replica, group } = order;
  // Failed, or its effect (a death, a removal) has not been told of yet. Starts have a back-off of their own.
  if (order.purpose !== "start") rm.orderPauses.set(pauseKey(order), nowMs + PAUSE_MS);
  if (error !== null)
    announce(effects, "order-failed", `host ${host} could not ${order.purpose} ${replica}: ${error}`, { group, replica, host });
  if (order.purpose === "start") onStartAnswered(rm, nowMs, order, error, effects);
  if (order.purpose === "discard" && error === null) forgetReplica(rm, order, effects);
}

/** A replica that left the view and whose folder was set aside exists no more. */
function forgetReplica(rm: Rm, order: Order, effects: RmEffect[]): void {
  const record = groupRecord(rm.store.draft, order.group);
  if (record === undefined) return;
  const replicas = record.replicas.filter((one) => one.replica !== order.replica);
  rm.store.draft = withGroup(rm.store.draft, { ...record, replicas });
  rm.sights.delete(order.replica);
  const group = rm.groups.get(order.group);
  group?.starts.delete(order.replica);
  group?.admissions.delete(order.replica);
  rm.orderPauses.delete(pauseKey(order));
  announce(effects, "removed", `${order.replica} was removed; its data is set aside`, {
    group: order.group,
    replica: order.replica,
    host: order.host,
  });
}
