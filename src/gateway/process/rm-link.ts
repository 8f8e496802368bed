import { dial } from "../../runtime/dialer.js";
import type { AdminCommand, StatusImage, TroupeEvent } from "../../vocabulary/admin.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { Address } from "../../vocabulary/view.js";
import type { AdminAnswer } from "../http/backend.js";

/** Events kept for those who come late or were away. */
const EVENTS_MAX = 1_000;
const ADMIN_TIMEOUT_MS = 5_000;

export interface RmLinkOptions {
  /** Where the Replication Manager listens now; it may move at each restart. */
  readonly address: () => Address | null;
  readonly hello: () => Hello;
  readonly onStatus: (image: StatusImage) => void;
  /** How long a change may wait for its answer, in milliseconds; less for tests. */
  readonly adminTimeoutMs?: number;
}

/** The gateway's line to the Replication Manager: its last status and events, and changes asked for. Outlives any number of its deaths. */
export interface RmLink {
  readonly image: StatusImage | null;
  readonly isUp: boolean;
  eventsAfter(id: number): readonly TroupeEvent[];
  onEvents(listener: (events: readonly TroupeEvent[]) => void): () => void;
  administer(command: AdminCommand): Promise<AdminAnswer>;
  close(): void;
}

export function createRmLink(options: RmLinkOptions): RmLink {
  let image: StatusImage | null = null;
  let events: TroupeEvent[] = [];
  let nextTicket = 1;
  const listeners = new Set<(events: readonly TroupeEvent[]) => void>();
  const waiting = new Map<number, (outcome: AdminAnswer) => void>();
  /** Commands that came while there was no line; they leave with the next one. */
  const unsent = new Map<number, AdminCommand>();

  function onMessage(message: Message): void {
    if (message.kind === "status") {
      image = message.status;
      options.onStatus(message.status);
    } else if (message.kind === "events") takeEvents(message.events);
    else if (message.kind === "admin-reply") settle(message.ticket, message.outcome);
  }

  function takeEvents(told: readonly TroupeEvent[]): void {
    const lastId = events.at(-1)?.id ?? 0;
    const fresh = told.filter((event) => event.id > lastId);
    if (fresh.length === 0) return;
    events = [...events, ...fresh].slice(-EVENTS_MAX);
    for (const listener of listeners) listener(fresh);
  }

  function settle(ticket: number, outcome: AdminAnswer): void {
    const resolve = waiting.get(ticket);
    waiting.delete(ticket);
    unsent.delete(ticket);
    resolve?.(outcome);
  }

  const dialer = dial({
    address: options.address,
    hello: options.hello,
    accepts: (peer) => refusalOf(options.hello(), peer),
    onOpen(connection) {
      connection.send({ kind: "subscribe-status", afterEventId: events.at(-1)?.id ?? 0 });
      for (const [ticket, command] of unsent) connection.send({ kind: "admin-request", ticket, command });
      unsent.clear();
    },
    onMessage: (_, message) => onMessage(message),
    onClose() {
      for (const ticket of [...waiting.keys()])
        if (!unsent.has(ticket))
          settle(
            ticket,
            unknown(
              "The Replication Manager went away before it answered; look at the status whether the change was taken, then try again.",
            ),
          );
    },
    backoffMinMs: 20,
    backoffMaxMs: 500,
    connectTimeoutMs: 1_000,
  });

  return {
    get image() {
      return image;
    },
    get isUp() {
      return dialer.connection !== null;
    },
    eventsAfter: (id) => events.filter((event) => event.id > id),
    onEvents(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    administer(command) {
      const ticket = nextTicket;
      nextTicket += 1;
      return new Promise((resolve) => {
        const timer = setTimeout(
          () =>
            settle(
              ticket,
              unsent.has(ticket) ? rejected(AWAY) : unknown(`${AWAY} Look at the status first: the change may still be taken.`),
            ),
          options.adminTimeoutMs ?? ADMIN_TIMEOUT_MS,
        );
        waiting.set(ticket, (outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        });
        if (dialer.connection === null) unsent.set(ticket, command);
        else dialer.connection.send({ kind: "admin-request", ticket, command });
      });
    },
    close: () => dialer.close(),
  };
}

const AWAY = "The Replication Manager does not answer at the moment; clients are served all the same. Try again.";

function rejected(message: string): AdminAnswer {
  return { kind: "rejected", httpStatus: 503, message };
}

/** Never a definite word about what was sent: a Replication Manager that was only stopped carries it out when it wakes. */
function unknown(message: string): AdminAnswer {
  return { kind: "unknown", message };
}

function refusalOf(own: Hello, peer: Hello): string | null {
  if (peer.clusterId !== own.clusterId) return `it belongs to another system (${peer.clusterId})`;
  if (peer.role !== "rm") return `it is no Replication Manager but a ${peer.role}`;
  return null;
}
