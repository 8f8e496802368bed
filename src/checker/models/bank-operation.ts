import type { OperationRecord } from "../history.js";
import { inputField, numberField } from "../model.js";

/**
 * An operation on the bank, read once. Accounts are numbers from 0. `told` are balances that the answer tells, as they are after the
 * operation; a query tells and changes nothing.
 */
export type BankOperation = {
  readonly kind: "open" | "deposit" | "transfer" | "balance" | "total";
  readonly outcome: OperationRecord["outcome"];
  /** The account that is opened, paid into or asked for; of a transfer, the one that gets. */
  readonly to: number;
  /** The account that pays; -1 where none does. */
  readonly from: number;
  readonly amount: number;
  readonly told: readonly { readonly account: number; readonly balance: number | undefined }[];
  readonly toldTotal: number | undefined;
};

/** Reads the records of a history, and numbers the accounts that they name. */
export function bankOperationsOf(records: readonly OperationRecord[]): { operations: BankOperation[]; accounts: string[] } {
  const numbers = new Map<string, number>();
  const numberOf = (account: unknown): number => {
    const name = String(account);
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  };
  const operations = records.map((record) => bankOperationOf(record, numberOf));
  return { operations, accounts: [...numbers.keys()] };
}

function bankOperationOf(record: OperationRecord, numberOf: (account: unknown) => number): BankOperation {
  const { operation, outcome } = record;
  const result = outcome === "ok" ? record.result : undefined;
  const base = { outcome, from: -1, amount: 0, told: [], toldTotal: undefined };
  switch (operation) {
    case "open":
    case "deposit": {
      const to = numberOf(inputField(record, "account"));
      const amount = numberField(record, operation === "open" ? "balance" : "amount");
      return { ...base, kind: operation, to, amount, told: typeof result === "number" ? [{ account: to, balance: result }] : [] };
    }
    case "transfer": {
      const from = numberOf(inputField(record, "from"));
      const to = numberOf(inputField(record, "to"));
      const told = [...toldIn(result, "from", from), ...toldIn(result, "to", to)];
      return { ...base, kind: operation, to, from, amount: numberField(record, "amount"), told };
    }
    case "balance": {
      const to = numberOf(accountOf(record));
      const balance = typeof result === "number" ? result : undefined;
      return { ...base, kind: operation, to, told: outcome === "ok" ? [{ account: to, balance }] : [] };
    }
    default:
      return { ...base, kind: "total", to: -1, toldTotal: typeof result === "number" ? result : undefined };
  }
}

/** A balance among the two that a transfer may answer. */
function toldIn(result: unknown, side: "from" | "to", account: number): BankOperation["told"] {
  if (typeof result !== "object" || result === null) return [];
  const balance: unknown = new Map(Object.entries(result)).get(side);
  return typeof balance === "number" ? [{ account, balance }] : [];
}

/** The account that `balance` asks for: its input, or the field `account` of it. */
export function accountOf(record: OperationRecord): unknown {
  return typeof record.input === "object" ? inputField(record, "account") : record.input;
}

/** Whether the operation may change balances, given its outcome. */
export function isPayment(operation: BankOperation): boolean {
  return operation.outcome !== "refused" && operation.kind !== "balance" && operation.kind !== "total";
}

/**
 * Whether "earlier, later" can be valid where "later, earlier" is not. Payments as such commute: what matters is who is told a balance,
 * who must be open, and who may run short. `mayRunShort`: whether an account may lack the money for all payments now open.
 */
export function bankConflict(earlier: BankOperation, later: BankOperation, mayRunShort: (account: number) => boolean): boolean {
  return isNeeded(earlier, later, mayRunShort) || isDisturbed(earlier, later);
}

/** Whether the later one may be valid only after the earlier one. */
function isNeeded(earlier: BankOperation, later: BankOperation, mayRunShort: (account: number) => boolean): boolean {
  if (!isPayment(earlier)) return false;
  if (later.told.some(({ account }) => touches(earlier, account))) return true;
  if (later.toldTotal !== undefined && earlier.kind !== "transfer") return true;
  if (earlier.kind === "open" && (later.to === earlier.to || later.from === earlier.to)) return true;
  if (later.kind !== "transfer") return false;
  if (later.outcome === "refused") return earlier.from === later.from;
  return earlier.to === later.from && mayRunShort(later.from);
}

/** Whether the earlier one may be valid only before the later one. */
function isDisturbed(earlier: BankOperation, later: BankOperation): boolean {
  if (!isPayment(later)) return false;
  if (earlier.told.some(({ account }) => touches(later, account))) return true;
  if (earlier.toldTotal !== undefined && later.kind !== "transfer") return true;
  if (earlier.outcome !== "refused") return false;
  if (later.kind === "open" && (later.to === earlier.to || later.to === earlier.from)) return true;
  return earlier.kind === "transfer" && later.to === earlier.from;
}

function touches(operation: BankOperation, account: number): boolean {
  return operation.to === account || operation.from === account;
}
