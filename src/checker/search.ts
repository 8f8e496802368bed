/**
 * The search for a linearization of one partition of a history.
 *
 * Wing and Gong (Testing and verifying concurrent objects, JPDC 1993): try the operations that may come next, depth first, and go back
 * when stuck. Lowe (Testing for linearizability, CCPE 2017): (1) just in time, that is, an operation is placed only when the next one that
 * returned needs it before its return; (2) a configuration seen before is not looked at again. Porcupine and Knossos do the same.
 * A configuration here is (returns satisfied so far, operations placed ahead of their return, state): unlike a set of all that was placed
 * it does not grow with the history, so one partition of 100,000 operations is no burden.
 *
 * Three reductions, each safe by exchange (checked against brute force in linearizability.property.test.ts):
 * - an observation that the present state explains is placed at once, without an alternative: it changes nothing, so no order loses by it;
 * - of operations with unknown outcome that are alike only one is tried, and none that would change nothing;
 * - a machine may name which open operations can matter before the target (`candidates`), and states that lead nowhere (`isHopeless`).
 */

import { mix } from "./hash.js";
import type { Impasse, Machine, SearchOutcome, Span } from "./machine.js";
import { type Timeline, timelineOf } from "./timeline.js";

type Frame<State> = {
  /** The return that is to be satisfied next. */
  readonly position: number;
  readonly state: State;
  /** Operations of definite outcome that started before that return and return no earlier, placed ones among them. */
  readonly open: readonly number[];
  /** What was placed on the way here from the frame before. */
  readonly placed: readonly number[];
  /** The set of operations placed ahead of their return, as a Zobrist hash: a collision could only hide a linearization, never invent one. */
  readonly aheadLow: number;
  readonly aheadHigh: number;
  /** What else may be tried after the target itself; undefined until then. */
  alternatives: readonly number[] | undefined;
  next: number;
};

type Search<State> = {
  readonly machine: Machine<State>;
  readonly spans: readonly Span[];
  readonly timeline: Timeline;
  readonly isPlaced: Uint8Array;
  readonly stack: Frame<State>[];
  readonly seen: Set<string>;
  impasse: Impasse<State> | undefined;
};

const lastPlacedMax = 8;

/** Looks for a linearization of a partition, entering at most `exploredMax` configurations. */
export function searchLinearization<State>(machine: Machine<State>, spans: readonly Span[], exploredMax: number): SearchOutcome<State> {
  const timeline = timelineOf(spans);
  const search: Search<State> = {
    machine,
    spans,
    timeline,
    isPlaced: new Uint8Array(spans.length),
    stack: [],
    seen: new Set(),
    impasse: undefined,
  };
  let exploredCount = 1;
  search.stack.push(
    enter(search, { position: 0, state: machine.initial, open: timeline.startedBefore[0] ?? [], placed: [], low: 0, high: 0 }),
  );
  for (let frame = search.stack.at(-1); frame !== undefined; frame = search.stack.at(-1)) {
    if (frame.position === timeline.returns.length) return { verdict: "linearizable", exploredCount };
    const child = isStuck(search, frame) ? undefined : nextChild(search, frame);
    if (child === undefined) {
      leave(search, frame);
      continue;
    }
    exploredCount++;
    if (exploredCount > exploredMax) return { verdict: "undecided", exploredCount, impasse: search.impasse };
    const key = `${child.position} ${child.aheadLow} ${child.aheadHigh} ${machine.keyOf(child.state)}`;
    if (search.seen.has(key)) {
      for (const operation of child.placed) search.isPlaced[operation] = 0;
    } else {
      search.seen.add(key);
      search.stack.push(child);
    }
  }
  return { verdict: "violation", exploredCount, impasse: search.impasse };
}

type Arrival<State> = { position: number; state: State; open: readonly number[]; placed: number[]; low: number; high: number };

/** Settles an arrival: places the observations that the state explains, passes the returns that are satisfied, until neither moves. */
function enter<State>(search: Search<State>, arrival: Arrival<State>): Frame<State> {
  const { timeline } = search;
  for (;;) {
    placeObservations(search, arrival);
    const target = timeline.returns[arrival.position];
    if (target === undefined || search.isPlaced[target] === 0) break;
    arrival.low ^= zobristLow(target);
    arrival.high ^= zobristHigh(target);
    arrival.position++;
    const started = timeline.startedBefore[arrival.position] ?? [];
    arrival.open = [...arrival.open.filter((operation) => operation !== target), ...started];
  }
  const { position, state, open, placed, low, high } = arrival;
  return { position, state, open, placed, aheadLow: low, aheadHigh: high, alternatives: undefined, next: 0 };
}

