import { monotonicMs } from "../../runtime/clock.js";
import type { Connection } from "../../runtime/connection.js";
import { dial } from "../../runtime/dialer.js";
import { createDriver } from "../../runtime/driver.js";
import { reasonOf } from "../../runtime/error-code.js";
import { randomId, randomSeed } from "../../runtime/random.js";
import { unreachable } from "../../vocabulary/assert.js";
import { type BootId, bootId, type ClusterId, type GroupName, type ReplicaId } from "../../vocabulary/ids.js";
import { LIMITS, PROTOCOL_VERSION, SERVER_REDIAL_MS_MIN } from "../../vocabulary/limit.js";
import type { Hello, Message, Role } from "../../vocabulary/message.js";
import type { ClientMessage, Consistency } from "../../vocabulary/message-client.js";
import type { RequestIdentity, SessionId } from "../core/words.js";
import type { AddressBook, View } from "../../vocabulary/view.js";
import type { CallOutcome, ClientEffect, LinkTarget } from "../core/effect.js";
import type { ClientEvent } from "../core/event.js";
import { createClient } from "../core/state.js";
import { nextWakeMs, step } from "../core/step.js";
import type { SessionFile } from "./session-file.js";

/** A request of an earlier life of this client, and how it ended. */
export interface RecoveredCall {
  readonly sequence: number;
  readonly operation: string;
  readonly input: Uint8Array;
  readonly outcome: CallOutcome;
}

export interface GroupClientOptions {
  readonly role: Extract<Role, "client" | "gateway">;
  readonly clusterId: ClusterId;
  readonly group: GroupName;
  readonly bootId?: BootId;
  /** Looks for the group again when nobody leads for a while; null when nothing was found, or what was found in its place (half a sentence, for callers). */
  readonly discover: () => Promise<{ readonly view: View | null; readonly book: AddressBook } | string | null>;
  /** Calls held that could not be sent yet; beyond it new ones are refused as overloaded. Default 4,096. */
  readonly waitingMax?: number;
  readonly sessionFile?: SessionFile;
  readonly onView?: (view: View) => void;
  /** The client has met a bug of its own, has ended what was open as unknown, and takes nothing any more. */
  readonly onBroken?: (error: unknown) => void;
  readonly onRecovered?: (recovered: RecoveredCall) => void;
}

export interface OperationOptions {
  readonly timeoutMs: number;
  /** How long a passing refusal is retried before it is reported. Default: the time-out. */
  readonly patienceMs?: number;
  /** Default: the client's own session. */
  readonly identity?: RequestIdentity;
}

/** A client of one group that speaks bytes: under the typed client and under the gateway. No promise of it rejects. */
export interface GroupClient {
  operate(operation: string, input: Uint8Array, options: OperationOptions): Promise<CallOutcome>;
  query(query: string, input: Uint8Array, consistency: Consistency, timeoutMs: number): Promise<CallOutcome>;
  openSession(timeoutMs: number): Promise<CallOutcome>;
  /** Tells where the group is, when the shell has heard of it otherwise. */
  learn(view: View | null, book: AddressBook): void;
  /** The session file holds everything through this number. */
  saved(session: SessionId, throughSequence: number): void;
  readonly view: View | null;
  /** `reason`, for callers, where nobody asked for it: a sentence without its end, such as "The client was closed". */
  close(reason?: string): Promise<void>;
}

