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
  // The value that the operation has answered; undefined where the record does not tell. It is met by adding, as the service did:
  // subtracted from, a sum of fractions (0.1 + 0.2) does not come back to what it was.
  const answers = records.map((record) => (record.outcome === "ok" && typeof record.result === "number" ? record.result : undefined));
  const onlyRises = records.every((record, i) => record.outcome === "refused" || (by[i] ?? 0) >= 0);
  const isObservation = (operation: number) => records[operation]?.operation === "get" || records[operation]?.outcome === "refused";
  return {
    initial: 0,
    step(state, operation) {
      const after = isObservation(operation) ? state : state + (by[operation] ?? 0);
      const answer = answers[operation];
      return answer === undefined || answer === after ? after : undefined;
    },
    keyOf: (state) => state,
    isObservation,
    isHopeless: (state, operation) => onlyRises && state + (by[operation] ?? 0) > (answers[operation] ?? Number.POSITIVE_INFINITY),
    describe: (state) => `the counter is ${state}`,
    answer: (state, operation) => String(state + (by[operation] ?? 0)),
  };
}
