/** One event at one replica of a world: what comes of it, and the checks of that. */
import { assert, InvariantViolation } from "../vocabulary/assert.js";
import { type Answer, envelopeAt, eventNumber, factsAt, type HostEvent, outturn } from "./catalog.js";
import { checkLeader, checkState, commit, type Ledger, take } from "./ledger.js";
import { incarnationOf, replicaOfLife } from "./life.js";
import { recall, remember, UNKNOWN } from "./memo.js";
import { messageText } from "./narration.js";
import { numberOf, objectAt } from "./object-table.js";
import { sequenceAt } from "./sequence-table.js";
import { livesOf, netAfter, sightOf, type Space, violationNumber, violationText } from "./world.js";

/** The result of a turn, next to the row that it has written: nothing has changed, something has, or a rule is broken. */
export type Turned = "nothing" | "changed" | { readonly violation: string };

/** What a turn changes besides the host. */
export interface Changes {
  readonly ledger?: number;
  readonly budget?: number;
}

/** The event's turn at host `i` of the world in `row`; what comes of it into `next`, a copy of `row` with `changes` in it. `sight` is of `row`. */
export function happen(
  space: Space,
  row: Int32Array,
  sight: number,
  i: number,
  event: number,
  changes: Changes | null,
  next: Int32Array,
): Turned {
  const { catalog, layout } = space;
  const host = row[i] ?? 0;
  const result = outturn(catalog, host, event);
  if (changes === null && result.isNothing) return "nothing";
  next.set(row);
  if (result.violation !== null) return { violation: result.violation };
  next[i] = result.host;
  const before = changes?.ledger ?? row[layout.ledger] ?? 0;
  next[layout.budget] = changes?.budget ?? row[layout.budget] ?? 0;
  if (result.hasVotes) {
    const broken = checkPromise(space, row, i, sight, result.sent);
    if (broken !== null) return { violation: broken };
  }
  const ledger = account(space, next, i, before, result.answers, result.answersNumber);
  if (typeof ledger === "string") return { violation: ledger };
  next[layout.ledger] = ledger;
  const isAsBefore = result.sent === 0 && hasSameSight(space, host, result.host);
  if (!isAsBefore) {
    const after = hasSameSight(space, host, result.host) ? sight : sightOf(space, next);
    next[layout.net] = netAfter(space, row[layout.net] ?? 0, result.sent, after);
  }
  return "changed";
}

function hasSameSight({ catalog }: Space, a: number, b: number): boolean {
  if (a === b) return true;
  const before = factsAt(catalog, a);
  const after = factsAt(catalog, b);
  return before.promise === after.promise && before.life === after.life && before.incarnation === after.incarnation;
}

/** What the changed replica has committed, done and said, against what was promised. */
function account(
  space: Space,
  row: Int32Array,
  i: number,
  before: number,
  answers: readonly Answer[],
  answersNumber: number,
): number | string {
  const { catalog, layout, stores } = space;
  const host = row[i] ?? 0;
  const ledger = committed(space, before, host);
  if (typeof ledger === "string") return ledger;
  const grew = ledger !== before;
  const facts = factsAt(catalog, host);
  const { chain } = objectAt(stores, row[layout.store] ?? 0);
  if (facts.leads !== 0) {
    if (grew && !chain.includes(facts.leads)) return `S4c: r${i + 1} counts entries as committed in a view that was never written`;
    const rival = rivalOf(space, row, i, facts.leads);
    if (rival !== -1) return `S1b: r${i + 1} and r${rival + 1} lead the same epoch`;
    if (!chain.includes(facts.leads) && answers.some((answer) => answer.kind === "reply"))
      return `S4c: r${i + 1} answers in a view that was never written`;
  }
  const newest = chain[chain.length - 1] ?? 0;
  for (let other = grew ? 0 : i; other < (grew ? layout.net : i + 1); other++) {
    const one = factsAt(catalog, row[other] ?? 0);
    if (one.leads !== newest || !one.leadActive) continue;
    const lacking = checkLeader(objectAt(space.ledgers, ledger), one, newest);
    if (lacking !== null) return lacking;
  }
  return answersNumber === 0 ? ledger : taken(space, ledger, answers, answersNumber);
}

