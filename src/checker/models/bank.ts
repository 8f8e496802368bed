import { conflictChain } from "../conflict.js";
import { hashText, mix } from "../hash.js";
import { type OperationRecord, shortJson } from "../history.js";
import type { Machine } from "../machine.js";
import { inputField, modelOf, unpartitioned } from "../model.js";
import { newPersistentVector, type PersistentVector, vectorGet, vectorSet } from "../persistent-vector.js";
import { accountOf, type BankOperation, bankConflict, bankOperationsOf, isPayment } from "./bank-operation.js";

/** Balances by account number, their sum, and the exclusive or of the hashes of all (account, balance), by which states are compared. */
type BankState = { readonly balances: PersistentVector; readonly total: number; readonly low: number; readonly high: number };

const accountFields = new Map([
  ["open", ["account"]],
  ["deposit", ["account"]],
  ["transfer", ["from", "to"]],
]);

/** Accounts with balances that are never negative. Transfers touch two accounts, so the history is checked as one. */
export const bankModel = modelOf<BankState>({
  name: "bank",
  operations: [
    "open({account, balance}) -> nothing or balance",
    "deposit({account, amount}) -> nothing or new balance",
    "transfer({from, to, amount}) -> nothing or {from, to}: new balances; refused when short of money",
    "balance(account) -> balance or null",
    "total() -> sum of balances",
  ],
  queries: new Set(["balance", "total"]),
  misfit(record) {
    const { operation, outcome, result } = record;
    const fields = accountFields.get(operation);
    const lacking = fields?.find((field) => !isAccount(inputField(record, field)));
    if (lacking !== undefined && outcome === "ok") return `${operation} needs "${lacking}", and has ${shortJson(record.input)}`;
    if (fields !== undefined) return undefined;
    if (operation === "balance") return isAccount(accountOf(record)) ? undefined : "balance needs an account";
    if (operation !== "total") return `a bank has no operation "${operation}"`;
    return outcome !== "ok" || typeof result === "number" ? undefined : `total answers a number, and here ${shortJson(result)}`;
  },
  partition: unpartitioned,
  machine: bankMachine,
});

