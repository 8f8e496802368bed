import { canonicalJson } from "../canonical-json.js";
import { hashText, mix } from "../hash.js";
import { type OperationRecord, shortJson } from "../history.js";
import type { Machine } from "../machine.js";
import { modelOf, unpartitioned } from "../model.js";

/** A list by its length and two hashes: a list in full for each state of a search would not fit in memory. */
type ListState = { readonly length: number; readonly low: number; readonly high: number };

const emptyList: ListState = { length: 0, low: 0, high: 0 };

/** A list that only grows: `append(element)` answers nothing, the new length or the new list; `read()` the list. */
export const appendListModel = modelOf<ListState>({
  name: "append-list",
  operations: ["append(element) -> nothing, new length or new list", "read() -> list"],
  queries: new Set(["read"]),
  misfit(record) {
    if (record.operation === "append") return undefined;
    if (record.operation !== "read") return `an append list has no operation "${record.operation}"`;
    if (record.outcome !== "ok" || Array.isArray(record.result)) return undefined;
    return `read answers a list, and here ${shortJson(record.result)}`;
  },
  partition: unpartitioned,
  machine: appendListMachine,
});

function appendListMachine(records: readonly OperationRecord[]): Machine<ListState> {
  const elements = records.map((record) => canonicalJson(record.input));
  // What the operation must leave (append) or find (read), where its answer tells.
  const answers = records.map((record) => (record.outcome === "ok" && Array.isArray(record.result) ? listOf(record.result) : undefined));
  const lengths = records.map((record, i) =>
    record.outcome === "ok" && typeof record.result === "number" ? record.result : answers[i]?.length,
  );
  const longest = longestAnswer(records);
  const prefixes = prefixesOf(longest);
  const lengthsTell = records.some((record) => record.outcome === "ok" && typeof record.result === "number");
  const isObservation = (operation: number) => records[operation]?.operation === "read" || records[operation]?.outcome === "refused";
  return {
    initial: emptyList,
    step(state, operation) {
      const after = isObservation(operation) ? state : withElement(state, elements[operation] ?? "");
      const answer = answers[operation];
      if (answer !== undefined && !isSameList(answer, after)) return undefined;
      const length = lengths[operation];
      return length === undefined || length === after.length ? after : undefined;
    },
    keyOf: (state) => `${state.length}.${state.low}.${state.high}`,
    isObservation,
    candidates(state, _target, open) {
      // Past the longest list that anyone was shown, an append of unknown outcome shows only in a length.
      if (lengthsTell || state.length < longest.length) return open;
      return open.filter((operation) => records[operation]?.outcome !== "unknown");
    },
    isHopeless(state, operation) {
      // Whatever comes, the longest list that was read begins with all that was there before it.
      const prefix = prefixes[state.length];
      if (prefix !== undefined && !isSameList(prefix, state)) return true;
      const length = lengths[operation];
      return length !== undefined && length < (isObservation(operation) ? state.length : state.length + 1);
    },
    describe: (state) => describeList(state, longest, prefixes),
  };
}

function describeList(state: ListState, longest: readonly unknown[], prefixes: readonly ListState[]): string {
  const prefix = prefixes[state.length];
  const isKnown = prefix !== undefined && isSameList(prefix, state);
  return `the list has ${state.length} elements${isKnown ? `: the first of ${shortJson(longest.slice(0, state.length))}` : ""}`;
}

function longestAnswer(records: readonly OperationRecord[]): readonly unknown[] {
  let longest: readonly unknown[] = [];
  for (const record of records) {
    if (record.outcome === "ok" && Array.isArray(record.result) && record.result.length > longest.length) longest = record.result;
  }
  return longest;
}

function prefixesOf(list: readonly unknown[]): readonly ListState[] {
  const prefixes = [emptyList];
  let state = emptyList;
  for (const element of list) {
    state = withElement(state, canonicalJson(element));
    prefixes.push(state);
  }
  return prefixes;
}

function listOf(list: readonly unknown[]): ListState {
  return list.reduce<ListState>((state, element) => withElement(state, canonicalJson(element)), emptyList);
}

function withElement(state: ListState, element: string): ListState {
  const low = mix(Math.imul(state.low, 31) ^ hashText(element, 1)) + 0x9e3779b9;
  const high = mix(Math.imul(state.high, 37) ^ hashText(element, 2)) + 0x7f4a7c15;
  return { length: state.length + 1, low: low | 0, high: high | 0 };
}

function isSameList(a: ListState, b: ListState): boolean {
  return a.length === b.length && a.low === b.low && a.high === b.high;
}
