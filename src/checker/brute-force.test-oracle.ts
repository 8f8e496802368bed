import type { OperationRecord } from "./history.js";

/**
 * What linearizable means, said as plainly as possible and as slowly: all orders of all subsets that leave out only operations of unknown
 * outcome are tried against an ordinary object. For histories of a handful of operations.
 */

/** Applies the operation to a copy of the state; `refused` where the object refuses. */
export type Naive = (state: unknown, record: OperationRecord) => { state: unknown; result: unknown } | "refused";

export function isLinearizableByBruteForce(records: readonly OperationRecord[], naive: Naive, initial: unknown): boolean {
  const placeable = records.filter((record) => record.outcome !== "not-executed");
  const place = (state: unknown, rest: readonly OperationRecord[]): boolean => {
    if (rest.every((record) => record.outcome === "unknown")) return true;
    return rest.some((record) => {
      const others = rest.filter((other) => other !== record);
      if (others.some((other) => endOf(other) < record.startedAt)) return false;
      const after = naive(state, record);
      if (record.outcome === "unknown") return place(after === "refused" ? state : after.state, others);
      if (record.outcome === "refused") return after === "refused" && place(state, others);
      return after !== "refused" && isAnswer(record.result, after.result) && place(after.state, others);
    });
  };
  return place(initial, placeable);
}

function endOf(record: OperationRecord): number {
  return record.outcome === "unknown" || record.endedAt === null ? Number.POSITIVE_INFINITY : record.endedAt;
}

function isAnswer(recorded: unknown, computed: unknown): boolean {
  return recorded === undefined || JSON.stringify(recorded) === JSON.stringify(computed);
}

function field(record: OperationRecord, name: string): unknown {
  return Object.entries(Object(record.input)).find(([key]) => key === name)?.[1];
}

export const naiveRegister: Naive = (state, record) => {
  switch (record.operation) {
    case "put":
      return { state: field(record, "value"), result: null };
    case "append": {
      const value = `${state ?? ""}${field(record, "value")}`;
      return { state: value, result: value };
    }
    case "compareAndSet":
      return (state ?? null) === field(record, "expected") ? { state: field(record, "value"), result: true } : { state, result: false };
    case "remove":
      return { state: null, result: state !== null };
    default:
      return { state, result: state ?? null };
  }
};

export const naiveCounter: Naive = (state, record) => {
  const value = Number(state) + (record.operation === "add" ? Number(record.input) : 0);
  return { state: value, result: value };
};

export const naiveList: Naive = (state, record) => {
  const list = Array.isArray(state) ? state : [];
  return record.operation === "append" ? { state: [...list, record.input], result: list.length + 1 } : { state, result: list };
};

export const naiveSet: Naive = (state, record) => {
  const members: unknown[] = Array.isArray(state) ? state : [];
  const isMember = members.includes(record.input);
  switch (record.operation) {
    case "add":
      return { state: isMember ? members : [...members, record.input].sort(), result: !isMember };
    case "remove":
      return { state: members.filter((member) => member !== record.input), result: isMember };
    case "has":
      return { state, result: isMember };
    default:
      return { state, result: members };
  }
};

export const naiveBank: Naive = (state, record) => {
  const balances = new Map<string, number>(state instanceof Map ? state : []);
  const of = (name: string): string => String(field(record, name));
  const amount = Number(field(record, record.operation === "open" ? "balance" : "amount"));
  switch (record.operation) {
    case "open":
      if (balances.has(of("account"))) return "refused";
      balances.set(of("account"), amount);
      return { state: balances, result: amount };
    case "deposit": {
      const before = balances.get(of("account"));
      if (before === undefined) return "refused";
      balances.set(of("account"), before + amount);
      return { state: balances, result: before + amount };
    }
    case "transfer": {
      const [from, to] = [balances.get(of("from")), balances.get(of("to"))];
      if (from === undefined || to === undefined || from < amount) return "refused";
      balances.set(of("from"), from - amount);
      balances.set(of("to"), (balances.get(of("to")) ?? 0) + amount);
      return { state: balances, result: { from: balances.get(of("from")), to: balances.get(of("to")) } };
    }
    case "balance":
      return { state, result: balances.get(String(record.input)) ?? null };
    default:
      return { state, result: [...balances.values()].reduce((sum, balance) => sum + balance, 0) };
  }
};
