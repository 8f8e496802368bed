/**
 * Everything that is met more than once, under a number: messages, events, and states of hosts with what each event makes of them.
 * Hosts are functions of their state and the event, so each turn is run once, however many states of the whole world contain it.
 */
import { assert, InvariantViolation, unreachable } from "../vocabulary/assert.js";
import type { ClientRequest } from "../server/core/event.js";
import type { Message } from "../vocabulary/message.js";
import type { ReplicaReport } from "../vocabulary/report.js";
import { reportOf } from "../server/core/report.js";
import { nextWakeMs } from "../server/core/step.js";
import { completeWrite, open, startHost, turn } from "./host.js";
import { NOW_MS, settleOrder, TICK_MS } from "./host-order.js";
import type { Host, HostOptions, Outcome } from "./host-state.js";
import { CLIENT, destinationOf, type Life, lifeNumber, replicaOfLife } from "./life.js";
import { digestOf } from "./digest.js";
import { createObjectTable, numberOf, type ObjectTable } from "./object-table.js";
import { copyOf, freeze } from "./plain-data.js";
import { type HostFacts, factsOf } from "./host-facts.js";
import { createMemo, type Memo, recall, remember, UNKNOWN } from "./memo.js";
import { epochNumber } from "./rm-state.js";
import { plainReport } from "./rm-core.js";
import { createSequenceTable, intern, type SequenceTable } from "./sequence-table.js";

/** A message on its way. `life`: only this process can receive it; 0: whichever process of the replica runs (it is sent again to the next). */
export interface Envelope {
  /** The life that sent it; 0: an RM. */
  readonly from: number;
  /** From 1; 0: to an RM. */
  readonly replica: number;
  readonly life: number;
  readonly connection: number;
  readonly rm: number;
  readonly message: Message;
  /** As one number; 0 when it names none. */
  readonly epoch: number;
  /** An RM counts it only while it seals. */
  readonly isForSealing: boolean;
  /** Acknowledges an append or confirms a round (S2a). */
  readonly isVote: boolean;
  /** The number of the event that it is received. */
  readonly receipt: number;
}

export type HostEvent =
  | { readonly kind: "receive"; readonly envelope: number }
  | { readonly kind: "ask"; readonly request: ClientRequest; readonly digest: number }
  | { readonly kind: "write-done" }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "lead-timeout" }
  /** `incarnation` 0: with the disk it had. */
  | { readonly kind: "restart"; readonly incarnation: number; readonly peers: readonly Life[] }
  | { readonly kind: "meet"; readonly life: Life };

/** What a client hears. */
export type Answer = Extract<Message, { readonly ticket: number }>;

export interface Outturn {
  readonly host: number;
  /** Messages: one of `posts`. */
  readonly sent: number;
  readonly answers: readonly Answer[];
  /** One of those that clients were ever given; 0: none. */
  readonly answersNumber: number;
  readonly hasVotes: boolean;
  /** Nothing has changed, whatever the rest of the world is: the same host, which says at most that another is to be asked. */
  readonly isNothing: boolean;
  /** A rule was broken in the turn itself. */
  readonly violation: string | null;
}

export interface Catalog {
  readonly options: HostOptions;
  readonly envelopes: Envelope[];
  /** By digest, as all that follow. */
  readonly envelopeNumbers: Memo;
  readonly events: HostEvent[];
  readonly eventNumbers: Memo;
  /** Numbers of the events that are the same each time. */
  readonly moments: { writeDone: number; heartbeat: number; leadTimeout: number };
  readonly hosts: Host[];
  readonly facts: HostFacts[];
  readonly hostNumbers: Memo;
  /** Parts of hosts: equal ones are kept once. */
  readonly parts: unknown[];
  readonly partNumbers: Memo;
  readonly outturns: Outturn[];
  /** The number of the outturn of a host and an event. */
  readonly turns: Memo;
  /** Lists of messages that were sent in one turn; the first is empty. */
  readonly posts: SequenceTable;
  /** What was said to clients in one turn; the first is nothing. */
  readonly answers: ObjectTable<readonly Answer[]>;
  readonly reports: ObjectTable<ReplicaReport>;
}

export function createCatalog(options: HostOptions): Catalog {
  const posts = createSequenceTable();
  intern(posts, []);
  const answers = createObjectTable<readonly Answer[]>();
  numberOf(answers, []);
  const catalog: Catalog = {
    options,
    envelopes: [],
    envelopeNumbers: createMemo(),
    events: [],
    eventNumbers: createMemo(),
    hosts: [],
    facts: [],
    hostNumbers: createMemo(),
    parts: [],
    partNumbers: createMemo(),
    outturns: [],
    turns: createMemo(),
    posts,
    answers,
    reports: createObjectTable(),
    moments: { writeDone: 0, heartbeat: 0, leadTimeout: 0 },
  };
  catalog.moments.writeDone = eventNumber(catalog, { kind: "write-done" });
  catalog.moments.heartbeat = eventNumber(catalog, { kind: "heartbeat" });
  catalog.moments.leadTimeout = eventNumber(catalog, { kind: "lead-timeout" });
  return catalog;
}

