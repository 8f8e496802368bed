import { type OperationRecord, shortJson } from "../history.js";
import type { Machine } from "../machine.js";
import { modelOf, unpartitioned } from "../model.js";

/** One number that begins at 0: `add(by)` answers the new value, `get()` the present one. */
export const counterModel = modelOf<number>({
  name: "counter",
  operations: ["add(by) -> new value", "get() -> value"],
  queries: new Set(["get"]),
  misfit(record) {
    if (record.operation === "get")
      return record.input === undefined || record.input === null ? undefined : "get of a counter has no input";
    if (record.operation !== "add") return `a counter has no operation "${record.operation}"`;
    if (record.outcome === "ok" && typeof record.input !== "number") return `add needs a number, and has ${shortJson(record.input)}`;
    return isWrongResult(record) ? `add answers a number, and here ${shortJson(record.result)}` : undefined;
  },
  partition: unpartitioned,
  machine: counterMachine,
});

function isWrongResult(record: OperationRecord): boolean {
  return record.outcome === "ok" && record.result !== undefined && record.result !== null && typeof record.result !== "number";
}

function counterMachine(records: readonly OperationRecord[]): Machine<number> {
  const by = records.map((record) => (record.operation === "add" && typeof record.input === "number" ? record.input : 0));
  // The value that the counter had right before the operation; undefined where the record does not tell.
  const before = records.map((record, i) =>
    record.outcome === "ok" && typeof record.result === "number" ? record.result - (by[i] ?? 0) : undefined,
  );
  const onlyRises = records.every((record, i) => record.outcome === "refused" || (by[i] ?? 0) >= 0);
  const isObservation = (operation: number) => records[operation]?.operation === "get" || records[operation]?.outcome === "refused";
  return {
    initial: 0,
    step(state, operation) {
      const needed = before[operation];
      if (needed !== undefined && needed !== state) return undefined;
      return isObservation(operation) ? state : state + (by[operation] ?? 0);
    },
    keyOf: (state) => state,
    isObservation,
    isHopeless: (state, operation) => onlyRises && (before[operation] ?? state) < state,
    describe: (state) => `the counter is ${state}`,
    answer: (state, operation) => String(state + (by[operation] ?? 0)),
  };
}
