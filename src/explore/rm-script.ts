/**
 * The Replication Manager as far as it decides about views: at every moment it does anything that the rules allow it. What it counts, whom it
 * has lead and what the store takes are the real core's own functions; when it acts, which its own clocks and detectors decide, is left open.
 */
import type { Epoch } from "../vocabulary/epoch.js";
import type { BootId } from "../vocabulary/ids.js";
import type { ControlMessage } from "../vocabulary/message-control.js";
import type { Style } from "../vocabulary/style.js";
import { checkView, holdsIncarnation, type Member, sealQuorum, type View } from "../vocabulary/view.js";
import { type ControlContent, groupRecord, refuseSuccession, withGroup } from "../rm/core/content.js";
import type { SealAnswer } from "../rm/core/state.js";
import { assertIntersection, bestAnswers } from "../rm/core/succession.js";
import { GROUP, replicaOf } from "./life.js";
import { activeView, awaitsOf, epochNumber, makeView, type Order, ownerOf, type Store } from "./rm-state.js";

export interface Attempt {
  readonly epoch: Epoch;
  readonly base: View | null;
  /** Null while it seals. */
  readonly view: View | null;
  readonly leaderBootId: BootId | null;
}

export interface ScriptRm {
  readonly kind: "script";
  readonly rm: number;
  /** See `awaitsOf`. */
  readonly awaits: number;
  readonly phase: "away" | "ruling" | "ended";
  readonly counter: number;
  /** The store's content as this RM knows it, and its revision. */
  readonly content: ControlContent;
  readonly revision: number;
  readonly attempt: Attempt | null;
}

type Sealed = Extract<ControlMessage, { readonly kind: "sealed" }>;

/** One thing that an RM may do. */
export interface Move {
  readonly text: string;
  readonly rm: ScriptRm;
  readonly store: Store;
  readonly orders: readonly Order[];
  /** It begins an attempt: these are bounded. */
  readonly begins: boolean;
  /** It goes on with what it has begun, or begins anew when all else is done. */
  readonly isDue: boolean;
}

/** What an RM sees, and what bounds it. */
export interface Sights {
  readonly sealed: readonly Sealed[];
  /** Of the processes that said that they have led the attempt's view. */
  readonly ledBy: readonly BootId[];
  /** Replicas as they are now, that a view may admit. */
  readonly candidates: readonly Member[];
  readonly mayBegin: boolean;
  readonly style: Style;
}

export function createScriptRm(rm: number, store: Store): ScriptRm {
  const phase = rm === 0 ? "ruling" : "away";
  return { kind: "script", rm, awaits: 0, phase, counter: 0, content: store.content, revision: store.revision, attempt: null };
}

/** S1a: a new term by compare-and-swap; only then is the store's last view looked at. */
function takeOffice(rm: ScriptRm, store: Store): Move {
  const content = { ...store.content, term: store.content.term + 1, owner: ownerOf(rm.rm) };
  const revision = store.revision + 1;
  return {
    text: `RM ${rm.rm + 1} takes office in term ${content.term}`,
    rm: { ...rm, phase: "ruling", content, revision },
    store: { ...store, content, revision },
    orders: [],
    begins: false,
    isDue: false,
  };
}

/** S1b: a fresh epoch; S3c: over the last active view. */
export function begin(rm: ScriptRm, store: Store, founders: readonly Member[] = []): Move {
  const counter = rm.counter + 1;
  const epoch: Epoch = [rm.content.term, counter];
  const base = activeView(rm.content);
  const asked = base?.members ?? founders;
  const attempt = { epoch, base, view: null, leaderBootId: null };
  return {
    text: `RM ${rm.rm + 1} seals ${epoch.join(".")} (${asked.map((member) => member.replica).join(", ")})`,
    rm: { ...rm, counter, attempt, awaits: awaitsOf(epoch, true) },
    store,
    orders: asked.map((member) => ({
      to: replicaOf(member.replica),
      message: { kind: "seal", group: GROUP, epoch, base },
    })),
    begins: true,
    isDue: true,
  };
}

function answerOf(sealed: Sealed): SealAnswer {
  const { replica, incarnation, bootId: boot, lastEpoch, lastIndex, commitIndex } = sealed;
  return { replica, incarnation, bootId: boot, lastEpoch, lastIndex, commitIndex, atMs: 0 };
}

