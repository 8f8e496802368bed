import { canonicalJson } from "./canonical-json.js";
import { describeRecord, type OperationRecord, shortJson } from "./history.js";

/**
 * `undecided` (the bound on the work was reached) counts as a failure, like a violation. The counts say how much was checked: a run with
 * few acknowledged operations proves little.
 */
export type EffectsResult = {
  readonly verdict: "passed" | "violation" | "undecided";
  readonly problems: readonly string[];
  readonly acknowledgedCount: number;
  readonly unknownCount: number;
};

const problemsMax = 20;

/** A record with its number in the history, from 1. */
export type Numbered = { readonly record: OperationRecord; readonly number: number };

export function numberedOf(records: readonly OperationRecord[], operations: readonly string[]): Numbered[] {
  const numbered = records.map((record, index) => ({ record, number: index + 1 }));
  return numbered.filter(({ record }) => operations.includes(record.operation));
}

export function describe({ record, number }: Numbered): string {
  return describeRecord(record, number);
}

export function effectsResult(changes: readonly Numbered[], problems: readonly string[], undecided: readonly string[] = []): EffectsResult {
  const count = (outcome: string) => changes.filter(({ record }) => record.outcome === outcome).length;
  const rest = problems.length > problemsMax ? [`and ${problems.length - problemsMax} more`] : [];
  return {
    verdict: problems.length > 0 ? "violation" : undecided.length > 0 ? "undecided" : "passed",
    problems: [...problems.slice(0, problemsMax), ...rest, ...undecided],
    acknowledgedCount: count("ok"),
    unknownCount: count("unknown"),
  };
}

/** When the client had its answer; Infinity where it had none, or one that leaves the outcome unknown. */
export function endOf(record: OperationRecord): number {
  return record.outcome === "unknown" || record.endedAt === null ? Number.POSITIVE_INFINITY : record.endedAt;
}

/** The last answered query that began after every answer to a change; undefined where there was none. */
export function finalQuery(queries: readonly Numbered[], changes: readonly Numbered[]): Numbered | undefined {
  return finalQueries(queries, changes).at(-1);
}

/**
 * All of which that query can have been, the one that began last at the end: those that ran beside it may have been behind it, and a change
 * of unknown outcome may have come between them.
 */
export function finalQueries(queries: readonly Numbered[], changes: readonly Numbered[]): Numbered[] {
  let lastEnd = Number.NEGATIVE_INFINITY;
  for (const { record } of changes) if (record.endedAt !== null && record.endedAt > lastEnd) lastEnd = record.endedAt;
  const answered = queries.filter(({ record }) => record.outcome === "ok" && record.startedAt >= lastEnd);
  const byStart = answered.sort((a, b) => a.record.startedAt - b.record.startedAt);
  const last = byStart.at(-1);
  return byStart.filter((each) => each === last || endOf(each.record) >= (last?.record.startedAt ?? 0));
}

/**
 * Given operations in the order in which they took effect, those that took effect before one that had ended before they began:
 * pairs (early, late) where `late` stands behind `early`, but was answered before `early` was sent. At most one pair for each.
 */
export function orderBreaches(ordered: readonly Numbered[]): { early: Numbered; late: Numbered }[] {
  const breaches: { early: Numbered; late: Numbered }[] = [];
  let firstAnswered: Numbered | undefined;
  for (const each of [...ordered].reverse()) {
    if (firstAnswered !== undefined && endOf(firstAnswered.record) < each.record.startedAt)
      breaches.push({ early: each, late: firstAnswered });
    if (firstAnswered === undefined || endOf(each.record) < endOf(firstAnswered.record)) firstAnswered = each;
  }
  return breaches.reverse();
}

/** Sums of subsets are counted up to this many; beyond, the check is undecided. */
export const subsetSumsMax = 1_000_000;

/** Whether some of the amounts add up to the sum; undefined where there are more than `sumsMax` sums, too many to tell. */
export function isSubsetSum(amounts: readonly number[], sum: number, sumsMax = subsetSumsMax): boolean | undefined {
  if (sum === 0) return true;
  const onlyPositive = amounts.every((amount) => amount >= 0);
  if (onlyPositive && sum < 0) return false;
  const sums = new Set([0]);
  for (const amount of amounts) {
    for (const each of [...sums]) if (!onlyPositive || each + amount <= sum) sums.add(each + amount);
    if (sums.has(sum)) return true;
    if (sums.size > sumsMax) return undefined;
  }
  return false;
}

/** For operations that hand out something unique (an id, a ticket): no result was given to two acknowledged operations. */
export function checkUniqueResults(records: readonly OperationRecord[], operation: string): EffectsResult {
  const given = new Map<string, Numbered>();
  const problems: string[] = [];
  const changes = numberedOf(records, [operation]);
  for (const each of changes) {
    if (each.record.outcome !== "ok") continue;
    const result = canonicalJson(each.record.result);
    const before = given.get(result);
    if (before !== undefined) problems.push(`${shortJson(each.record.result)} was given twice: ${describe(before)}; ${describe(each)}`);
    else given.set(result, each);
  }
  return effectsResult(changes, problems);
}
