import { describe, type EffectsResult, effectsResult, endOf, isSubsetSum, type Numbered, numberedOf } from "./effects.js";
import type { OperationRecord } from "./history.js";
import { inputField, numberField } from "./model.js";
import { accountOf } from "./models/bank-operation.js";

export type BankEffectsOptions = {
  /** Balances of all accounts as read after the run; otherwise those of `balance` queries that began after everything else ended. */
  readonly finalBalances?: ReadonlyMap<string, number>;
};

type Payment = Numbered & { readonly changes: readonly { readonly account: string; readonly amount: number }[] };

/**
 * The bank: transfers keep the sum of balances, so every `total` is what was opened and deposited by then; no balance is negative; and
 * each final balance is what acknowledged payments make it, with some of those of unknown outcome.
 */
export function checkPaidOnce(records: readonly OperationRecord[], options: BankEffectsOptions = {}): EffectsResult {
  const payments = numberedOf(records, ["open", "deposit", "transfer"]).map(paymentOf);
  const effective = payments.filter(({ record }) => record.outcome === "ok" || record.outcome === "unknown");
  const balances = numberedOf(records, ["balance"]).filter(({ record }) => record.outcome === "ok");
  const negative = balances.filter(({ record }) => typeof record.result === "number" && record.result < 0);
  const final = options.finalBalances ?? finalBalancesOf(balances, payments);
  const { problems, undecided } = finalProblems(effective, final);
  return effectsResult(
    payments,
    [...negative.map((each) => `a negative balance: ${describe(each)}`), ...totalProblems(records, effective), ...problems],
    undecided,
  );
}

function paymentOf(each: Numbered): Payment {
  const { record } = each;
  if (record.operation === "transfer") {
    const amount = numberField(record, "amount");
    const [from, to] = [String(inputField(record, "from")), String(inputField(record, "to"))];
    return {
      ...each,
      changes:
        from === to
          ? []
          : [
              { account: from, amount: -amount },
              { account: to, amount },
            ],
    };
  }
  const amount = numberField(record, record.operation === "open" ? "balance" : "amount");
  return { ...each, changes: [{ account: String(inputField(record, "account")), amount }] };
}

/** A total shows all money paid in that was acknowledged before it began, and none that was sent after it ended. */
function totalProblems(records: readonly OperationRecord[], effective: readonly Payment[]): string[] {
  const paidIn = effective.flatMap(({ record, changes }) =>
    record.operation === "transfer" ? [] : [{ startedAt: record.startedAt, endedAt: endOf(record), amount: changes[0]?.amount ?? 0 }],
  );
  const least = runningSum(paidIn.map(({ endedAt, amount }) => ({ at: endedAt, amount })));
  const most = runningSum(paidIn.map(({ startedAt, amount }) => ({ at: startedAt, amount })));
  return numberedOf(records, ["total"]).flatMap((each) => {
    const { outcome, result, startedAt } = each.record;
    if (outcome !== "ok" || typeof result !== "number") return [];
    const [low, high] = [least(startedAt, false), most(endOf(each.record), true)];
    if (result >= low && result <= high) return [];
    return [`the sum of balances is not kept: it should be ${low === high ? low : `between ${low} and ${high}`}: ${describe(each)}`];
  });
}

/** The sum of amounts before a time (or at it, if `inclusive`), by bisection. */
function runningSum(changes: readonly { at: number; amount: number }[]): (at: number, inclusive: boolean) => number {
  const sorted = [...changes].sort((a, b) => a.at - b.at);
  const sums = [0];
  for (const { amount } of sorted) sums.push((sums.at(-1) ?? 0) + amount);
  return (at, inclusive) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const time = sorted[middle]?.at ?? 0;
      if (time < at || (inclusive && time === at)) low = middle + 1;
      else high = middle;
    }
    return sums[low] ?? 0;
  };
}

function finalBalancesOf(balances: readonly Numbered[], payments: readonly Payment[]): ReadonlyMap<string, number> {
  let lastEnd = Number.NEGATIVE_INFINITY;
  for (const { record } of payments) if (record.endedAt !== null && record.endedAt > lastEnd) lastEnd = record.endedAt;
  const final = new Map<string, number>();
  for (const { record } of balances) {
    if (record.startedAt >= lastEnd && typeof record.result === "number") final.set(String(accountOf(record)), record.result);
  }
  return final;
}

function finalProblems(effective: readonly Payment[], final: ReadonlyMap<string, number>): { problems: string[]; undecided: string[] } {
  const problems: string[] = [];
  const undecided: string[] = [];
  const acknowledged = new Map<string, number>();
  const unknowns = new Map<string, number[]>();
  for (const { record, changes } of effective) {
    for (const { account, amount } of changes) {
      if (record.outcome === "ok") acknowledged.set(account, (acknowledged.get(account) ?? 0) + amount);
      else unknowns.set(account, [...(unknowns.get(account) ?? []), amount]);
    }
  }
  for (const [account, balance] of final) {
    const made = acknowledged.get(account) ?? 0;
    const amounts = unknowns.get(account) ?? [];
    const isExplained = isSubsetSum(amounts, balance - made);
    if (isExplained === undefined)
      undecided.push(`too many payments of unknown outcome to tell whether they explain the balance of ${account}`);
    if (isExplained !== false) continue;
    problems.push(
      `the final balance of ${account} is ${balance}; acknowledged payments make ${made}, and the difference of ${balance - made} is no sum of payments of unknown outcome (${amounts.length} of them)`,
    );
  }
  return { problems, undecided };
}
