import type { OperationRecord } from "../checker/history.js";
import { closeRecorder, newHistoryRecorder, recordEnd, recordStart } from "../checker/recorder.js";
import type { CallOutcome } from "../client/core/effect.js";
import { decodeValue, encodeValue } from "../codec/value.js";
import { hostId, type SessionId } from "../vocabulary/ids.js";
import { identityKey, type RequestIdentity } from "../vocabulary/session.js";
import { shortText } from "./driver.js";
import type { Installation } from "./installation.js";
import { type Call, WORKLOADS } from "./services.js";
import { createSessionStore, type SessionStore } from "./session-store.js";
import { type RunningClient, runClient } from "./shells/client-shell.js";
import { runWeakReader, type WeakRead, type WeakReader } from "./weak-reads.js";
import { addHost, after, isAlive, mark, note, type SimHost, type SimProcess, startProcess, violate } from "./world.js";

/** The clients of a run and what they were told. */
export interface Clients {
  processes(): readonly SimProcess[];
  /** Operations that the service has answered so far. */
  completedCount: number;
  openCount: number;
  /** No new calls. */
  stopping: boolean;
  /** Calls are so many times as far apart. */
  leisure: number;
  readClosing(done: () => void): void;
  /** Some thread asks for more than reads. */
  isAnyWriting(): boolean;
  records(): readonly OperationRecord[];
  /** Reads that asked for less than linearizability, and were answered: no part of `records`. */
  readonly weakReads: readonly WeakRead[];
}

/** A client across its lives. */
interface Slot extends WeakReader {
  readonly host: SimHost;
  readonly store: SessionStore | null;
  process: SimProcess;
  client: RunningClient;
  /** So many threads of this life ask for more than reads. */
  writerCount: number;
  /** History tickets of its open calls: what the file holds will end in a later life, the rest with this one. */
  readonly open: Set<number>;
  readonly ticketOf: Map<Uint8Array, number>;
  /** Of each request that its file has held, by the history's ticket: where it is there. */
  readonly saved: Map<number, { readonly session: SessionId; readonly sequence: number }>;
}

/** This share of operations carries a key instead of a session's number, and is asked again with it when its outcome is unknown. */
const KEYED_SHARE = 0.1;
/** This share of threads only reads. */
const READER_SHARE = 0.3;

