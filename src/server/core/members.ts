/** What clients are told of the group: on connection, and whenever it changes. */
import { compareEpochs } from "../../vocabulary/epoch.js";
import type { Message } from "../../vocabulary/message.js";
import type { AddressBook } from "../../vocabulary/view.js";
import { linkMembers, linkPeers } from "./peers.js";
import type { Connection, Replica, Turn } from "./state.js";

export function isClient(connection: Connection): boolean {
  return connection.peer.role === "client" || connection.peer.role === "gateway";
}

export function membersMessage(replica: Replica): Message {
  const serving = replica.stance.kind === "leading" && replica.stance.serving;
  return { kind: "members", view: replica.activeView, book: replica.book, serving };
}

export function pushMembers(turn: Turn): void {
  const { replica, effects } = turn;
  if (!replica.membersDirty || isAboutToServe(replica)) return;
  replica.membersDirty = false;
  const message = membersMessage(replica);
  for (const [connection, details] of replica.connections) {
    if (isClient(details)) effects.push({ kind: "send", connection, message });
  }
}

/** A leader that has been activated tells its clients when it serves, most often in the next turn: one message instead of two. */
function isAboutToServe({ stance }: Replica): boolean {
  return stance.kind === "leading" && stance.phase === "active" && !stance.serving;
}

/** The higher version wins; links follow it. */
export function takeBook(turn: Turn, book: AddressBook): void {
  const { replica } = turn;
  if (compareEpochs(book.version, replica.book.version) <= 0) return;
  replica.book = book;
  replica.membersDirty = true;
  if (replica.stance.kind === "leading") linkPeers(turn, replica.stance);
  else linkMembers(turn);
}
