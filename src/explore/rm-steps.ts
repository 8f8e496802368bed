/** What each RM of a world may do, whichever kind it is. */
import type { Member } from "../vocabulary/view.js";
import { type Envelope, envelopeAt, envelopeNumber, factsAt, hostAt } from "./catalog.js";
import { bootOf, idOf, incarnationOf, lifeNumber, rmConnection } from "./life.js";
import { recall, remember, UNKNOWN } from "./memo.js";
import { numberOf, objectAt } from "./object-table.js";
import { freeze } from "./plain-data.js";
import type { CoreRm } from "./rm-core.js";
import { CAUSES, type CoreMove, coreMoves, outcomeOf } from "./rm-core-steps.js";
import { activeView, epochNumber, type Order, type RmStep, type Store } from "./rm-state.js";
import { type Move, movesOf, type ScriptRm, type Sights } from "./rm-script.js";
import { intern, sequenceAt } from "./sequence-table.js";
import { BUDGET, left, livesOf, netAfter, type RmMade, sightOf, type Space } from "./world.js";

/** All that RM `i` may do; `sight` is of the world. */
export function stepsOfRm(space: Space, row: Int32Array, sight: number, i: number): readonly RmStep[] {
  const { layout, memos } = space;
  const rm = row[layout.rm + i] ?? 0;
  const heard = heardNumber(space, row[layout.net] ?? 0, i);
  const means = meansOf(space, row, sight);
  let number = recall(memos.rmSteps, rm, heard, means);
  if (number === UNKNOWN) {
    const steps = workOut(space, row, sight, i).map((step) => kept(space, step));
    number = remember(memos.rmSteps, rm, heard, means, space.rmSteps.push(steps) - 1);
  }
  return space.rmSteps[number] ?? [];
}

/** The same with their texts, which are not remembered. */
export function toldStepsOfRm(space: Space, row: Int32Array, sight: number, i: number): readonly RmStep[] {
  return workOut(space, row, sight, i);
}

function workOut(space: Space, row: Int32Array, sight: number, i: number): RmStep[] {
  const { layout } = space;
  const state = objectAt(space.rms, row[layout.rm + i] ?? 0);
  const store = objectAt(space.stores, row[layout.store] ?? 0);
  return state.kind === "script" ? scriptSteps(space, row, state, store) : coreSteps(space, row, sight, i, state);
}

/** One object for equal steps, without the text. */
function kept({ keptSteps }: Space, step: RmStep): RmStep {
  return objectAt(keptSteps, numberOf(keptSteps, { ...step, text: "" }));
}

/** All that a step of an RM depends on besides itself and the messages, as a number. */
function meansOf(space: Space, row: Int32Array, sight: number): number {
  const { layout, catalog, scope } = space;
  const means = [presentOf(space), sight, row[layout.store] ?? 0, (row[layout.budget] ?? 0) & RM_BUDGET];
  if (scope.manager === "core") for (let i = 0; i < layout.net; i++) means.push(factsAt(catalog, row[i] ?? 0).report);
  return intern(space.sights, means);
}

/** While the first view is made spares are not there. */
function presentOf({ scope, layout, session }: Space): number {
  return session === "" ? scope.members : layout.net;
}

const RM_BUDGET = (15 << BUDGET.attempts) | (15 << BUDGET.suspicions) | (15 << BUDGET.doubts);
const MESSAGES_MAX = 1 << 20;

function coreSteps(space: Space, row: Int32Array, sight: number, i: number, rm: CoreRm): RmStep[] {
  const { layout, catalog } = space;
  const budget = row[layout.budget] ?? 0;
  const storeNumber = row[layout.store] ?? 0;
  const store = objectAt(space.stores, storeNumber);
  const moves = coreMoves(rm, {
    store,
    storeNumber,
    moment: intern(space.sights, [presentOf(space), sight, storeNumber]),
    processes: Array.from(row.subarray(0, presentOf(space)), (host) => {
      const { report: reportNumber } = factsAt(catalog, host);
      return { life: hostAt(catalog, host).life, reportNumber, report: objectAt(catalog.reports, reportNumber) };
    }),
    heard: heardBy(space, row, i),
    suspicions: left(budget, "suspicions"),
    doubts: left(budget, "doubts"),
  });
  return moves.flatMap((move) => {
    const made = madeOf(space, row[layout.rm + i] ?? 0, rm, move);
    if (made.attempts > left(budget, "attempts")) return [];
    const cost = (made.attempts << BUDGET.attempts) | (move.suspicions << BUDGET.suspicions) | (move.doubts << BUDGET.doubts);
    const step: RmStep = {
      text: move.text,
      rm: made.rm,
      store: numberOf(space.stores, move.store),
      sent: made.sent,
      cost,
      violation: made.violation ?? move.violation,
      isDue: move.isDue,
      begins: !move.isDue,
    };
    return [step];
  });
}

