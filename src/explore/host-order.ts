/**
 * One form for states that behave alike: time stands still between turns, tickets count from the oldest that is outstanding, and what is
 * only for people is left out. Sound, because the core compares times with `nowMs` and tickets with one another, and nothing else.
 */
import type { Fifo } from "../server/core/fifo.js";
import { fifoSize } from "../server/core/fifo.js";
import type { Waiter } from "../server/core/leading-state.js";
import type { Replica } from "../server/core/state.js";
import { digestOf } from "./digest.js";
import type { Host } from "./host-state.js";
import { sortTable } from "./plain-data.js";

/** The time of every turn but those that a wait brings about. */
export const NOW_MS = 1_000;
/** Less than the age counter's grain (S6e): heartbeats that are due age nothing. */
export const TICK_MS = 0.5;

/** What was done in a turn that a wait brought about counts as done now. */
export function settleTime(host: Host): void {
  const leading = host.replica.stance;
  if (leading.kind !== "leading") return;
  leading.reads.sentAtMs = Math.min(leading.reads.sentAtMs, NOW_MS);
  for (const peer of leading.peers.values()) {
    peer.sentAtMs = Math.min(peer.sentAtMs, NOW_MS);
    const flow = peer.feed.kind === "transferring" ? peer.feed : peer.shipment;
    if (flow !== null) {
      flow.progressAtMs = Math.min(flow.progressAtMs, NOW_MS);
      flow.dueMs = Math.min(flow.dueMs, NOW_MS);
    }
    peer.shipmentDueMs = Math.min(peer.shipmentDueMs, NOW_MS);
  }
}

function compact<T>(fifo: Fifo<T>): void {
  if (fifo.head === 0) return;
  fifo.items = fifo.items.slice(fifo.head);
  fifo.head = 0;
}

function settleTickets(host: Host): void {
  const { replica } = host;
  const outstanding = host.writes.map((write) => write.ticket);
  const base = Math.min(replica.nextTicket, ...outstanding, ...replica.log.writing.items.map((write) => write?.ticket ?? Infinity)) - 1;
  if (base === 0) return;
  replica.nextTicket -= base;
  host.writes = host.writes.map((write) => {
    const ticket = write.ticket - base;
    return { ...write, ticket, effect: { ...write.effect, ticket } };
  });
  const { writing } = replica.log;
  writing.items = writing.items.map((write) => (write === undefined ? write : { ...write, ticket: write.ticket - base }));
  replica.promising.items = replica.promising.items.map((write) =>
    write === undefined ? write : { ...write, ticket: write.ticket - base },
  );
  settleTransferTickets(replica, base);
}

/** Tickets of snapshots and transfers; each that is kept has its operation outstanding. */
function settleTransferTickets(replica: Replica, base: number): void {
  const { checkpoint, receiving, stance } = replica;
  replica.loadTicket = replica.warmth === "loading" ? replica.loadTicket - base : 0;
  if (checkpoint !== null) replica.checkpoint = { ...checkpoint, ticket: checkpoint.ticket - base };
  if (receiving !== null) {
    receiving.storing.items = receiving.storing.items.map((write) => write && { ...write, ticket: write.ticket - base });
    if (receiving.installing !== null) receiving.installing -= base;
  }
  if (stance.kind !== "leading") return;
  const reads = [...stance.sliceReads];
  stance.sliceReads.clear();
  for (const [ticket, read] of reads) stance.sliceReads.set(ticket - base, read);
}

function uniqueWaiters(waiters: readonly Waiter[]): Waiter[] {
  return waiters.filter(
    (waiter, i) => waiters.findIndex((other) => other.connection === waiter.connection && other.ticket === waiter.ticket) === i,
  );
}

function settleExecution(replica: Replica): void {
  const { execution } = replica;
  const isIdle = fifoSize(execution.applying) + fifoSize(execution.speculating) + fifoSize(execution.querying) === 0;
  if (!isIdle || execution.unreleasedCount > 0) return;
  execution.nextTicket = 1;
  execution.floorTicket = 0;
}

function isSameHeld(a: Replica["held"][number], b: Replica["held"][number]): boolean {
  if (a.connection !== b.connection) return false;
  if (a.message === b.message) return true;
  const [one, other] = [digestOf(a.message), digestOf(b.message)];
  return one.high === other.high && one.low === other.low;
}

/** Brings a state into the one form. */
export function settleOrder(host: Host): void {
  const { replica } = host;
  compact(replica.promising);
  compact(replica.log.writing);
  compact(replica.execution.applying);
  compact(replica.execution.speculating);
  compact(replica.execution.querying);
  if (replica.receiving !== null) compact(replica.receiving.storing);
  settleTickets(host);
  settleExecution(replica);
  replica.lastReport = "";
  replica.reportDirty = false;
  replica.executedCount = 0;
  sortTable(replica.connections);
  // A copy of what is held already adds nothing.
  replica.held = replica.held.filter((one, i) => replica.held.findIndex((other) => isSameHeld(other, one)) === i);
  const leading = replica.stance;
  if (leading.kind !== "leading") return;
  sortTable(leading.peers);
  compact(leading.line);
  compact(leading.logged);
  compact(leading.reads.waiting);
  for (const item of leading.pending.values()) item.waiters = uniqueWaiters(item.waiters);
  for (const peer of leading.peers.values()) {
    // For people only.
    peer.lost = false;
    peer.transferredBytes = 0;
  }
}