function isAccount(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

function bankMachine(records: readonly OperationRecord[]): Machine<BankState> {
  const { operations, accounts } = bankOperationsOf(records);
  return {
    initial: { balances: newPersistentVector(accounts.length), total: 0, low: 0, high: 0 },
    step(state, number) {
      const operation = operations[number];
      return operation === undefined ? undefined : stepBank(state, operation);
    },
    keyOf: (state) => `${state.low}.${state.high}`,
    isObservation(number) {
      const operation = operations[number];
      return operation === undefined || operation.outcome === "refused" || operation.kind === "balance" || operation.kind === "total";
    },
    candidates: (state, target, open) => bankCandidates(state, operations, target, open),
    describe: (state) => `the sum of balances is ${state.total}`,
    answer(state, number) {
      const operation = operations[number];
      if (operation?.kind === "total") return String(state.total);
      return operation === undefined ? undefined : balancesText(state, operation, accounts);
    },
  };
}

function balancesText(state: BankState, operation: BankOperation, accounts: readonly string[]): string {
  const touched = [operation.from, operation.to].filter((account) => account >= 0);
  return touched.map((account) => `balance of ${accounts[account]}: ${vectorGet(state.balances, account) ?? "not open"}`).join(", ");
}

function stepBank(state: BankState, operation: BankOperation): BankState | undefined {
  if (operation.outcome === "refused") return isRefusable(state, operation) ? state : undefined;
  const after = isRefusedFor(state, operation) ? undefined : paid(state, operation);
  if (after === undefined) return undefined;
  if (operation.toldTotal !== undefined && operation.toldTotal !== after.total) return undefined;
  return operation.told.every(({ account, balance }) => vectorGet(after.balances, account) === balance) ? after : undefined;
}

/** Reasons to refuse that lie in the state. */
function isRefusedFor(state: BankState, { kind, from, to, amount }: BankOperation): boolean {
  const balance = vectorGet(state.balances, to);
  if (kind === "open") return balance !== undefined;
  if (kind === "deposit") return balance === undefined;
  if (kind !== "transfer") return false;
  return balance === undefined || (vectorGet(state.balances, from) ?? -1) < amount;
}

/** A service may also refuse an amount that is no whole number or too small. */
function isRefusable(state: BankState, operation: BankOperation): boolean {
  const { kind, to, amount } = operation;
  if (kind === "total") return true;
  if (kind === "balance") return vectorGet(state.balances, to) === undefined;
  const isAmount = Number.isSafeInteger(amount) && (kind === "open" ? amount >= 0 : amount > 0);
  return !isAmount || isRefusedFor(state, operation);
}

function paid(state: BankState, { kind, from, to, amount }: BankOperation): BankState | undefined {
  if (kind === "balance" || kind === "total") return state;
  if (!(amount >= 0)) return undefined;
  if (kind === "transfer") return withPayment(withPayment(state, from, -amount), to, amount);
  return withPayment(state, to, amount);
}

function withPayment(state: BankState, account: number, amount: number): BankState {
  const before = vectorGet(state.balances, account);
  const balance = (before ?? 0) + amount;
  return {
    balances: vectorSet(state.balances, account, balance),
    total: state.total + amount,
    low: state.low ^ balanceHash(account, before, 1) ^ balanceHash(account, balance, 1),
    high: state.high ^ balanceHash(account, before, 2) ^ balanceHash(account, balance, 2),
  };
}

function balanceHash(account: number, balance: number | undefined, seed: number): number {
  if (balance === undefined) return 0;
  const number = Number.isInteger(balance)
    ? mix((balance | 0) + seed) ^ mix(Math.floor(balance / 2 ** 32) + seed)
    : hashText(String(balance), seed);
  return mix(number ^ mix(account * 4 + seed));
}

function bankCandidates(
  state: BankState,
  operations: readonly BankOperation[],
  target: number,
  open: readonly number[],
): readonly number[] {
  const lacks = lacksOf(state, operations[target]);
  // A balance is told that no payments now open add up to: nothing that could be placed helps.
  if (
    lacks.some(({ account, amount }) =>
      isOutOfReach(
        open.map((number) => changeOf(operations[number], account)),
        amount,
      ),
    )
  )
    return [];
  const wanted = new Map<number, number>();
  for (const number of [target, ...open]) {
    const operation = operations[number];
    if (operation?.kind !== "transfer" || operation.outcome === "refused") continue;
    wanted.set(operation.from, (wanted.get(operation.from) ?? 0) + operation.amount);
  }
  const mayRunShort = (account: number) => !((vectorGet(state.balances, account) ?? -1) >= (wanted.get(account) ?? 0));
  const chain = conflictChain(target, open, (earlier, later) => {
    const [first, second] = [operations[earlier], operations[later]];
    return first !== undefined && second !== undefined && bankConflict(first, second, mayRunShort);
  });
  // First the one payment that would do, and known outcomes before unknown ones.
  const isRemedy = (number: number) =>
    lacks.some(({ account, amount }) => amount !== 0 && changeOf(operations[number], account) === amount);
  const rank = (number: number) => (isRemedy(number) ? 0 : 2) + (operations[number]?.outcome === "unknown" ? 1 : 0);
  return chain.sort((a, b) => rank(a) - rank(b));
}

/** What an account lacks for the balance that the operation tells of it. */
function lacksOf(state: BankState, operation: BankOperation | undefined): { account: number; amount: number }[] {
  if (operation === undefined) return [];
  return operation.told.flatMap(({ account, balance }) => {
    const before = vectorGet(state.balances, account);
    if (before === undefined || balance === undefined) return [];
    return [{ account, amount: balance - before - changeOf(operation, account) }];
  });
}

function changeOf(operation: BankOperation | undefined, account: number): number {
  if (operation === undefined || !isPayment(operation) || operation.from === operation.to) return 0;
  return operation.to === account ? operation.amount : operation.from === account ? -operation.amount : 0;
}

/** Sums of changes are counted up to this many; with more the account counts as within reach. */
const reachMax = 2_000;

function isOutOfReach(changes: readonly number[], lacking: number): boolean {
  let sums = new Set([0]);
  for (const change of changes) {
    if (change === 0) continue;
    const more = new Set(sums);
    for (const sum of sums) more.add(sum + change);
    if (more.has(lacking) || more.size > reachMax) return false;
    sums = more;
  }
  return !sums.has(lacking);
}
