import type { Span } from "./machine.js";

/** Starts and returns in the order in which they happened, as the search reads them. */
export type Timeline = {
  /** Operations of definite outcome, in the order of their returns. */
  readonly returns: readonly number[];
  /** By position in `returns`: the operations of definite outcome that start before that return and after the one before it. */
  readonly startedBefore: readonly (readonly number[])[];
  /** Operations of unknown outcome, in the order of their starts. */
  readonly unknowns: readonly number[];
  /** By position in `returns`: how many of `unknowns` start before that return. */
  readonly unknownCounts: readonly number[];
};

/** Lays the spans of a partition out. A start and a return at the same time count as concurrent: the clock cannot tell them apart. */
export function timelineOf(spans: readonly Span[]): Timeline {
  const byStart = [...spans.keys()].sort((a, b) => startOf(spans, a) - startOf(spans, b));
  const starting = byStart.filter((operation) => endOf(spans, operation) !== Number.POSITIVE_INFINITY);
  const unknowns = byStart.filter((operation) => endOf(spans, operation) === Number.POSITIVE_INFINITY);
  const returns = [...starting].sort((a, b) => endOf(spans, a) - endOf(spans, b));
  const startedBefore: number[][] = [];
  const unknownCounts: number[] = [];
  let started = 0;
  let unknownCount = 0;
  for (const operation of returns) {
    const returnedAt = endOf(spans, operation);
    const from = started;
    while (started < starting.length && startOf(spans, starting[started] ?? 0) <= returnedAt) started++;
    while (unknownCount < unknowns.length && startOf(spans, unknowns[unknownCount] ?? 0) <= returnedAt) unknownCount++;
    startedBefore.push(starting.slice(from, started));
    unknownCounts.push(unknownCount);
  }
  return { returns, startedBefore, unknowns, unknownCounts };
}

function startOf(spans: readonly Span[], operation: number): number {
  return spans[operation]?.startedAt ?? 0;
}

function endOf(spans: readonly Span[], operation: number): number {
  return spans[operation]?.endedAt ?? Number.POSITIVE_INFINITY;
}
