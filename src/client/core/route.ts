import { compareEpochs, sameEpoch } from "../../vocabulary/epoch.js";
import { type AddressBook, memberOf, type View } from "../../vocabulary/view.js";
import type { ClientEffect, LinkTarget } from "./effect.js";
import type { Call, ClientState, Route } from "./state.js";
import { hasRoom } from "./unread.js";

/**
 * Takes in what a member or a gateway says of the group: the newer view (by epoch) and the newer book (by version) win, whoever
 * speaks first, so that neither a dead gateway nor a silent leader keeps a client from the new view.
 */
export function learnMembers(state: ClientState, view: View | null, book: AddressBook, effects: ClientEffect[]): void {
  if (view !== null && (state.view === null || compareEpochs(view.epoch, state.view.epoch) > 0)) {
    // Section 4, loss: the log of a later generation may be shorter than what was seen, and `session` reads would wait for it to grow.
    if (state.view !== null && view.generation > state.view.generation) {
      state.highestIndex = 0;
      state.seenFromEpoch = view.epoch;
    }
    state.view = view;
    effects.push({ kind: "view", view });
  }
  if (compareEpochs(book.version, state.book.version) > 0) state.book = book;
  const targets = linkTargets(state);
  const key = targets.map((target) => `${target.replica}@${target.address.host}:${target.address.port}`).join(",");
  if (key === state.linksKey) return;
  state.linksKey = key;
  effects.push({ kind: "links", targets });
}

/** Everyone in the book: a learner of today may lead tomorrow, and then a connection is open already. */
function linkTargets(state: ClientState): LinkTarget[] {
  return state.book.entries.map((entry) => ({ replica: entry.replica, address: entry.address }));
}

/**
 * The leader is whoever says that it serves the newest view we know of. One that serves an older view is deposed, though it may not
 * know yet (S4c): what it cannot commit it cannot answer, so nothing more is sent to it. A change of route sends everything again (S6d).
 */
export function chooseRoute(state: ClientState): void {
  let best: Route | null = null;
  for (const [id, connection] of state.connections) {
    const epoch = connection.viewEpoch;
    if (!connection.serving || epoch === null) continue;
    if (state.view !== null && compareEpochs(epoch, state.view.epoch) < 0) continue;
    if (best === null || compareEpochs(epoch, best.epoch) > 0) best = { connection: id, epoch, firstTicket: state.nextTicket };
  }
  const old = state.route;
  if (best === null) {
    state.route = null;
    return;
  }
  if (old !== null && old.connection === best.connection && sameEpoch(old.epoch, best.epoch)) return;
  state.route = best;
  state.resendAll = true;
  state.resumeAtMs = 0;
  state.attempt = 0;
  state.discoverAttempt = 0;
  // A member that left the view may never answer: what it was asked goes to the leader.
  for (const call of state.calls.values()) if (call.kind === "query" && call.tickets.size > 0) call.toLeader = true;
  if (state.session.kind === "opening" || state.session.kind === "resuming") state.session.ticket = null;
}

/** A member for a `session` or `any` query, in turn; null when none has told of a view, or none has room for it. */
export function chooseReader(state: ClientState, query: Call): number | null {
  const { view } = state;
  if (view === null) return null;
  const ready = [...state.connections].filter(
    ([id, { viewEpoch, replica }]) => viewEpoch !== null && memberOf(view, replica) !== undefined && hasRoom(state, id, query),
  );
  if (ready.length === 0) return null;
  state.readerTurn += 1;
  return ready[state.readerTurn % ready.length]?.[0] ?? null;
}
