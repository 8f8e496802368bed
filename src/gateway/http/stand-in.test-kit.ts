import type { CallOutcome } from "../../client/core/effect.js";
import { decodeValue, encodeValue } from "../../codec/value.js";
import type { AdminCommand, StatusImage, TroupeEvent } from "../../vocabulary/admin.js";
import { clusterId, groupName, hostId, type SessionId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { RequestIdentity } from "../../vocabulary/session.js";
import { createApp } from "./app.js";
import type { AdminAnswer, Backend } from "./backend.js";

export interface StandIn {
  /** What reached the group, decoded. */
  readonly calls: { name: string; input: unknown; identity: RequestIdentity | null; timeoutMs: number; consistency?: string }[];
  readonly commands: AdminCommand[];
  outcome: CallOutcome;
  adminOutcome: AdminAnswer;
  stale: boolean;
  readonly events: TroupeEvent[];
  /** Events that come together. */
  emit(...events: readonly TroupeEvent[]): void;
  /** Who follows the events. */
  readonly watchers: ReadonlySet<unknown>;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

export const IMAGE: StatusImage = {
  term: 1,
  version: 4,
  groups: [
    {
      group: groupName("counter"),
      service: "counter",
      serviceHash: "ab",
      style: "active",
      styleWanted: "active",
      generation: 1,
      epoch: [1, 2],
      leader: null,
      serving: true,
      waiting: null,
      replicasWanted: 3,
      quorum: "majority",
      quorumSize: 2,
      minimumReplicas: 1,
      durability: "disk",
      checkpointEntries: 10_000,
      members: [],
      view: null,
      book: { version: [1, 1], entries: [] },
    },
  ],
  hosts: [],
  detectors: { lfd: { wanted: DEFAULTS.lfd, effective: DEFAULTS.lfd }, gfd: { wanted: DEFAULTS.gfd, effective: DEFAULTS.gfd } },
  components: [{ component: "rm", host: hostId("h"), pid: 1, verdict: "alive" }],
};

export function answered(value: unknown, refused = false): CallOutcome {
  return { kind: "answered", reply: { refused, bytes: encodeValue(value) }, index: 7, epoch: [1, 2] };
}

/** The HTTP side over a group that answers what the test says. */
export function standIn(): StandIn {
  const listeners = new Set<(events: readonly TroupeEvent[]) => void>();
  const stand: StandIn = {
    calls: [],
    commands: [],
    outcome: answered(5),
    adminOutcome: { kind: "accepted", changeId: "c-1" },
    stale: false,
    events: [],
    watchers: listeners,
    emit(...events) {
      stand.events.push(...events);
      for (const listener of listeners) listener(events);
    },
    async request(method, path, body, headers = {}) {
      const json = method === "GET" ? {} : { "content-type": "application/json" };
      const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream || body === undefined;
      const text = isRaw ? body : JSON.stringify(body);
      const init: RequestInit = { method, headers: { host: "127.0.0.1:7400", ...json, ...headers }, duplex: "half" };
      if (text !== undefined) init.body = text;
      return app.request(path, init);
    },
  };
  const app = createApp(backendOf(stand, listeners), { hosts: () => new Set(["127.0.0.1", "localhost"]) }, (error) => {
    throw error;
  });
  return stand;
}

function backendOf(stand: StandIn, listeners: Set<(events: readonly TroupeEvent[]) => void>): Backend {
  return {
    clusterId: clusterId("0".repeat(32)),
    requestTimeoutMs: 10_000,
    keyExpiryMs: 50_000,
    group: (name) =>
      name !== "counter"
        ? null
        : {
            operations: new Set(["add", "fail"]),
            queries: new Set(["get"]),
            members: () => ({ view: null, book: { version: [1, 1], entries: [] } }),
            client: {
              async operate(name, input, { timeoutMs, identity }) {
                stand.calls.push({ name, input: decodeValue(input), identity: identity ?? null, timeoutMs });
                return stand.outcome;
              },
              async query(name, input, consistency, timeoutMs) {
                stand.calls.push({ name, input: decodeValue(input), identity: null, timeoutMs, consistency });
                return stand.outcome;
              },
              openSession: async () => ({ kind: "session-opened", session: "1.5.aa" as SessionId }),
            },
          },
    status: () => ({ image: IMAGE, stale: stand.stale }),
    async administer(command) {
      stand.commands.push(command);
      return stand.adminOutcome;
    },
    eventsAfter: (id) => stand.events.filter((event) => event.id > id),
    onEvents(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
