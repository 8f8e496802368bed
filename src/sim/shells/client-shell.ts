import type { CallOutcome, ClientEffect, LinkTarget } from "../../client/core/effect.js";
import type { ClientEvent } from "../../client/core/event.js";
import { createClient } from "../../client/core/state.js";
import { nextWakeMs, step } from "../../client/core/step.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { ReplicaId, SessionId } from "../../vocabulary/ids.js";
import { LIMITS, SERVER_REDIAL_MS_MIN } from "../../vocabulary/limit.js";
import type { ClientMessage, Message } from "../../vocabulary/message.js";
import type { Consistency } from "../../vocabulary/message-client.js";
import type { RequestIdentity } from "../../vocabulary/session.js";
import { createOrderCheck } from "../checkers/s6-order.js";
import { createSimDriver } from "../driver.js";
import type { Installation } from "../installation.js";
import { dial, type SimConnection, type SimDialer } from "../network.js";
import { type SessionStore, savedSession } from "../session-store.js";
import { after, localMs, mark, reach, type SimProcess, timer, turnSoon } from "../world.js";
import { helloOf, newBootId } from "./hello.js";

export interface RunningClient {
  operate(
    operation: string,
    input: Uint8Array,
    identity: RequestIdentity | null,
    timeoutMs: number,
    done: (outcome: CallOutcome) => void,
  ): void;
  query(query: string, input: Uint8Array, consistency: Consistency, timeoutMs: number, done: (outcome: CallOutcome) => void): void;
  /** That it has, or is to go on with. */
  session(): SessionId | null;
}

export interface ClientOptions {
  /** Null: it keeps no file. */
  readonly store: SessionStore | null;
  /** The requests of an earlier life have ended so. */
  onRecovered(sequence: number, input: Uint8Array, outcome: CallOutcome): void;
  /** A copy of a request goes out. */
  onSent(request: Extract<ClientMessage, { kind: "request" }>): void;
  /** A call got this number in the session. */
  onSaved(session: SessionId, sequence: number, input: Uint8Array): void;
}

