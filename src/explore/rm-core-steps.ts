/** What an RM that is the real core may do, and what may happen to it. */
import type { RmEvent, RmPeer } from "../rm/core/event.js";
import { refuseSuccession } from "../rm/core/content.js";
import { InvariantViolation } from "../vocabulary/assert.js";
import { bootId } from "../vocabulary/ids.js";
import type { ReplicaObservation } from "../vocabulary/message-detection.js";
import type { ReplicaReport } from "../vocabulary/report.js";
import { sameView } from "../vocabulary/view.js";
import type { Envelope } from "./catalog.js";
import { bootOf, GROUP, idOf, incarnationOf, type Life, lifeNumber } from "./life.js";
import { messageText } from "./narration.js";
import { freeze } from "./plain-data.js";
import { type CoreRm, leapOf, mayLeap, type RmOutcome, type StoreAsk, turnOf } from "./rm-core.js";
import { activeView, DETECTORS, epochNumber, HOST, type Store } from "./rm-state.js";

/** What the RM can meet with; with numbers that name each thing. */
export interface Surroundings {
  readonly store: Store;
  readonly storeNumber: number;
  readonly processes: readonly { readonly life: Life; readonly report: ReplicaReport; readonly reportNumber: number }[];
  /** Names both store and which processes run. */
  readonly moment: number;
  /** Messages to it that are on their way. */
  readonly heard: readonly { readonly number: number; readonly envelope: Envelope }[];
  readonly suspicions: number;
  readonly doubts: number;
}

/** What comes of a move: made once for each RM's state, `cause` and `argument`. */
export interface CoreMove {
  readonly text: string;
  readonly cause: Cause;
  readonly argument: number;
  readonly make: () => RmOutcome;
  readonly store: Store;
  readonly suspicions: number;
  readonly doubts: number;
  readonly violation: string | null;
  readonly isDue: boolean;
}

export const CAUSES = [
  "start",
  "message",
  "report",
  "gone",
  "meeting",
  "alive",
  "suspected",
  "leap",
  "read",
  "answer",
  "unknown",
  "unanswered",
  "late",
] as const;
export type Cause = (typeof CAUSES)[number];

const GFD = bootId("gfd");

function peerOf(life: Life): Extract<RmPeer, { kind: "server" }> {
  return { kind: "server", group: GROUP, replica: idOf(life.replica), incarnation: incarnationOf(life), bootId: bootOf(life) };
}

function observationOf(rm: CoreRm, life: Life): ReplicaObservation {
  const sight = rm.state.sights.get(idOf(life.replica));
  return {
    group: GROUP,
    replica: idOf(life.replica),
    incarnation: incarnationOf(life),
    bootId: bootOf(life),
    pid: 1,
    address: null,
    verdict: sight?.bootId === bootOf(life) ? sight.verdict : "alive",
    counted: true,
    paused: false,
    reason: "",
    executing: null,
    report: null,
  };
}

/** The detectors tell that these processes run, and no others. */
function membership(rm: CoreRm, lives: readonly (Life | null)[]): RmEvent {
  const host = {
    hostId: HOST,
    bootId: bootId("lfd"),
    pid: 1,
    address: null,
    verdict: "alive",
    complete: true,
    knobs: DETECTORS.lfd,
  } as const;
  const replicas = lives.flatMap((life) => (life === null ? [] : [observationOf(rm, life)]));
  const message = {
    kind: "membership",
    bootId: GFD,
    version: 1,
    complete: true,
    memberCount: replicas.length,
    knobs: DETECTORS.gfd,
    hosts: [{ ...host, replicas }],
  } as const;
  return { kind: "received", peer: { kind: "gfd", bootId: GFD, pid: 1 }, message: freeze(message) };
}

function fault(life: Life, verdict: "suspected" | "alive" | "gone"): RmEvent {
  const message = {
    kind: "fault",
    hostId: HOST,
    replica: idOf(life.replica),
    bootId: bootOf(life),
    verdict,
    reason: "",
    detectionMs: 0,
  } as const;
  return { kind: "received", peer: { kind: "gfd", bootId: GFD, pid: 1 }, message };
}

type Add = (text: string, cause: Cause, argument: number, make: () => RmOutcome, more?: Partial<CoreMove>) => void;

