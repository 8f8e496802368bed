import { type Dialer, dial } from "../../runtime/dialer.js";
import type { Connection } from "../../runtime/connection.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import { SERVER_REDIAL_MS_MIN } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { Address, AddressBook } from "../../vocabulary/view.js";

export interface ConnectionEvents {
  onOpen(connection: Connection, outbound: boolean): void;
  onMessage(connection: Connection, message: Message): void;
  onClose(connection: Connection): void;
}

export interface Links {
  /** Hold one connection to each of these and no other (effect `link`). */
  update(replicas: readonly ReplicaId[], book: AddressBook): void;
  close(): void;
}

/** A leader's own connections to members and learners, redialled for ever. A changed address is taken up at the next dial. */
export function createLinks(hello: () => Hello, events: ConnectionEvents): Links {
  const dialers = new Map<ReplicaId, { readonly dialer: Dialer; readonly key: string }>();
  let book: AddressBook["entries"] = [];

  const addressOf = (replica: ReplicaId): Address | null => book.find((entry) => entry.replica === replica)?.address ?? null;
  const bootOf = (replica: ReplicaId): string => book.find((entry) => entry.replica === replica)?.bootId ?? "";

  function open(replica: ReplicaId): void {
    const dialer = dial({
      address: () => addressOf(replica),
      hello,
      accepts: (peer) => (peer.replica === replica ? null : `This address belongs to ${peer.replica ?? "no replica"}, not to ${replica}.`),
      onOpen: (connection) => events.onOpen(connection, true),
      onMessage: events.onMessage,
      onClose: (connection) => events.onClose(connection),
      backoffMinMs: SERVER_REDIAL_MS_MIN,
      backoffMaxMs: 200,
      connectTimeoutMs: 1_000,
    });
    dialers.set(replica, { dialer, key: bootOf(replica) });
  }

  return {
    update(replicas, newBook) {
      book = newBook.entries;
      for (const [replica, link] of dialers) {
        // Another process took the replica over: what is still connected, if anything, is the old one.
        if (replicas.includes(replica) && link.key === bootOf(replica)) continue;
        link.dialer.close();
        dialers.delete(replica);
      }
      for (const replica of replicas) if (!dialers.has(replica)) open(replica);
    },
    close() {
      for (const link of dialers.values()) link.dialer.close();
      dialers.clear();
    },
  };
}