/** The outcome of a move, made once. */
function madeOf(space: Space, number: number, rm: CoreRm, move: CoreMove): RmMade {
  const cause = CAUSES.indexOf(move.cause) * MESSAGES_MAX + move.argument;
  const known = recall(space.memos.rmMoves, number, cause, 0);
  if (known !== UNKNOWN) return space.rmMade[known] ?? { rm: number, sent: 0, attempts: 0, violation: "?" };
  const outcome = outcomeOf(move);
  const made: RmMade =
    typeof outcome === "string"
      ? { rm: number, sent: 0, attempts: 0, violation: outcome }
      : {
          rm: numberOf(space.rms, outcome.rm),
          sent: ordersNumber(space, rm.rm, outcome.orders),
          attempts: outcome.attempts,
          violation: null,
        };
  remember(space.memos.rmMoves, number, cause, 0, space.rmMade.push(made) - 1);
  return made;
}

function scriptSteps(space: Space, row: Int32Array, rm: ScriptRm, store: Store): RmStep[] {
  const moves = movesOf(rm, store, sightsOf(space, row, rm));
  return moves.map((move) => ({
    text: move.text,
    rm: numberOf(space.rms, move.rm),
    store: numberOf(space.stores, move.store),
    sent: ordersNumber(space, rm.rm, move.orders),
    cost: move.begins ? 1 << BUDGET.attempts : 0,
    violation: checkChain(rm, move, store),
    isDue: move.isDue,
    begins: move.begins,
  }));
}

/** The messages to an RM that are on their way, as one of the catalog's `posts`. */
function heardNumber({ catalog, nets, memos }: Space, net: number, rm: number): number {
  const known = recall(memos.heard, net, rm, 0);
  if (known !== UNKNOWN) return known;
  const heard = [...sequenceAt(nets, net)].filter((number) => {
    const envelope = envelopeAt(catalog, number);
    return envelope.replica === 0 && envelope.rm === rm;
  });
  return remember(memos.heard, net, rm, 0, intern(catalog.posts, heard));
}

function heardBy(space: Space, row: Int32Array, rm: number): { readonly number: number; readonly envelope: Envelope }[] {
  const numbers = [...sequenceAt(space.catalog.posts, heardNumber(space, row[space.layout.net] ?? 0, rm))];
  return numbers.map((number) => ({ number, envelope: envelopeAt(space.catalog, number) }));
}

function sightsOf(space: Space, row: Int32Array, rm: ScriptRm): Sights {
  const heard = heardBy(space, row, rm.rm).flatMap(({ envelope }) => (envelope.epoch === rm.awaits >> 1 ? [envelope] : []));
  const lives = livesOf(space, row);
  const base = rm.attempt?.base ?? null;
  const candidates: Member[] = lives
    .map((life) => ({ replica: idOf(life.replica), incarnation: incarnationOf(life) }))
    .filter(
      (member) => !(base?.members ?? []).some((other) => other.replica === member.replica && other.incarnation === member.incarnation),
    );
  return {
    sealed: heard.flatMap(({ message }) => (message.kind === "sealed" ? [message] : [])),
    ledBy: heard.flatMap(({ message, from }) =>
      message.kind === "led" ? lives.filter((life) => lifeNumber(life) === from).map(bootOf) : [],
    ),
    candidates,
    mayBegin: left(row[space.layout.budget] ?? 0, "attempts") > 0,
    style: space.scope.style,
  };
}

/** S1: a view follows the one that was sealed for it, and no other has come between. */
function checkChain(rm: ScriptRm, move: Move, { chain }: Store): string | null {
  if (move.store.chain === chain || rm.attempt === null) return null;
  const last = chain[chain.length - 1] ?? 0;
  const sealed = rm.attempt.base === null ? 0 : epochNumber(rm.attempt.base.epoch);
  return sealed === last ? null : "S1: the view that is written follows one that is not the last active view any more";
}

export function ordersNumber(space: Space, rm: number, orders: readonly Order[]): number {
  const { catalog } = space;
  const sent = orders.map(({ to, message }) =>
    envelopeNumber(catalog, { from: 0, replica: to, life: 0, connection: rmConnection(rm), rm, message: freeze(message) }),
  );
  return intern(
    catalog.posts,
    [...new Set(sent)].sort((a, b) => a - b),
  );
}

/** The world after a step of RM `i`, into `next`. */
export function takeRmStep(space: Space, row: Int32Array, i: number, step: RmStep, next: Int32Array): void {
  const { layout } = space;
  next.set(row);
  next[layout.rm + i] = step.rm;
  next[layout.store] = step.store;
  next[layout.budget] = (row[layout.budget] ?? 0) - step.cost;
  next[layout.net] = netAfter(space, row[layout.net] ?? 0, step.sent, sightOf(space, next));
}

/** S5: no more than w - 1 of a view, active or attempted, lose what they had; more is loss, and not promised against. */
export function mayLose(space: Space, row: Int32Array, replica: number): boolean {
  const { layout } = space;
  const lives = livesOf(space, row);
  const attempted = Array.from(row.subarray(layout.rm, layout.budget), (rm) => objectAt(space.rms, rm).attempt?.view ?? null);
  const views = [activeView(objectAt(space.stores, row[layout.store] ?? 0).content), ...attempted];
  return views.every((view) => {
    if (view === null) return true;
    const lost = view.members.filter((member) => {
      const life = lives.find((other) => idOf(other.replica) === member.replica);
      return life === undefined || life.replica === replica || incarnationOf(life) !== member.incarnation;
    });
    return lost.length <= view.quorum - 1;
  });
}
