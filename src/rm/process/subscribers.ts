import type { Connection } from "../../runtime/connection.js";
import type { StatusImage, TroupeEvent } from "../../vocabulary/admin.js";
import type { EventLog } from "./event-log.js";

export interface Subscribers {
  add(connection: Connection, afterEventId: number): void;
  remove(connection: Connection): void;
  publish(status: StatusImage): void;
  tell(events: readonly TroupeEvent[]): void;
}

/** Whoever asked for status and events: each gets what there is at once, and then every change. */
export function createSubscribers(log: EventLog): Subscribers {
  const connections = new Set<Connection>();
  let last: StatusImage | null = null;
  return {
    add(connection, afterEventId) {
      connections.add(connection);
      log.pass(afterEventId);
      if (last !== null) connection.send({ kind: "status", status: last });
      connection.send({ kind: "events", events: log.after(afterEventId) });
    },
    remove(connection) {
      connections.delete(connection);
    },
    publish(status) {
      last = status;
      for (const connection of connections) connection.send({ kind: "status", status });
    },
    tell(events) {
      for (const connection of connections) connection.send({ kind: "events", events });
    },
  };
}