function epochOf(message: Message): number {
  if (message.kind === "lead" || message.kind === "activate") return epochNumber(message.view.epoch);
  return "epoch" in message ? epochNumber(message.epoch) : 0;
}

const FOR_SEALING = new Set<Message["kind"]>(["sealed", "seal-refused"]);

export function envelopeNumber(
  catalog: Catalog,
  envelope: Pick<Envelope, "from" | "replica" | "life" | "connection" | "rm" | "message">,
): number {
  const { high, low } = digestOf(envelope);
  const known = recall(catalog.envelopeNumbers, high, low, 0);
  if (known !== UNKNOWN) return known;
  const number = catalog.envelopes.length;
  const { kind } = envelope.message;
  catalog.envelopes.push({
    ...envelope,
    epoch: epochOf(envelope.message),
    isForSealing: FOR_SEALING.has(kind),
    isVote: kind === "append-ack" || kind === "confirmed",
    receipt: eventNumber(catalog, { kind: "receive", envelope: number }),
  });
  return remember(catalog.envelopeNumbers, high, low, 0, number);
}

export function envelopeAt(catalog: Catalog, number: number): Envelope {
  const envelope = catalog.envelopes[number];
  assert(envelope !== undefined, "explore");
  return envelope;
}

export function eventNumber(catalog: Catalog, event: HostEvent): number {
  const { high, low } = digestOf(event);
  const known = recall(catalog.eventNumbers, high, low, 0);
  return known !== UNKNOWN ? known : remember(catalog.eventNumbers, high, low, 0, catalog.events.push(event) - 1);
}

/** The number of an equal part that is kept already, or of this one: parts of one host stay apart (`slot`). */
function partNumber(catalog: Catalog, slot: number, part: unknown): number {
  const { high, low } = digestOf(part);
  const known = recall(catalog.partNumbers, high, low, slot);
  return known !== UNKNOWN ? known : remember(catalog.partNumbers, high, low, slot, catalog.parts.push(part) - 1);
}

/** Hosts in which an execution is under way have parts that know each other: kept whole. */
function isQuiet({ replica }: Host): boolean {
  const { applying, speculating, querying } = replica.execution;
  return applying.items.length + speculating.items.length + querying.items.length === 0;
}

const PARTS = [
  "log",
  "table",
  "connections",
  "stance",
  "activeView",
  "held",
  "execution",
  "promising",
  "seals",
  "poison",
  "turns",
  "backups",
] as const;

export function keep(catalog: Catalog, host: Host): number {
  settleOrder(host);
  const { config, timings, bounds, knobs, ...rest } = host.replica;
  const key: unknown[] = [lifeNumber(host.life), host.life.incarnation];
  let kept = host;
  if (isQuiet(host)) {
    const replica: Record<string, unknown> = { ...host.replica };
    const small: Record<string, unknown> = rest;
    const shared = (part: unknown): unknown => {
      const number = partNumber(catalog, key.length, part);
      key.push(number);
      return catalog.parts[number];
    };
    for (const name of PARTS) {
      replica[name] = shared(rest[name]);
      small[name] = null;
    }
    const { disk, writes, list } = host;
    kept = {
      life: host.life,
      replica: replica as never,
      disk: shared(disk) as typeof disk,
      writes: shared(writes) as typeof writes,
      list: shared(list) as typeof list,
    };
    key.push(small);
  } else key.push(rest, host.disk, host.writes, host.list);
  const { high, low } = digestOf(key);
  const known = recall(catalog.hostNumbers, high, low, 0);
  if (known !== UNKNOWN) return known;
  const number = catalog.hosts.push(kept) - 1;
  const report = catalog.options.manager === "core" ? numberOf(catalog.reports, plainReport(reportOf(kept.replica))) : 0;
  catalog.facts.push(factsOf(kept, report));
  return remember(catalog.hostNumbers, high, low, 0, number);
}

export function hostAt(catalog: Catalog, number: number): Host {
  const host = catalog.hosts[number];
  assert(host !== undefined, "explore");
  return host;
}

export function factsAt(catalog: Catalog, number: number): HostFacts {
  const facts = catalog.facts[number];
  assert(facts !== undefined, "explore");
  return facts;
}

/** What the event makes of the host. */
export function outturn(catalog: Catalog, host: number, event: number): Outturn {
  let number = recall(catalog.turns, host, event, 0);
  if (number === UNKNOWN) {
    const made = run(catalog, host, event);
    number = remember(catalog.turns, host, event, 0, catalog.outturns.push(made) - 1);
  }
  const known = catalog.outturns[number];
  assert(known !== undefined, "explore");
  return known;
}

