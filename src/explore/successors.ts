/** Everything that can happen next in a world. */
import type { ClientRequest } from "../server/core/event.js";
import type { RequestIdentity } from "../vocabulary/session.js";
import { envelopeAt, eventNumber, factsAt, hostAt, outturn } from "./catalog.js";
import { askRead } from "./ledger.js";
import { recall, remember, UNKNOWN } from "./memo.js";
import { messageText } from "./narration.js";
import { numberOf, objectAt } from "./object-table.js";
import { freeze } from "./plain-data.js";
import { READ_TICKET, REQUEST_TICKET, wordFor } from "./requests.js";
import type { RmStep } from "./rm-state.js";
import { mayLose, stepsOfRm, takeRmStep, toldStepsOfRm } from "./rm-steps.js";
import { intern, sequenceAt } from "./sequence-table.js";
import { type Changes, happen } from "./turns.js";
import { bytesOf } from "./word-list.js";
import { left, livesOf, sightOf, type Space, without } from "./world.js";

/**
 * Takes a world that comes next: `row` is valid until it returns. `text` is empty unless it is asked for. `isDue`: what happens by itself where
 * nothing disturbs; of several such steps the first that changes anything. True: enough was seen.
 */
export type Visit = (row: Int32Array, text: string, violation: string | null, isDue: boolean) => boolean;

interface Looked {
  readonly space: Space;
  readonly row: Int32Array;
  readonly sight: number;
  readonly explain: boolean;
  readonly visit: (row: Int32Array, text: string, violation: string | null, isDue: boolean) => void;
  readonly next: Int32Array;
  isEnough: boolean;
}

/** `onlyDue`: without what happens only where something disturbs. */
export function successors(space: Space, row: Int32Array, explain: boolean, visit: Visit, onlyDue = false): void {
  const { layout, scope } = space;
  const looked: Looked = {
    space,
    row,
    sight: sightOf(space, row),
    explain,
    visit: (...seen) => {
      if (!looked.isEnough) looked.isEnough = visit(...seen);
    },
    next: new Int32Array(layout.width),
    isEnough: false,
  };
  for (const replica of scope.order) if (replica <= layout.net && !looked.isEnough) dueSteps(looked, replica - 1);
  if (!looked.isEnough) otherSteps(looked, onlyDue);
}

function otherSteps(looked: Looked, onlyDue: boolean): void {
  const { space, row, explain } = looked;
  const { layout, scope } = space;
  const moves: (readonly RmStep[])[] = [];
  const movesOf = explain ? toldStepsOfRm : stepsOfRm;
  for (let rm = 0; rm < scope.rms; rm++) moves.push(movesOf(space, row, looked.sight, rm));
  rmSteps(looked, moves, false);
  for (let i = 0; i < layout.net && !looked.isEnough; i++) requestSteps(looked, i);
  if (looked.isEnough) return;
  rmSteps(looked, moves, true);
  if (onlyDue) return;
  for (let i = 0; i < layout.net; i++) {
    readSteps(looked, i);
    waitSteps(looked, i);
    deaths(looked, i);
  }
}

function turn(looked: Looked, i: number, event: number, changes: Changes | null, isDue: boolean, text: () => string): void {
  const { space, row, sight, explain, visit, next } = looked;
  const turned = happen(space, row, sight, i, event, changes, next);
  if (turned === "nothing") return;
  visit(next, explain ? text() : "", turned === "changed" ? null : turned.violation, isDue);
}

function rmSteps(looked: Looked, moves: readonly (readonly RmStep[])[], begins: boolean): void {
  const { space, row, visit, next } = looked;
  for (let rm = 0; rm < moves.length; rm++) {
    for (const step of moves[rm] ?? []) {
      if (looked.isEnough) return;
      if (step.begins !== begins) continue;
      takeRmStep(space, row, rm, step, next);
      visit(next, step.text, step.violation, step.isDue);
    }
  }
}

/** What a replica's disk and its connections bring it. */
function dueSteps(looked: Looked, i: number): void {
  const { space, row } = looked;
  const { catalog, layout } = space;
  const host = row[i] ?? 0;
  if (factsAt(catalog, host).hasWrites)
    turn(looked, i, catalog.moments.writeDone, null, true, () => `r${i + 1}: its oldest write is durable`);
  for (const number of sequenceAt(catalog.posts, receiptsOf(space, host, row[layout.net] ?? 0, i))) {
    if (looked.isEnough) return;
    const envelope = envelopeAt(catalog, number);
    turn(looked, i, envelope.receipt, null, true, () => `r${i + 1} receives ${messageText(envelope)}`);
  }
}

/** Of the messages on their way those that change anything where they come, as a list of the catalog's `posts`. */
function receiptsOf(space: Space, host: number, net: number, i: number): number {
  const { catalog, nets, memos } = space;
  const known = recall(memos.receipts, host, net, i);
  if (known !== UNKNOWN) return known;
  const messages = [...sequenceAt(nets, net)];
  const held = new Set(messages);
  const own = messages.filter((number) => {
    const { replica, receipt } = envelopeAt(catalog, number);
    if (replica !== i + 1) return false;
    const { host: after, sent, answersNumber, isNothing, violation } = outturn(catalog, host, receipt);
    const isKnown =
      after === host && answersNumber === 0 && violation === null && sequenceAt(catalog.posts, sent).every((one) => held.has(one));
    return !isNothing && !isKnown;
  });
  return remember(memos.receipts, host, net, i, intern(catalog.posts, own));
}