function placeObservations<State>(search: Search<State>, arrival: Arrival<State>): void {
  for (const operation of arrival.open) {
    if (search.isPlaced[operation] === 1 || !search.machine.isObservation(operation)) continue;
    if (search.machine.step(arrival.state, operation) !== undefined) place(search, arrival, operation);
  }
}

function place<State>(search: Search<State>, arrival: Arrival<State>, operation: number): void {
  search.isPlaced[operation] = 1;
  arrival.placed.push(operation);
  arrival.low ^= zobristLow(operation);
  arrival.high ^= zobristHigh(operation);
}

function isStuck<State>(search: Search<State>, frame: Frame<State>): boolean {
  const { machine } = search;
  if (frame.next !== 0 || machine.isHopeless === undefined) return false;
  for (const operation of frame.open) {
    if (search.isPlaced[operation] === 0 && machine.isHopeless(frame.state, operation)) return true;
  }
  return false;
}

/** The next configuration that may follow: by the target itself first (just in time), then by what may come before it. */
function nextChild<State>(search: Search<State>, frame: Frame<State>): Frame<State> | undefined {
  const { machine, spans } = search;
  const target = search.timeline.returns[frame.position];
  if (target === undefined) return undefined;
  for (;;) {
    if (frame.next > 0) frame.alternatives ??= alternativesOf(search, frame, target);
    const operation = frame.next === 0 ? target : frame.alternatives?.[frame.next - 1];
    frame.next++;
    if (operation === undefined) return undefined;
    const state = machine.step(frame.state, operation);
    if (state === undefined) continue;
    // An operation of unknown outcome need not be placed at all, so one that changes nothing here is left out.
    if (spans[operation]?.endedAt === Number.POSITIVE_INFINITY && machine.keyOf(state) === machine.keyOf(frame.state)) continue;
    const arrival: Arrival<State> = {
      position: frame.position,
      state,
      open: frame.open,
      placed: [],
      low: frame.aheadLow,
      high: frame.aheadHigh,
    };
    place(search, arrival, operation);
    return enter(search, arrival);
  }
}

function alternativesOf<State>(search: Search<State>, frame: Frame<State>, target: number): readonly number[] {
  const { machine, timeline, spans, isPlaced } = search;
  const open = frame.open.filter((operation) => isPlaced[operation] === 0 && operation !== target);
  const unknownCount = timeline.unknownCounts[frame.position] ?? 0;
  for (let i = 0; i < unknownCount; i++) {
    const operation = timeline.unknowns[i];
    if (operation !== undefined && isPlaced[operation] === 0) open.push(operation);
  }
  const candidates = machine.candidates === undefined ? open : machine.candidates(frame.state, target, open);
  const alike = new Set<string>();
  return candidates.filter((operation) => {
    // Observations that could be placed have been (placeObservations); the others cannot be, in this state.
    if (machine.isObservation(operation)) return false;
    const span = spans[operation];
    if (span === undefined || span.endedAt !== Number.POSITIVE_INFINITY) return true;
    if (alike.has(span.alike)) return false;
    alike.add(span.alike);
    return true;
  });
}

/** Takes a frame back, and remembers it if the search never got further. */
function leave<State>(search: Search<State>, frame: Frame<State>): void {
  const { stack, timeline, isPlaced } = search;
  const unplaced = frame.open.filter((operation) => isPlaced[operation] === 0);
  const placedCount = frame.position + frame.open.length - unplaced.length;
  const target = timeline.returns[frame.position];
  if (target !== undefined && (search.impasse === undefined || placedCount > search.impasse.placedCount)) {
    const lastPlaced = stack.slice(-lastPlacedMax).flatMap((each) => each.placed);
    search.impasse = {
      placedCount,
      lastPlaced: lastPlaced.slice(-lastPlacedMax),
      state: frame.state,
      blocked: target,
      open: unplaced.filter((operation) => operation !== target),
    };
  }
  stack.pop();
  for (const operation of frame.placed) isPlaced[operation] = 0;
}

function zobristLow(operation: number): number {
  return mix(operation * 2 + 1);
}

function zobristHigh(operation: number): number {
  return mix((operation * 2 + 2) ^ 0x5bd1e995);
}
