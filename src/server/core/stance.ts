/** Changes of stance: a higher promise (S2), the end of a leadership, a view that became active. */
import { assert } from "../../vocabulary/assert.js";
import { compareEpochs, type Epoch, epochText } from "../../vocabulary/epoch.js";
import type { View } from "../../vocabulary/view.js";
import { clear, peek, push, shift } from "./fifo.js";
import { linkMembers } from "./peers.js";
import { note, type Replica, send, takeTicket, type Turn } from "./state.js";

function persistPromise(turn: Turn): void {
  const { replica, effects } = turn;
  const ticket = takeTicket(replica);
  push(replica.promising, { ticket, promise: replica.promise });
  effects.push({ kind: "persist-promise", ticket, promise: replica.promise, activeView: replica.activeView, blank: replica.blank });
}

/** S1e: a view was active; this replica can be part of no first one any more. */
export function leaveBlank(turn: Turn): void {
  if (!turn.replica.blank) return;
  turn.replica.blank = false;
  turn.replica.reportDirty = true;
  persistPromise(turn);
}

/** S2a: from now on nothing of a lower epoch is accepted or confirmed; what was led or followed ends. */
export function raisePromise(turn: Turn, epoch: Epoch): void {
  const { replica } = turn;
  assert(compareEpochs(epoch, replica.promise) > 0, "S2a", () => `promise ${epochText(replica.promise)} to ${epochText(epoch)}`);
  stepDown(turn);
  replica.promise = epoch;
  replica.stance = { kind: "waiting" };
  replica.reportDirty = true;
  persistPromise(turn);
}

export function onPromisePersisted(replica: Replica, ticket: number): void {
  for (let write = peek(replica.promising); write !== undefined && write.ticket <= ticket; write = peek(replica.promising)) {
    replica.durablePromise = write.promise;
    shift(replica.promising);
  }
}

/** S1e, S4c: remembers the last active view. What is served does not wait for this to be durable. */
export function learnActiveView(turn: Turn, view: View): void {
  const { replica } = turn;
  leaveBlank(turn);
  if (replica.activeView !== null && compareEpochs(view.epoch, replica.activeView.epoch) <= 0) return;
  replica.activeView = view;
  replica.membersDirty = true;
  replica.reportDirty = true;
  persistPromise(turn);
  if (replica.stance.kind !== "leading") linkMembers(turn);
}

/** S2c: what was executed and has no committed entry is undone; its completions are not looked at. */
function undoSpeculation(turn: Turn): void {
  const { execution } = turn.replica;
  if (execution.unreleasedCount === 0 && peek(execution.speculating) === undefined) return;
  assert(peek(execution.applying) === undefined, "S2c", () => "speculation while committed entries are applied");
  turn.effects.push({ kind: "execution", command: { kind: "undo-unreleased" } });
  execution.floorTicket = execution.nextTicket;
  execution.unreleasedCount = 0;
  clear(execution.speculating);
  for (let query = shift(execution.querying); query !== undefined; query = shift(execution.querying)) {
    turn.replica.readsWaiting--;
    execution.queryingBytes -= query.sizeBytes;
    if (!query.read.dropped) send(turn, query.read.connection, { kind: "redirect", ticket: query.read.ticket });
  }
}

/** Leads no more: whoever waits is sent to ask again, which says nothing about the outcome (S6h). */
export function stepDown(turn: Turn): void {
  const { replica } = turn;
  const leading = replica.stance;
  if (leading.kind !== "leading") return;
  for (const item of leading.pending.values()) {
    for (const waiter of item.waiters) send(turn, waiter.connection, { kind: "redirect", ticket: waiter.ticket });
  }
  for (let read = shift(leading.reads.waiting); read !== undefined; read = shift(leading.reads.waiting)) {
    read.dropped = true;
    send(turn, read.connection, { kind: "redirect", ticket: read.ticket });
  }
  undoSpeculation(turn);
  // Entries that are being applied go on; their waiters were redirected.
  for (let i = replica.execution.applying.head; i < replica.execution.applying.items.length; i++) {
    const item = replica.execution.applying.items[i]?.item;
    if (item !== null && item !== undefined) item.waiters = [];
  }
  replica.stance = { kind: "waiting" };
  replica.membersDirty = true;
  replica.reportDirty = true;
  linkMembers(turn);
  note(turn, "info", `leads epoch ${epochText(leading.view.epoch)} no more`);
}
