/** Answers to clients: only what is committed (S8), or what certainly never will be (S6h). */
import type { ErrorCode } from "../../vocabulary/error.js";
import type { Reply } from "../../vocabulary/session.js";
import type { Item, Leading, Waiter } from "./leading-state.js";
import { send, type Turn } from "./state.js";

export function fail(turn: Turn, waiter: Waiter, code: ErrorCode, message: string): void {
  send(turn, waiter.connection, { kind: "request-failed", ticket: waiter.ticket, code, message });
}

export function redirect(turn: Turn, waiter: Waiter): void {
  send(turn, waiter.connection, { kind: "redirect", ticket: waiter.ticket });
}

export function sendReply(turn: Turn, waiter: Waiter, index: number, reply: Reply): void {
  const view = turn.replica.stance.kind === "leading" ? turn.replica.stance.view : turn.replica.activeView;
  if (view !== null) send(turn, waiter.connection, { kind: "reply", ticket: waiter.ticket, index, epoch: view.epoch, reply });
}

/** Size that a request takes in the leader's queues. */
export function itemSizeBytes(item: Item): number {
  return item.kind === "request" ? 256 + item.input.length : 256;
}

/** Takes the item out of the leader's hands and tells everyone who waits for it. */
export function settleItem(turn: Turn, item: Item, tell: (waiter: Waiter) => void): void {
  const { stance } = turn.replica;
  if (stance.kind === "leading" && item.key !== null && stance.pending.get(item.key) === item) forget(stance, item, item.key);
  for (const waiter of item.waiters) tell(waiter);
  item.waiters = [];
}

function forget(leading: Leading, item: Item, key: string): void {
  leading.pending.delete(key);
  leading.pendingBytes -= itemSizeBytes(item);
}