/** Every choice of answers, one of each replica; the most of them first. */
function selections(answers: readonly SealAnswer[]): SealAnswer[][] {
  let chosen: SealAnswer[][] = [[]];
  for (const replica of new Set(answers.map((answer) => answer.replica))) {
    const own = answers.filter((answer) => answer.replica === replica);
    chosen = chosen.flatMap((some) => [some, ...own.map((answer) => [...some, answer])]);
  }
  return chosen.sort((a, b) => b.length - a.length);
}

function leadMoves(rm: ScriptRm, store: Store, attempt: Attempt & { readonly base: View }, sights: Sights): Move[] {
  const { base } = attempt;
  const moves: Move[] = [];
  const counted = sights.sealed.filter((sealed) => holdsIncarnation(base, sealed.replica, sealed.incarnation)).map(answerOf);
  const needed = sealQuorum(base);
  for (const answers of selections(counted)) {
    if (answers.length < needed) continue;
    const joining = sights.candidates.filter((member) => answers.every((answer) => answer.replica !== member.replica));
    for (const leader of bestAnswers(answers)) {
      assertIntersection(base, answers, leader);
      for (const join of [null, ...joining]) moves.push(lead(rm, store, attempt, answers, leader, join, sights));
    }
  }
  return moves;
}

/** S4a, S4d: those who answered are the new members, and one more may be admitted. */
function lead(
  rm: ScriptRm,
  store: Store,
  attempt: Attempt,
  answers: readonly SealAnswer[],
  leader: SealAnswer,
  join: Member | null,
  sights: Sights,
): Move {
  const members: Member[] = answers.map(({ replica, incarnation }) => ({ replica, incarnation }));
  if (join !== null) members.push(join);
  const view = makeView(attempt.epoch, members, leader, sights.style);
  const names = view.members.map((member) => member.replica).join(", ");
  const message = {
    kind: "lead",
    view,
    bootId: leader.bootId,
    poison: [],
    leaderEnds: [],
    book: { version: [0, 0], entries: [] },
  } as const;
  return {
    text: `RM ${rm.rm + 1} has ${leader.replica} lead ${attempt.epoch.join(".")} of ${names}`,
    rm: { ...rm, attempt: { ...attempt, view, leaderBootId: leader.bootId }, awaits: awaitsOf(attempt.epoch, false) },
    store,
    orders: [{ to: replicaOf(leader.replica), message }],
    begins: false,
    isDue: true,
  };
}

/** S1c: what the store says to a view that is written, or null. */
function refusalOf(rm: ScriptRm, store: Store, next: ControlContent): string | null {
  if (rm.revision !== store.revision) return "the revision has moved on";
  return refuseSuccession(store.content, next);
}

/** S4b: writes the view by compare-and-swap; and only then (S4c) has it activated. */
export function write(rm: ScriptRm, store: Store, view: View, boot: BootId): Move {
  const text = `RM ${rm.rm + 1} writes view ${view.epoch.join(".")}`;
  const record = groupRecord(rm.content, GROUP);
  const orders: Order[] = [{ to: replicaOf(view.leader), message: { kind: "activate", view, bootId: boot } }];
  const next = record === undefined ? rm.content : withGroup(rm.content, { ...record, activeView: view });
  const refusal = checkView(view) ?? refusalOf(rm, store, next);
  if (refusal !== null) {
    return {
      text: `${text}: refused (${refusal})`,
      rm: { ...rm, phase: "ended", attempt: null, awaits: 0 },
      store,
      orders: [],
      begins: false,
      isDue: true,
    };
  }
  const revision = store.revision + 1;
  const chain = [...store.chain, epochNumber(view.epoch)];
  return {
    text,
    rm: { ...rm, content: next, revision, attempt: null, awaits: 0 },
    store: { content: next, revision, chain },
    orders,
    begins: false,
    isDue: true,
  };
}

/** Everything that this RM may do now. */
export function movesOf(rm: ScriptRm, store: Store, sights: Sights): Move[] {
  if (rm.phase === "ended") return [];
  if (rm.phase === "away") return [takeOffice(rm, store)];
  const moves: Move[] = [];
  if (sights.mayBegin) moves.push(begin(rm, store));
  const { attempt } = rm;
  if (attempt === null || attempt.base === null) return moves;
  if (attempt.view === null) return [...moves, ...leadMoves(rm, store, { ...attempt, base: attempt.base }, sights)];
  const boot = attempt.leaderBootId;
  if (boot !== null && sights.ledBy.includes(boot)) moves.push(write(rm, store, attempt.view, boot));
  return moves;
}