/** All that it may do. */
export function coreMoves(rm: CoreRm, around: Surroundings): CoreMove[] {
  const moves: CoreMove[] = [];
  const add: Add = (text, cause, argument, make, more = {}): void => {
    const isDue = !TROUBLE.has(cause);
    moves.push({
      text: `RM ${rm.rm + 1} ${text}`,
      cause,
      argument,
      make,
      store: around.store,
      suspicions: 0,
      doubts: 0,
      violation: null,
      isDue,
      ...more,
    });
  };
  if (rm.late !== null) lateWrite(rm, rm.late, around, add);
  if (rm.phase === "ended") return moves;
  if (rm.phase === "away") {
    add("starts", "start", 0, () => turnOf(rm, [{ kind: "start" }], {}));
    return moves;
  }
  if (rm.ask !== null) storeMoves(rm, rm.ask, around, add);
  for (const { number, envelope } of around.heard) {
    const life = rm.lives.find((one) => one !== null && lifeNumber(one) === envelope.from);
    if (life == null) continue;
    const event: RmEvent = { kind: "received", peer: peerOf(life), message: envelope.message };
    add(`hears ${messageText(envelope)}`, "message", number, () => turnOf(rm, [event], {}));
  }
  if (isRuling(rm)) sightMoves(rm, around, add);
  return moves;
}

/** Not what happens by itself when all is well. */
const TROUBLE = new Set<Cause>(["start", "gone", "alive", "suspected", "leap", "unknown", "unanswered", "late"]);

/** The outcome, or the rule that is broken. */
export function outcomeOf(move: CoreMove): RmOutcome | string {
  try {
    return move.make();
  } catch (error) {
    if (!(error instanceof InvariantViolation)) throw error;
    return error.message;
  }
}

/** It has read what there is to rule, and knows the group. */
function isRuling({ state }: CoreRm): boolean {
  return state.groups.size > 0;
}

/** What it learns of processes. */
function sightMoves(rm: CoreRm, around: Surroundings, add: Add): void {
  for (const { life, report, reportNumber } of around.processes) {
    const { replica } = life;
    const known = rm.lives[replica - 1] ?? null;
    if (known !== null && known.boot === life.boot) {
      const event: RmEvent = { kind: "received", peer: peerOf(known), message: { kind: "report", report } };
      add(`hears a report from r${replica}`, "report", reportNumber, () => turnOf(rm, [event], {}));
      continue;
    }
    if (known !== null) add(`learns that r${replica}'s process is gone`, "gone", replica, () => goneOf(rm, known));
    add(`meets r${replica}`, "meeting", lifeNumber(life) * 16 + life.incarnation, () => meetingOf(rm, [life]));
  }
  for (const known of rm.lives) {
    if (known === null) continue;
    const { replica } = known;
    const isSuspected = rm.state.sights.get(idOf(replica))?.verdict === "suspected";
    if (isSuspected) add(`is told that r${replica} is well`, "alive", replica, () => turnOf(rm, [fault(known, "alive")], {}));
    else if (around.suspicions > 0) {
      const tell = () => turnOf(rm, [fault(known, "suspected")], {});
      add(`is told that r${replica} is suspected`, "suspected", replica, tell, { suspicions: 1 });
    }
  }
  if (mayLeap(rm)) add("waits until all that it waits for is due", "leap", 0, () => leapOf(rm));
}

function goneOf(rm: CoreRm, known: Life): RmOutcome {
  const lives = rm.lives.map((life) => (life === known ? null : life));
  return turnOf(rm, [{ kind: "closed", peer: peerOf(known) }, fault(known, "gone")], { lives });
}

/** It is told of these processes, and connected to them: of each replica the newer one. */
function meetingOf(rm: CoreRm, met: readonly Life[]): RmOutcome {
  const before = rm.lives.filter((life) => life !== null);
  const lives = rm.lives.map((life, i) => met.find((one) => one.replica === i + 1) ?? life);
  const closed: RmEvent[] = met.flatMap(({ replica }) => {
    const old = before.find((life) => life.replica === replica);
    return old === undefined ? [] : [{ kind: "closed", peer: peerOf(old) }];
  });
  const opened: RmEvent[] = met.map((life) => ({ kind: "opened", peer: peerOf(life) }));
  return turnOf(rm, [...closed, membership(rm, lives), ...opened], { lives });
}