/** As client/process/group-client.ts. */
export function runClient(installation: Installation, process: SimProcess, options: ClientOptions): RunningClient {
  const { world, plan } = installation;
  const { store } = options;
  const saved = store === null ? null : savedSession(store);
  const state = createClient(
    {
      nonce: world.chance.ids.hex(24),
      seed: world.chance.process.uint32(),
      savesRequests: store !== null,
      waitingMax: 4_096,
      heldBytesMax: LIMITS.inFlightPerGroupBytesMax,
      inFlightMax: LIMITS.inFlightPerClientMax,
      unreadBytesMax: LIMITS.unreadPerServerBytesMax,
      backoffMinMs: 10,
      backoffMaxMs: 500,
      discoverAfterMs: 500,
    },
    saved,
  );
  const order = createOrderCheck(world, process.name, saved);
  const callers = new Map<number, (outcome: CallOutcome) => void>();
  let nextCall = 1;
  let savedAtMs = 0;
  const links = createLinks(installation, process, (event) => driver.push(event));
  const driver = createSimDriver<ClientEvent, ClientEffect>(world, process, {
    step(nowMs, event, effects) {
      const before = effects.length;
      step(state, nowMs, event, effects);
      order.onStep(event, effects.slice(before));
    },
    nextWakeMs: () => nextWakeMs(state),
    wake: () => ({ kind: "woken" }),
    perform,
  });

  function perform(effect: ClientEffect): void {
    switch (effect.kind) {
      case "send":
        if (effect.message.kind === "request") options.onSent(effect.message);
        return links.send(effect.connection, effect.message);
      case "links":
        return links.keep(effect.targets);
      case "discover":
        return discover();
      case "settle": {
        const done = callers.get(effect.call);
        callers.delete(effect.call);
        done?.(effect.outcome);
        return;
      }
      case "recovered":
        mark(world, "call-recovered");
        return options.onRecovered(effect.sequence, effect.input, effect.outcome);
      case "view":
        return;
      case "save-session":
        return write(() => {
          if (store === null || store.session === effect.session) return;
          store.session = effect.session;
          store.requests.clear();
          store.highestSequence = 0;
        });
      case "save-request": {
        const { session, sequence, operation, input } = effect;
        // Only then is it sent (S6f).
        return write(() => {
          if (store?.session !== session) return;
          store.requests.set(sequence, { operation, input });
          store.highestSequence = Math.max(store.highestSequence, sequence);
          options.onSaved(session, sequence, input);
          driver.push({ kind: "saved", session, throughSequence: sequence });
        });
      }
      case "save-settled":
        return turnSoon(world, process, world.chance.disk.between(0, 0.05), () => saveSettled(effect));
      default:
        return unreachable(effect);
    }
  }

  /** The file is written in order, and is durable after a while. */
  function write(record: () => void): void {
    savedAtMs = Math.max(savedAtMs + 0.001, world.nowMs + world.chance.disk.between(0.2, 2));
    timer(world, process, (savedAtMs - world.nowMs) * process.host.clockRate, record);
  }

  function saveSettled({ call, session, sequence, durably }: Extract<ClientEffect, { kind: "save-settled" }>): void {
    const done = () => driver.push({ kind: "settled-saved", call });
    write(() => {
      // Numbers begin anew with each session: an end of an earlier one is no end of this one's.
      if (store?.session === session) store.requests.delete(sequence);
      if (durably) done();
    });
    if (!durably) done();
  }

  /** A gateway answers with what the Replication Manager published last. */
  function discover(): void {
    after(world, world.chance.network.between(1, 10), () => {
      const group = installation.status?.groups.find((each) => each.group === plan.spec.group);
      if (group !== undefined) reach(process, () => driver.push({ kind: "discovered", view: group.view, book: group.book }));
    });
  }

  driver.push({ kind: "woken" });
  discover();
  return {
    operate(operation, input, identity, timeoutMs, done) {
      const call = nextCall++;
      callers.set(call, done);
      driver.push({
        kind: "operation",
        call,
        identity,
        operation,
        input,
        deadlineMs: localMs(world, process.host) + timeoutMs,
        patienceMs: timeoutMs,
      });
    },
    query(query, input, consistency, timeoutMs, done) {
      const call = nextCall++;
      callers.set(call, done);
      driver.push({ kind: "query", call, query, input, consistency, deadlineMs: localMs(world, process.host) + timeoutMs });
    },
    session: () => ("session" in state.session ? state.session.session : null),
  };
}

interface Links {
  keep(targets: readonly LinkTarget[]): void;
  send(connection: number, message: ClientMessage): void;
}

function createLinks(installation: Installation, process: SimProcess, push: (event: ClientEvent) => void): Links {
  const { world, network, plan } = installation;
  const targets = new Map<ReplicaId, LinkTarget>();
  const dialers = new Map<ReplicaId, SimDialer>();
  const connections = new Map<number, SimConnection>();
  const boot = newBootId(world);
  const start = (replica: ReplicaId): SimDialer =>
    dial(world, network, process, {
      address: () => targets.get(replica)?.address ?? null,
      hello: () => helloOf(world.clusterId, "client", boot, { group: plan.spec.group }),
      accepts: (peer) => (peer.role === "server" && peer.group === plan.spec.group && peer.replica === replica ? null : "another server"),
      onOpen(connection) {
        connections.set(connection.id, connection);
        push({ kind: "connection-opened", connection: connection.id, replica });
      },
      onMessage(connection, message) {
        if (isForClients(message)) push({ kind: "message", connection: connection.id, message });
      },
      onClose(connection) {
        connections.delete(connection.id);
        push({ kind: "connection-closed", connection: connection.id });
      },
      backoffMinMs: SERVER_REDIAL_MS_MIN,
      backoffMaxMs: 500,
    });
  return {
    keep(wanted) {
      targets.clear();
      for (const target of wanted) targets.set(target.replica, target);
      for (const [replica, dialer] of dialers) {
        if (targets.has(replica)) continue;
        dialer.close();
        dialers.delete(replica);
      }
      for (const replica of targets.keys()) if (!dialers.has(replica)) dialers.set(replica, start(replica));
    },
    send: (connection, message) => connections.get(connection)?.send(message),
  };
}

function isForClients(message: Message): message is ClientMessage {
  switch (message.kind) {
    case "reply":
    case "session-opened":
    case "session-resumed":
    case "request-failed":
    case "redirect":
    case "members":
      return true;
    default:
      return false;
  }
}
