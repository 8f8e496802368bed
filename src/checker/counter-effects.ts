import {
  describe,
  type EffectsResult,
  effectsResult,
  endOf,
  finalQuery,
  isSubsetSum,
  type Numbered,
  numberedOf,
  orderBreaches,
  subsetSumsMax,
} from "./effects.js";
import type { OperationRecord } from "./history.js";

type Add = Numbered & { readonly by: number; readonly after: number | undefined };

/**
 * `add(by)` -> new value, `get` -> value, from 0. Every acknowledged add counts exactly once, one of unknown outcome at most once, any other
 * never; answers are consistent with one another and with real time. `finalValue`: as read after the run; otherwise a last `get` must
 * have begun after everything else ended. Counters that also fall are checked for their sum only.
 * With more than `sumsMax` sums of adds of unknown outcome it is undecided.
 */
export function checkAddedOnce(records: readonly OperationRecord[], finalValue?: number, sumsMax = subsetSumsMax): EffectsResult {
  const adds = numberedOf(records, ["add"]).map(addOf);
  const gets = numberedOf(records, ["get"]);
  const acknowledged = adds.filter(({ record }) => record.outcome === "ok");
  const unknowns = adds.filter(({ record }) => record.outcome === "unknown").map(({ by }) => by);
  const problems: string[] = [];
  const undecided: string[] = [];
  const final = finalValue ?? numberOf(finalQuery(gets, adds)?.record.result);
  if (final === undefined) {
    problems.push("the final value is not known: read it with a get that begins after all adds were answered, or pass it");
  } else {
    const sum = acknowledged.reduce((total, { by }) => total + by, 0);
    const isExplained = isSubsetSum(unknowns, final - sum, sumsMax);
    const words = `the final value is ${final}; acknowledged adds make ${sum}, and the difference of ${final - sum} is no sum of adds of unknown outcome (${unknowns.length} of them)`;
    if (isExplained === false)
      problems.push(`${words}: ${final < sum ? "acknowledged adds were lost" : "adds counted that should not have, or twice"}`);
    if (isExplained === undefined)
      undecided.push("too many adds of unknown outcome to tell whether they explain the final value: use equal amounts");
  }
  if (adds.every(({ by }) => by >= 0)) {
    problems.push(...overlaps(acknowledged, unknowns, final, sumsMax));
    problems.push(...earlyOrLateGets(acknowledged, gets));
  }
  return effectsResult(adds, problems, undecided);
}

function addOf(each: Numbered): Add {
  const { input, outcome, result } = each.record;
  return { ...each, by: numberOf(input) ?? 0, after: outcome === "ok" ? numberOf(result) : undefined };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Each acknowledged add moved the counter over an interval of its own; what lies between them must be adds whose answer did not say. */
function overlaps(acknowledged: readonly Add[], unknowns: readonly number[], final: number | undefined, sumsMax: number): string[] {
  const problems: string[] = [];
  const told = acknowledged.filter(({ by, after }) => after !== undefined && by > 0).sort((a, b) => (a.after ?? 0) - (b.after ?? 0));
  const untold = [...unknowns, ...acknowledged.filter(({ after }) => after === undefined).map(({ by }) => by)];
  let reached = 0;
  let last: Add | undefined;
  for (const add of told) {
    const after = add.after ?? 0;
    const gap = after - add.by - reached;
    if (gap < 0)
      problems.push(`two adds counted from the same value: ${last === undefined ? "the first value 0" : describe(last)}; ${describe(add)}`);
    else if (isSubsetSum(untold, gap, sumsMax) === false)
      problems.push(`before this add ${gap} were counted that no add explains: ${describe(add)}`);
    reached = after;
    last = add;
  }
  if (final !== undefined && final < reached && last !== undefined)
    problems.push(`the final value is ${final}, below an acknowledged one: ${describe(last)}`);
  for (const { early, late } of orderBreaches(told)) {
    problems.push(
      `counted in the wrong order: ${describe(early)} counted before ${describe(late)}, which had been answered before the first was sent`,
    );
  }
  return problems;
}

/** No get shows less than an add answered before it began, nor more than was there when an add sent after its end began to count. */
function earlyOrLateGets(acknowledged: readonly Add[], gets: readonly Numbered[]): string[] {
  const told = acknowledged.filter(({ after }) => after !== undefined);
  const byEnd = [...told].sort((a, b) => endOf(a.record) - endOf(b.record));
  const answered = gets.filter(({ record }) => record.outcome === "ok" && typeof record.result === "number");
  const problems: string[] = [];
  let next = 0;
  let highest: Add | undefined;
  for (const get of [...answered].sort((a, b) => a.record.startedAt - b.record.startedAt)) {
    for (let add = byEnd[next]; add !== undefined && endOf(add.record) < get.record.startedAt; add = byEnd[++next]) {
      if (highest === undefined || (add.after ?? 0) > (highest.after ?? 0)) highest = add;
    }
    if (highest !== undefined && Number(get.record.result) < (highest.after ?? 0))
      problems.push(`stale: ${describe(get)} after ${describe(highest)}`);
  }
  const byStart = [...told].sort((a, b) => b.record.startedAt - a.record.startedAt);
  next = 0;
  let lowest: Add | undefined;
  for (const get of [...answered].sort((a, b) => endOf(b.record) - endOf(a.record))) {
    for (let add = byStart[next]; add !== undefined && add.record.startedAt > endOf(get.record); add = byStart[++next]) {
      if (lowest === undefined || (add.after ?? 0) - add.by < (lowest.after ?? 0) - lowest.by) lowest = add;
    }
    if (lowest !== undefined && Number(get.record.result) > (lowest.after ?? 0) - lowest.by) {
      problems.push(`from the future, or gone back since: ${describe(get)} before ${describe(lowest)}`);
    }
  }
  return problems;
}