function run(catalog: Catalog, number: number, eventAt: number): Outturn {
  const event = catalog.events[eventAt];
  assert(event !== undefined, "explore");
  try {
    const before = hostAt(catalog, number);
    const { host, outcome } = react(catalog, before, event);
    const violation = outcome.ended === null ? null : `${before.life.replica} ends: ${outcome.ended}`;
    const kept = keep(catalog, host);
    const { sent, answers } = post(catalog, host, outcome);
    const isSilent = sent.length === 0 && answers.every((answer) => answer.kind === "redirect");
    return {
      host: kept,
      sent: intern(catalog.posts, sent),
      answers,
      answersNumber: answers.length === 0 ? 0 : numberOf(catalog.answers, answers),
      hasVotes: sent.some((one) => envelopeAt(catalog, one).isVote),
      isNothing: kept === number && isSilent && violation === null,
      violation,
    };
  } catch (error) {
    if (!(error instanceof InvariantViolation)) throw error;
    return { host: number, sent: 0, answers: [], answersNumber: 0, hasVotes: false, isNothing: false, violation: error.message };
  }
}

/** A replica's first start. */
export function firstStart(catalog: Catalog, life: Life, peers: readonly Life[]): number {
  return keep(catalog, startHost(life, null, peers, catalog.options).host);
}

function react(catalog: Catalog, before: Host, event: HostEvent): { host: Host; outcome: Outcome } {
  const { options } = catalog;
  if (event.kind === "restart") {
    const boot = before.life.boot + 1;
    const isNew = event.incarnation !== 0;
    const incarnation = isNew ? boot : before.life.incarnation;
    return startHost({ ...before.life, boot, incarnation }, isNew ? null : copyOf(before.disk), event.peers, options);
  }
  const host = copyOf(before);
  const outcome: Outcome = { sent: [], ended: null };
  switch (event.kind) {
    case "receive": {
      const { connection, message } = envelopeAt(catalog, event.envelope);
      turn(host, NOW_MS, { kind: "message-received", connection, message: message as never }, outcome);
      break;
    }
    case "ask":
      turn(
        host,
        NOW_MS,
        { kind: "client-message-received", connection: CLIENT, message: event.request, digest: event.digest, wallMs: 1, seed: 1 },
        outcome,
      );
      break;
    case "write-done":
      completeWrite(host, outcome);
      break;
    case "heartbeat":
      turn(host, NOW_MS + TICK_MS, { kind: "woken" }, outcome);
      break;
    case "lead-timeout":
      turn(host, Math.max(NOW_MS + TICK_MS, leadUntilMs(host)), { kind: "woken" }, outcome);
      break;
    case "meet":
      open(host, event.life, outcome);
      break;
    default:
      return unreachable(event);
  }
  return { host, outcome };
}

function leadUntilMs(host: Host): number {
  return host.replica.stance.kind === "leading" ? host.replica.stance.leadUntilMs : nextWakeMs(host.replica);
}

/**
 * Answers to the RM. The script, which may do anything allowed at any time, needs no others than those that it counts. Reports are not sent:
 * the real core looks at them as they are, whenever it likes, since on its connections a later one takes the place of an earlier one.
 */
const RM_HEARS = {
  script: new Set<Message["kind"]>(["sealed", "led"]),
  core: new Set<Message["kind"]>(["sealed", "seal-refused", "led", "lead-failed", "activated", "activate-refused"]),
};

function post(catalog: Catalog, host: Host, outcome: Outcome): { readonly sent: readonly number[]; readonly answers: readonly Answer[] } {
  const sent = new Set<number>();
  const answers: Answer[] = [];
  for (const { connection, message } of outcome.sent) {
    const to = destinationOf(host.life, connection);
    const from = lifeNumber(host.life);
    if (to.kind === "client") {
      if ("ticket" in message) answers.push(message);
    } else if (to.kind === "rm") {
      if (RM_HEARS[catalog.options.manager].has(message.kind)) {
        sent.add(envelopeNumber(catalog, { from, replica: 0, life: 0, connection: 0, rm: to.rm, message: freeze(message) }));
      }
    } else if (!isVoid(message)) {
      const { life, connection: inward } = to;
      sent.add(envelopeNumber(catalog, { from, replica: replicaOfLife(life), life, connection: inward, rm: -1, message: share(message) }));
    }
  }
  return { sent: [...sent].sort((a, b) => a - b), answers };
}

/** That a promise is higher, a leader is told for people only: it goes on as long as w others do. */
function isVoid(message: Message): boolean {
  return message.kind === "append-refused" && epochNumber(message.promise) > epochNumber(message.epoch);
}

/** Shared between hosts from here on: entries and views are left as they are, the core changes neither. */
function share(message: Message): Message {
  return Object.freeze(message);
}