export function createGroupClient(options: GroupClientOptions): GroupClient {
  const state = createClient(
    {
      nonce: randomId().slice(0, 24),
      seed: randomSeed(),
      savesRequests: options.sessionFile !== undefined,
      waitingMax: options.waitingMax ?? 4_096,
      heldBytesMax: LIMITS.inFlightPerGroupBytesMax,
      inFlightMax: LIMITS.inFlightPerClientMax,
      unreadBytesMax: LIMITS.unreadPerServerBytesMax,
      backoffMinMs: 10,
      backoffMaxMs: 500,
      discoverAfterMs: 500,
    },
    options.sessionFile?.saved ?? null,
  );
  const callers = new Map<number, (outcome: CallOutcome) => void>();
  const ended: Extract<ClientEffect, { kind: "save-settled" }>[] = [];
  let nextCall = 1;
  let broken: string | null = null;
  const links = createLinks(options, (event) => driver.push(event));

  const driver = createDriver<ClientEvent, ClientEffect>({
    step: (nowMs, event, effects) => step(state, nowMs, event, effects),
    nextWakeMs: () => nextWakeMs(state),
    wake: () => ({ kind: "woken" }),
    perform: (effects) => {
      for (const effect of effects) perform(effect);
    },
    // A bug of ours must not end the caller's process: the client ends, and what is open is unknown.
    onFatal: endEverything,
  });

  function endEverything(error: unknown): void {
    links.keep([]);
    broken = `The client has met a bug of its own and ended: ${reasonOf(error)}`;
    for (const resolve of callers.values()) resolve({ kind: "failed", code: "timeout", outcome: "unknown", message: broken });
    callers.clear();
    options.onBroken?.(error);
  }

  function perform(effect: ClientEffect): void {
    switch (effect.kind) {
      case "send":
        links.send(effect.connection, effect.message);
        return;
      case "links":
        links.keep(effect.targets);
        return;
      case "discover":
        void lookAgain();
        return;
      case "settle": {
        const resolve = callers.get(effect.call);
        callers.delete(effect.call);
        resolve?.(effect.outcome);
        return;
      }
      case "recovered":
        options.onRecovered?.(effect);
        return;
      case "view":
        options.onView?.(effect.view);
        return;
      case "save-session":
        options.sessionFile?.saveSession(effect.session);
        return;
      case "save-request":
        options.sessionFile?.saveRequest(effect.session, effect.sequence, effect.operation, effect.input);
        return;
      case "save-settled":
        if (ended.push(effect) === 1) setImmediate(saveEnded);
        return;
      default:
        unreachable(effect);
    }
  }

  /** S6f: everything that what was told lets the program do at once, in this turn of the event loop, is done. */
  function saveEnded(): void {
    for (const { call, session, sequence, durably } of ended.splice(0)) {
      options.sessionFile?.saveSettled(session, sequence);
      const done = () => driver.push({ kind: "settled-saved", call });
      // A file that cannot be written ends the client.
      if (durably) void options.sessionFile?.durable().then((isDurable) => isDurable && done());
      else done();
    }
  }

  async function lookAgain(): Promise<void> {
    const found = await options.discover().catch(() => null);
    if (typeof found === "string") driver.push({ kind: "not-discovered", reason: found });
    else if (found !== null) driver.push({ kind: "discovered", view: found.view, book: found.book });
  }

  function call(make: (id: number) => ClientEvent): Promise<CallOutcome> {
    const id = nextCall;
    nextCall += 1;
    if (broken !== null) return Promise.resolve({ kind: "failed", code: "unavailable", outcome: "not-executed", message: broken });
    return new Promise((resolve) => {
      callers.set(id, resolve);
      driver.push(make(id));
    });
  }

  // The first event starts the watch for a leader.
  driver.push({ kind: "woken" });

  return {
    operate: (operation, input, { timeoutMs, patienceMs, identity }) =>
      call((id) => ({
        kind: "operation",
        call: id,
        identity: identity ?? null,
        operation,
        input,
        deadlineMs: monotonicMs() + timeoutMs,
        patienceMs: patienceMs ?? timeoutMs,
      })),
    query: (query, input, consistency, timeoutMs) =>
      call((id) => ({ kind: "query", call: id, query, input, consistency, deadlineMs: monotonicMs() + timeoutMs })),
    openSession: (timeoutMs) =>
      call((id) => ({ kind: "open-session", call: id, nonce: randomId(), deadlineMs: monotonicMs() + timeoutMs })),
    learn: (view, book) => driver.push({ kind: "discovered", view, book }),
    saved: (session, throughSequence) => driver.push({ kind: "saved", session, throughSequence }),
    get view() {
      return state.view;
    },
    async close(reason) {
      driver.push({ kind: "closing", reason: reason ?? "The client was closed" });
      // From here on: an event that came behind `closing` might never be stepped, and its caller would wait for ever.
      broken ??= reason === undefined ? "The client is closed." : `${reason}.`;
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      driver.stop();
      links.keep([]);
      await options.sessionFile?.close();
    },
  };
}

interface Links {
  keep(targets: readonly LinkTarget[]): void;
  send(connection: number, message: ClientMessage): void;
}

/** One dialer a replica: it finds the address anew at each attempt, since a restarted server may listen elsewhere. */
function createLinks(options: GroupClientOptions, push: (event: ClientEvent) => void): Links {
  const targets = new Map<ReplicaId, LinkTarget>();
  const dialers = new Map<ReplicaId, { close(): void }>();
  const connections = new Map<number, Connection>();
  const boot = options.bootId ?? bootId(randomId());

  const hello = (): Hello => ({
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId: options.clusterId,
    role: options.role,
    bootId: boot,
    group: options.group,
    replica: null,
    incarnation: null,
    hostId: null,
  });

  function startDialer(replica: ReplicaId): { close(): void } {
    return dial({
      address: () => targets.get(replica)?.address ?? null,
      hello,
      accepts: (peer) => refusalOf(options, replica, peer),
      onOpen: (connection) => {
        connections.set(connection.id, connection);
        push({ kind: "connection-opened", connection: connection.id, replica });
      },
      onMessage: (connection, message) => {
        if (isForClients(message)) push({ kind: "message", connection: connection.id, message });
      },
      onClose: (connection) => {
        connections.delete(connection.id);
        push({ kind: "connection-closed", connection: connection.id });
      },
      backoffMinMs: SERVER_REDIAL_MS_MIN,
      backoffMaxMs: 500,
      connectTimeoutMs: 1_000,
      // More than the client sends ahead of what is read (`unreadBytesMax`). Little of it is memory: the inputs are not copied.
      bufferedBytesMax: 2 * LIMITS.inFlightPerGroupBytesMax,
    });
  }

  return {
    keep(wanted) {
      targets.clear();
      for (const target of wanted) targets.set(target.replica, target);
      for (const [replica, dialer] of dialers) {
        if (targets.has(replica)) continue;
        dialer.close();
        dialers.delete(replica);
      }
      for (const replica of targets.keys()) if (!dialers.has(replica)) dialers.set(replica, startDialer(replica));
    },
    send: (connection, message) => connections.get(connection)?.send(message),
  };
}

/** Another program may have taken the port, or another replica: only the one that is meant is spoken to. */
function refusalOf(options: GroupClientOptions, replica: ReplicaId, peer: Hello): string | null {
  if (peer.clusterId !== options.clusterId) return `it belongs to another system (${peer.clusterId})`;
  if (peer.role !== "server") return `it is no server but a ${peer.role}`;
  if (peer.group !== options.group) return `it serves the group ${peer.group}, not ${options.group}`;
  if (peer.replica !== replica) return `it is the replica ${peer.replica}, not ${replica}`;
  return null;
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
