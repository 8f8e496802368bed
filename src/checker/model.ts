import type { OperationRecord } from "./history.js";
import type { Machine, SearchOutcome, Span } from "./machine.js";
import { searchLinearization } from "./search.js";

export type ModelName = "register" | "counter" | "bank" | "append-list" | "set";

/** A sequential object that a history is checked against. */
export type Model = {
  readonly name: ModelName;
  /** Its operations and queries, with their inputs, for help texts. */
  readonly operations: readonly string[];
  /** Names of those that change nothing. */
  readonly queries: ReadonlySet<string>;
  /** Why a record is no operation of this model; undefined if it is one. */
  misfit(record: OperationRecord): string | undefined;
  /** Parts of the history that can be checked one by one (linearizability is local: Herlihy and Wing, TOPLAS 1990), by name. */
  partition(records: readonly OperationRecord[]): ReadonlyMap<string, readonly number[]>;
  /** Searches one part. */
  search(records: readonly OperationRecord[], spans: readonly Span[], exploredMax: number): ModelOutcome;
};

/** A search's outcome with its states put in words, so that those who read it need not know them. */
export type ModelOutcome = {
  readonly verdict: SearchOutcome<unknown>["verdict"];
  readonly exploredCount: number;
  readonly impasse?: WordedImpasse;
};

export type WordedImpasse = {
  readonly placedCount: number;
  readonly lastPlaced: readonly number[];
  readonly blocked: number;
  readonly open: readonly number[];
  readonly state: string;
  readonly answer: string | undefined;
};

export type ModelDescription<State> = Omit<Model, "search"> & { machine(records: readonly OperationRecord[]): Machine<State> };

/** Closes a description over its kind of state. */
export function modelOf<State>(description: ModelDescription<State>): Model {
  const { name, operations, queries } = description;
  return {
    name,
    operations,
    queries,
    misfit: (record) => description.misfit(record),
    partition: (records) => description.partition(records),
    search(records, spans, exploredMax) {
      const machine = description.machine(records);
      const outcome = searchLinearization(machine, spans, exploredMax);
      if (outcome.verdict === "linearizable" || outcome.impasse === undefined) {
        return { verdict: outcome.verdict, exploredCount: outcome.exploredCount };
      }
      const { state, ...impasse } = outcome.impasse;
      const worded = { ...impasse, state: machine.describe(state), answer: machine.answer?.(state, impasse.blocked) };
      return { verdict: outcome.verdict, exploredCount: outcome.exploredCount, impasse: worded };
    },
  };
}

/** The whole history as one part. */
export function unpartitioned(records: readonly OperationRecord[]): ReadonlyMap<string, readonly number[]> {
  return new Map([["", [...records.keys()]]]);
}

/** Parts by the text that `keyOf` gives each record. */
export function partitionBy(
  records: readonly OperationRecord[],
  keyOf: (record: OperationRecord) => string,
): ReadonlyMap<string, readonly number[]> {
  const parts = new Map<string, number[]>();
  records.forEach((record, index) => {
    const key = keyOf(record);
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [index]);
    else part.push(index);
  });
  return parts;
}

/** A field of an input that should be an object; undefined where it is none. */
export function inputField(record: OperationRecord, name: string): unknown {
  const { input } = record;
  if (typeof input !== "object" || input === null || !Object.hasOwn(input, name)) return undefined;
  return new Map(Object.entries(input)).get(name);
}

/** A field of an input as a number; NaN where it is none. */
export function numberField(record: OperationRecord, name: string): number {
  const value = inputField(record, name);
  return typeof value === "number" ? value : Number.NaN;
}