/** What a leader does when it has waited. */
function waitSteps(looked: Looked, i: number): void {
  const { space, row } = looked;
  const { catalog, layout, scope } = space;
  const facts = factsAt(catalog, row[i] ?? 0);
  if (facts.leads === 0) return;
  const budget = row[layout.budget] ?? 0;
  if (left(budget, "heartbeats") > 0) {
    const text = (): string => `r${i + 1} sends heartbeats, and again what is not acknowledged`;
    turn(looked, i, catalog.moments.heartbeat, { budget: without(budget, "heartbeats") }, false, text);
  }
  if (facts.isSynchronising && scope.leadTimeouts)
    turn(looked, i, catalog.moments.leadTimeout, null, false, () => `r${i + 1} gives up leading: no quorum in time`);
}

/** The number of the event that a request comes. */
function requestEvent(space: Space, request: number, floor: number): number {
  const { memos, catalog } = space;
  const known = recall(memos.requests, request, floor, 0);
  if (known !== UNKNOWN) return known;
  const ticket = REQUEST_TICKET + request;
  const identity: RequestIdentity = space.scope.keyed
    ? { kind: "key", key: `key-${request}` }
    : { kind: "session", session: space.session, resumption: 0, sequence: request, floor };
  const message: ClientRequest = { kind: "request", ticket, identity, operation: "add", input: bytesOf(wordFor(request)) };
  const event = eventNumber(catalog, freeze({ kind: "ask", request: message, digest: ticket }));
  return remember(memos.requests, request, floor, 0, event);
}

function requestSteps(looked: Looked, i: number): void {
  const { space, row } = looked;
  const { layout, scope } = space;
  const { answers } = objectAt(space.ledgers, row[layout.ledger] ?? 0);
  const { chain } = objectAt(space.stores, row[layout.store] ?? 0);
  for (let request = 1; request <= answers.length; request++) {
    // S6b: the floor is the lowest number without an answer, as far as the client has heard.
    const floorMax = scope.keyed ? 1 : request;
    for (let floor = 1; floor <= floorMax && (floor === 1 || answers[floor - 2] !== ""); floor++) {
      const text = (): string => `r${i + 1} receives request ${request}${scope.keyed ? "" : ` (floor ${floor})`}`;
      turn(looked, i, requestEvent(space, request, floor), null, request <= chain.length, text);
    }
  }
}

/** The number of the event that a read is asked. */
function readEvent(space: Space, ticket: number): number {
  const { memos, catalog } = space;
  const known = recall(memos.reads, ticket, 0, 0);
  if (known !== UNKNOWN) return known;
  const query: ClientRequest = {
    kind: "query",
    ticket,
    query: "all",
    input: new Uint8Array(0),
    consistency: "linearizable",
    atLeastIndex: 0,
  };
  return remember(memos.reads, ticket, 0, 0, eventNumber(catalog, freeze({ kind: "ask", request: query, digest: 0 })));
}

function readSteps(looked: Looked, i: number): void {
  const { space, row, sight, explain, visit, next } = looked;
  const { layout, ledgers } = space;
  const budget = row[layout.budget] ?? 0;
  const ledger = objectAt(ledgers, row[layout.ledger] ?? 0);
  if (left(budget, "reads") === 0 || ledger.read !== null) return;
  const ticket = READ_TICKET + left(budget, "reads");
  const changes = { ledger: numberOf(ledgers, askRead(ledger, ticket)), budget: without(budget, "reads") };
  const turned = happen(space, row, sight, i, readEvent(space, ticket), changes, next);
  const violation = typeof turned === "string" ? null : turned.violation;
  // Sent on at once: nothing was asked.
  const isOver = objectAt(ledgers, next[layout.ledger] ?? 0).read === null;
  if (violation === null && isOver && next[i] === row[i]) return;
  visit(next, explain ? `r${i + 1} is asked to read` : "", violation, false);
}

function deaths(looked: Looked, i: number): void {
  const { space, row } = looked;
  const budget = row[space.layout.budget] ?? 0;
  if (left(budget, "restarts") > 0) die(looked, i, "restarts");
  if (left(budget, "wipes") > 0 && mayLose(space, row, i + 1)) die(looked, i, "wipes");
}

function die(looked: Looked, i: number, how: "restarts" | "wipes"): void {
  const { space, row, sight, explain, visit, next } = looked;
  const { layout } = space;
  const text = explain ? `r${i + 1} dies and starts again ${how === "wipes" ? "without" : "with"} its disk` : "";
  const budget = without(row[layout.budget] ?? 0, how);
  const turned = happen(space, row, sight, i, restartEvent(looked, i, how), { budget }, next);
  if (typeof turned !== "string") return visit(next, text, turned.violation, false);
  visit(next, text, meet(looked, i), false);
}

function restartEvent({ space, row, sight }: Looked, i: number, how: "restarts" | "wipes"): number {
  const { memos, catalog } = space;
  const isWiped = how === "wipes" ? 1 : 0;
  const known = recall(memos.restarts, sight, i, isWiped);
  if (known !== UNKNOWN) return known;
  const peers = livesOf(space, row).filter((life) => life.replica !== i + 1);
  return remember(memos.restarts, sight, i, isWiped, eventNumber(catalog, { kind: "restart", incarnation: isWiped, peers }));
}

/** The others meet the new process; returns what goes wrong. */
function meet({ space, next }: Looked, i: number): string | null {
  const { catalog, layout } = space;
  const { life } = hostAt(catalog, next[i] ?? 0);
  const event = eventNumber(catalog, { kind: "meet", life });
  for (let other = 0; other < layout.net; other++) {
    if (other === i) continue;
    const before = next.slice();
    const turned = happen(space, before, sightOf(space, before), other, event, null, next);
    if (turned === "nothing") next.set(before);
    else if (turned !== "changed") return turned.violation;
  }
  return null;
}