export function startClients(installation: Installation): Clients {
  const { world, plan } = installation;
  const workload = plan.guest ?? WORKLOADS[plan.workload];
  // On two machines: a partition can leave some of them with a leader that was deposed, and the others with the new one.
  const hosts = [addHost(world, hostId("clients-1")), addHost(world, hostId("clients-2"))];
  const slots: Slot[] = [];
  const recorder = newHistoryRecorder();
  const weakReads: WeakRead[] = [];
  /** Of each request, by its input: the identities that copies of it have. */
  const sentAs = new WeakMap<Uint8Array, Map<string, RequestIdentity>>();
  let tokens = 0;
  const clients: Clients = {
    processes: () => slots.map((slot) => slot.process),
    completedCount: 0,
    openCount: 0,
    stopping: false,
    leisure: 1,
    readClosing,
    isAnyWriting: () => slots.some(({ writerCount }) => writerCount > 0),
    records: () => closeRecorder(recorder),
    weakReads,
  };

  function end(slot: Slot, ticket: number, outcome: CallOutcome): void {
    if (!slot.open.delete(ticket)) return;
    clients.openCount -= 1;
    if (outcome.kind === "answered") slot.seenIndex = Math.max(slot.seenIndex, outcome.index);
    const ended = endOf(outcome);
    const record = recordEnd(recorder, ticket, Object.assign({ endedAt: world.nowMs }, ended));
    note(world, slot.name, "is told", () => `${record?.operation} ${shortText(record?.input)}: ${shortText(ended)}`);
    mark(world, `outcome-${ended.outcome}${ended.code === undefined ? "" : `-${ended.code}`}`);
    if (ended.outcome === "ok" || ended.outcome === "refused") clients.completedCount += 1;
  }

  /** S6h: whoever is told that a request was not executed can do something else in its place. */
  function refuse(slot: Pick<Slot, "name">, input: Uint8Array, outcome: CallOutcome): void {
    if (outcome.kind !== "failed" || outcome.outcome !== "not-executed") return;
    for (const identity of sentAs.get(input)?.values() ?? []) installation.observer.onRefused(slot.name, identity);
  }

  function ask(slot: Slot, thread: string, call: Call, timeoutMs: number, done: (outcome: CallOutcome) => void): void {
    const input = call.input === undefined ? new Uint8Array(0) : encodeValue(call.input);
    const asked = { client: slot.name, process: thread, operation: call.name };
    const startedAt = world.nowMs;
    const start = call.input === undefined ? Object.assign(asked, { startedAt }) : Object.assign(asked, { input: call.input, startedAt });
    const ticket = recordStart(recorder, start);
    clients.openCount += 1;
    slot.open.add(ticket);
    note(world, slot.name, "asks", () => `${call.name} ${shortText(call.input)}`);
    const settle = (outcome: CallOutcome): void => {
      slot.ticketOf.delete(input);
      refuse(slot, input, outcome);
      end(slot, ticket, outcome);
      done(outcome);
    };
    if (call.kind === "query") return slot.client.query(call.name, input, "linearizable", timeoutMs, settle);
    if (!world.chance.workload.happens(KEYED_SHARE)) {
      slot.ticketOf.set(input, ticket);
      return slot.client.operate(call.name, input, null, timeoutMs, settle);
    }
    const identity = { kind: "key", key: `key-${ticket}` } as const;
    const again = (outcome: CallOutcome): void => {
      const isOpen = outcome.kind === "failed" && outcome.outcome === "unknown";
      if (!isOpen) return settle(outcome);
      mark(world, "key-retried");
      // That the second call was not executed says nothing of the first.
      slot.client.operate(call.name, input, identity, timeoutMs, (second) =>
        settle(second.kind === "failed" && second.outcome === "not-executed" ? outcome : second),
      );
    };
    slot.client.operate(call.name, input, identity, timeoutMs, again);
  }

  function runThread(slot: Slot, thread: string): void {
    const { process } = slot;
    // One that also writes waits at a leader that has no quorum any more, and reads nothing there that is stale.
    // A guest may have nothing to be read.
    const onlyReads = world.chance.workload.happens(READER_SHARE) && plan.guest === undefined;
    if (!onlyReads) slot.writerCount += 1;
    const next = (): Call => {
      tokens += 1;
      const call = workload.next(world.chance.workload, `t${tokens}`);
      return onlyReads && call.kind !== "query" ? next() : call;
    };
    const again = (): void => {
      if (clients.stopping || !isAlive(process)) return;
      ask(slot, thread, next(), plan.requestTimeoutMs, () => {
        after(world, plan.thinkMs * clients.leisure * 2 * world.chance.workload.unit(), again);
      });
    };
    again();
  }

  function runThreads(slot: Slot): void {
    slot.writerCount = 0;
    for (let each = 0; each < plan.threadsPerClient; each++) runThread(slot, String(each));
    if (plan.weakReads && plan.guest === undefined) runWeakReader(world, plan, clients, slot, weakReads);
  }

  /**
   * What the file never held ended with the process: whether it was executed cannot be said. S6f: what it held and holds no more, and its
   * caller was not told of, was not executed.
   */
  function onDeath(slot: Slot): void {
    for (const ticket of slot.open) {
      const place = slot.saved.get(ticket);
      if (place === undefined) end(slot, ticket, { kind: "failed", code: "timeout", outcome: "unknown", message: "the client died" });
      else if (slot.store?.session === place.session && !slot.store.requests.has(place.sequence)) {
        mark(world, "end-untold");
        installation.observer.onRefused(slot.name, { kind: "session", ...place, resumption: 0, floor: 0 });
        end(slot, ticket, { kind: "failed", code: "timeout", outcome: "not-executed", message: "the client died" });
      }
    }
    slot.ticketOf.clear();
    after(world, world.chance.process.between(20, 300), () => {
      const next = startSlotProcess(slot);
      slot.process = next.process;
      slot.client = next.client;
      slot.inherited = { session: slot.store?.session ?? null, index: slot.seenIndex };
      slot.seenIndex = 0;
      next.process.onExit = () => onDeath(slot);
      mark(world, "client-restarted");
      runThreads(slot);
    });
  }

  function startSlotProcess(slot: Pick<Slot, "name" | "host" | "store" | "open" | "ticketOf" | "saved">) {
    const process = startProcess(world, slot.host, slot.name, null);
    const left = new Set(slot.store?.requests.keys());
    const ended: (() => void)[] = [];
    const client = runClient(installation, process, {
      store: slot.store,
      onSaved(session, sequence, input) {
        const ticket = slot.ticketOf.get(input);
        if (ticket !== undefined) slot.saved.set(ticket, { session, sequence });
      },
      onSent({ identity, input }) {
        const identities = sentAs.get(input) ?? new Map<string, RequestIdentity>();
        sentAs.set(input, identities.set(identityKey(identity), identity));
      },
      onRecovered(sequence, input, outcome) {
        refuse(slot, input, outcome);
        if (outcome.kind === "failed" && outcome.code === "stale-sequence")
          violate(world, "S6f", `${slot.name} asks again for ${sequence}, which lies below the floor that an earlier life has told`);
        const whole = slots.find((each) => each.name === slot.name);
        for (const [ticket, place] of slot.saved)
          if (place.sequence === sequence && place.session === slot.store?.session && whole !== undefined)
            ended.push(() => end(whole, ticket, outcome));
        // A program may look at them when all have ended.
        left.delete(sequence);
        if (left.size === 0) for (const each of ended.splice(0)) each();
      },
    });
    return { process, client };
  }

  function openSlot(name: string, store: SessionStore | null): Slot {
    const host = hosts[slots.length % hosts.length] as SimHost;
    const kept = { name, host, store, open: new Set<number>(), ticketOf: new Map<Uint8Array, number>(), saved: new Map() };
    const slot: Slot = { ...kept, ...startSlotProcess(kept), writerCount: 0, seenIndex: 0, inherited: { session: null, index: 0 } };
    slots.push(slot);
    return slot;
  }

  /** Each after the one before; those that must succeed until they do. */
  function askInOrder(slot: Slot, calls: readonly Call[], insist: boolean, done: () => void): void {
    const left = [...calls];
    const next = (): void => {
      const call = left[0];
      if (call === undefined) return done();
      ask(slot, "0", call, 10_000, (outcome) => {
        if (!insist || outcome.kind === "answered") left.shift();
        next();
      });
    };
    next();
  }

  function readClosing(done: () => void): void {
    askInOrder(openSlot("reader", null), workload.closing, true, done);
  }

  for (let i = 1; i <= plan.clientCount; i++) {
    const slot = openSlot(`client-${i}`, world.chance.workload.happens(0.5) ? createSessionStore() : null);
    slot.process.onExit = () => onDeath(slot);
    const begin = (): void => runThreads(slot);
    if (i === 1) askInOrder(slot, workload.opening, false, begin);
    else begin();
  }
  return clients;
}

function endOf(outcome: CallOutcome): { outcome: OperationRecord["outcome"]; result?: unknown; code?: string } {
  switch (outcome.kind) {
    case "answered": {
      const value = outcome.reply.bytes.length === 0 ? undefined : decodeValue(outcome.reply.bytes);
      if (!outcome.reply.refused) return { outcome: "ok", result: value };
      const code = typeof value === "object" && value !== null && "code" in value ? String(value.code) : "refused";
      // S6i: what is refused as poison has not been executed, and never will be.
      return { outcome: code === "poison" ? "not-executed" : "refused", code };
    }
    case "session-opened":
      return { outcome: "ok" };
    case "failed":
      return { outcome: outcome.outcome, code: outcome.code };
  }
}
