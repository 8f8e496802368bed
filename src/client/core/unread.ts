import type { Call, ClientState, Unread } from "./state.js";

/**
 * Pace: what is sent to a server that does not read it piles up in front of the connection, and too much of it would end the connection. What
 * a client holds is bounded, but it sends all of it again at each epoch, and what has timed out still waits to be read. So no more is sent on
 * a connection than a bound beyond what its server is known to have read: it reads in order, and an answer tells that it has read all that
 * was sent before.
 */
export function createUnread(): Unread {
  return { tickets: [], sizes: [], head: 0, sizeBytes: 0 };
}

/** What a copy takes besides its input, and more: identity, name, frame. */
export const COPY_OVERHEAD_BYTES = 512;

export function hasRoom(state: ClientState, connection: number, call: Call): boolean {
  const unread = state.connections.get(connection)?.unread;
  if (unread === undefined || unread.sizeBytes === 0) return true;
  return unread.sizeBytes + call.sizeBytes + COPY_OVERHEAD_BYTES <= state.config.unreadBytesMax;
}

export function noteSent(state: ClientState, connection: number, ticket: number, call: Call): void {
  const unread = state.connections.get(connection)?.unread;
  if (unread === undefined) return;
  const sizeBytes = call.sizeBytes + COPY_OVERHEAD_BYTES;
  unread.tickets.push(ticket);
  unread.sizes.push(sizeBytes);
  unread.sizeBytes += sizeBytes;
}

/** Behind so many that are done with, the others move up. */
const DONE_MAX = 1_024;

/** An answer to `ticket` has come, whether anybody still waits for it or not. */
export function noteAnswered(unread: Unread, ticket: number): void {
  const { tickets, sizes } = unread;
  for (let sent = tickets[unread.head]; sent !== undefined && sent <= ticket; sent = tickets[unread.head]) {
    unread.sizeBytes -= sizes[unread.head] ?? 0;
    unread.head += 1;
  }
  if (unread.head < DONE_MAX || unread.head * 2 < tickets.length) return;
  tickets.splice(0, unread.head);
  sizes.splice(0, unread.head);
  unread.head = 0;
}