/** S1b: nobody leads an epoch that another leads. */
function rivalOf({ catalog, layout }: Space, row: Int32Array, i: number, leads: number): number {
  for (let other = 0; other < layout.net; other++) if (other !== i && factsAt(catalog, row[other] ?? 0).leads === leads) return other;
  return -1;
}

function resultOf(space: Space, number: number): number | string {
  return number < UNKNOWN ? violationText(space, number) : number;
}

function numberOfResult(space: Space, result: Ledger | string): number {
  return typeof result === "string" ? violationNumber(space, result) : numberOf(space.ledgers, result);
}

/** The ledger after what the host counts as committed and has applied. */
function committed(space: Space, before: number, host: number): number | string {
  const { ledgers: memo } = space.memos;
  let number = recall(memo, before, host, 0);
  if (number === UNKNOWN) {
    const facts = factsAt(space.catalog, host);
    const ledger = commit(objectAt(space.ledgers, before), facts);
    const wrong = typeof ledger === "string" ? null : checkState(ledger, facts);
    number = remember(memo, before, host, 0, numberOfResult(space, wrong ?? ledger));
  }
  return resultOf(space, number);
}

/** The ledger after what the host has told clients. */
function taken(space: Space, before: number, answers: readonly Answer[], answersNumber: number): number | string {
  const { answers: memo } = space.memos;
  let number = recall(memo, before, answersNumber, 0);
  if (number === UNKNOWN) {
    let ledger: Ledger | string = objectAt(space.ledgers, before);
    for (const answer of answers) if (typeof ledger !== "string") ledger = take(ledger, answer);
    number = remember(memo, before, answersNumber, 0, numberOfResult(space, ledger));
  }
  return resultOf(space, number);
}

/** In the memo of promises: none is broken. */
const UNBROKEN = 0;

/** S2a: what has answered a Seal acknowledges and confirms nothing of an older epoch any more. */
function checkPromise(space: Space, row: Int32Array, i: number, sight: number, sent: number): string | null {
  const { promises: memo } = space.memos;
  const net = row[space.layout.net] ?? 0;
  let number = recall(memo, net, sent, sight);
  if (number === UNKNOWN) {
    const broken = brokenPromise(space, row, i, sent);
    number = remember(memo, net, sent, sight, broken === null ? UNBROKEN : violationNumber(space, broken));
  }
  return number === UNBROKEN ? null : violationText(space, number);
}

function brokenPromise(space: Space, row: Int32Array, i: number, sent: number): string | null {
  const { catalog, nets, layout } = space;
  const life = livesOf(space, row)[i];
  assert(life !== undefined, "explore");
  for (const number of sequenceAt(catalog.posts, sent)) {
    const vote = envelopeAt(catalog, number);
    if (!vote.isVote) continue;
    for (const other of sequenceAt(nets, row[layout.net] ?? 0)) {
      const { message, epoch, from } = envelopeAt(catalog, other);
      if (message.kind !== "sealed" || epoch <= vote.epoch || replicaOfLife(from) !== i + 1) continue;
      if (message.incarnation === incarnationOf(life)) return `S2a: r${i + 1} has answered a Seal, and then sends ${messageText(vote)}`;
    }
  }
  return null;
}

/** One event at one replica, from 1; what goes wrong in it is thrown. */
export function happenAt(space: Space, row: Int32Array, replica: number, event: HostEvent): Int32Array {
  const next = row.slice();
  const turned = happen(space, row, sightOf(space, row), replica - 1, eventNumber(space.catalog, event), null, next);
  if (typeof turned !== "string") throw new InvariantViolation(turned.violation);
  return turned === "nothing" ? row : next;
}