/** S1a: once it rules, it is connected to the detectors and to all that run. */
function firstMeeting(rm: CoreRm, lives: readonly Life[]): RmOutcome {
  const opened = turnOf(rm, [{ kind: "opened", peer: { kind: "gfd", bootId: GFD, pid: 1 } }], {});
  const met = meetingOf(opened.rm, lives);
  return { rm: met.rm, orders: [...opened.orders, ...met.orders], attempts: opened.attempts + met.attempts };
}

/** S1c, as the store says it within its compare-and-swap. Null: written. */
function refusalOf(store: Store, ask: StoreAsk): string | null {
  if (ask.content === null) return "nothing to write";
  if (ask.expectedRevision !== store.revision) return "the revision has moved on";
  return refuseSuccession(store.content, ask.content);
}

function written(store: Store, ask: StoreAsk): Store {
  const { content } = ask;
  if (content === null) return store;
  const before = activeView(store.content);
  const view = activeView(content);
  const isNew = view !== null && !sameView(before, view);
  const chain = isNew ? [...store.chain, epochNumber(view.epoch)] : store.chain;
  return { content, revision: store.revision + 1, chain };
}

/** S1: a view follows the one that was sealed for it, and no other has come between. */
function checkChain(rm: CoreRm, store: Store, next: Store): string | null {
  if (next.chain === store.chain) return null;
  const base = rm.state.groups.get(GROUP)?.change?.base ?? null;
  const last = store.chain[store.chain.length - 1] ?? 0;
  const sealed = base === null ? 0 : epochNumber(base.epoch);
  return sealed === last ? null : "S1: the view that is written follows one that is not the last active view any more";
}

/** S1a: whoever takes the store over takes a new term. */
function checkTerm(store: Store, next: Store): string | null {
  const { owner, term } = next.content;
  const isTaken = owner !== store.content.owner && term <= store.content.term;
  return isTaken ? `S1a: ${owner} rules in term ${term}, in which ${store.content.owner} has ruled` : null;
}

/** The store does what was asked, or nobody can say whether it has. */
function storeMoves(rm: CoreRm, ask: StoreAsk, around: Surroundings, add: Add): void {
  const { store, storeNumber, processes } = around;
  const answered = { ask: null };
  if (ask.kind === "read") {
    const record = { revision: store.revision, content: store.content };
    const read = (): RmOutcome => {
      const first = turnOf(rm, [{ kind: "store-read", ticket: 1, record }], answered);
      if (isRuling(rm) || !isRuling(first.rm)) return first;
      const met = firstMeeting(
        first.rm,
        processes.map(({ life }) => life),
      );
      return { rm: met.rm, orders: [...first.orders, ...met.orders], attempts: first.attempts + met.attempts };
    };
    add("reads the store", "read", isRuling(rm) ? storeNumber : around.moment, read);
    return;
  }
  const refusal = refusalOf(store, ask);
  const next = refusal === null ? written(store, ask) : store;
  const violation = refusal === null ? (checkTerm(store, next) ?? checkChain(rm, store, next)) : null;
  const event: RmEvent =
    refusal === null
      ? { kind: "store-swapped", ticket: 1, revision: next.revision }
      : { kind: "store-refused", ticket: 1, reason: refusal };
  const what = next.chain === store.chain ? "writes the store" : `writes view ${activeView(next.content)?.epoch.join(".")}`;
  const text = refusal === null ? what : `is refused by the store (${refusal})`;
  add(text, "answer", storeNumber, () => turnOf(rm, [event], answered), { store: next, violation });
  if (around.doubts === 0 || rm.late !== null) return;
  const unknown: RmEvent = { kind: "store-unknown", ticket: 1, reason: "" };
  if (refusal === null)
    add(`${what}, and is not told`, "unknown", 0, () => turnOf(rm, [unknown], answered), { store: next, violation, doubts: 1 });
  const late = { ...answered, late: ask };
  add("is not told whether the store was written", "unanswered", 0, () => turnOf(rm, [unknown], late), { doubts: 1 });
}

/** S1d: a write whose outcome was unknown comes after all. */
function lateWrite(rm: CoreRm, late: StoreAsk, { store }: Surroundings, add: Add): void {
  if (refusalOf(store, late) !== null) return;
  const make = (): RmOutcome => ({ rm: { ...rm, late: null }, orders: [], attempts: 0 });
  add("has written the store: what was unknown comes late", "late", 0, make, { store: written(store, late) });
}
