import { canonicalJson } from "../canonical-json.js";
import { conflictChain } from "../conflict.js";
import { hashText } from "../hash.js";
import { type OperationRecord, shortJson } from "../history.js";
import type { Machine } from "../machine.js";
import { modelOf, partitionBy, unpartitioned } from "../model.js";
import { newPersistentVector, type PersistentVector, vectorGet, vectorSet } from "../persistent-vector.js";

/** Members by number, with their count and the exclusive or of their hashes, by which sets are compared. */
type SetState = { readonly members: PersistentVector; readonly size: number; readonly low: number; readonly high: number };

const names = new Set(["add", "remove", "has", "members"]);

/** A set of values: `add` and `remove` answer nothing or whether they changed it, `has` a boolean, `members` all of them. */
export const setModel = modelOf<SetState>({
  name: "set",
  operations: [
    "add(value) -> nothing or whether it was new",
    "remove(value) -> nothing or whether it was there",
    "has(value) -> boolean",
    "members() -> list",
  ],
  queries: new Set(["has", "members"]),
  misfit(record) {
    if (!names.has(record.operation)) return `a set has no operation "${record.operation}"`;
    if (record.outcome !== "ok") return undefined;
    const { operation, result } = record;
    if (operation === "members") return Array.isArray(result) ? undefined : `members answers a list, and here ${shortJson(result)}`;
    if (typeof result === "boolean" || (operation !== "has" && (result === undefined || result === null))) return undefined;
    return `${operation} answers a boolean, and here ${shortJson(result)}`;
  },
  // Each value is an object of its own, unless someone looks at all of them at once.
  partition: (records) =>
    records.some((record) => record.operation === "members")
      ? unpartitioned(records)
      : partitionBy(records, (record) => canonicalJson(record.input)),
  machine: setMachine,
});

function setMachine(records: readonly OperationRecord[]): Machine<SetState> {
  const texts = records.map((record) => canonicalJson(record.input));
  const numbers = new Map<string, number>();
  for (const text of texts) if (!numbers.has(text)) numbers.set(text, numbers.size);
  const empty: SetState = { members: newPersistentVector(numbers.size), size: 0, low: 0, high: 0 };
  const answers = records.map((record) =>
    record.operation === "members" && record.outcome === "ok" && Array.isArray(record.result) ? sumOf(record.result) : undefined,
  );
  const isQuery = (operation: number) => records[operation]?.operation === "has" || records[operation]?.operation === "members";
  const isObservation = (operation: number) => {
    const record = records[operation];
    return (
      record === undefined || isQuery(operation) || record.outcome === "refused" || (record.outcome === "ok" && record.result === false)
    );
  };
  return {
    initial: empty,
    step(state, operation) {
      const record = records[operation];
      if (record === undefined || record.outcome === "refused") return state;
      const text = texts[operation] ?? "";
      const number = numbers.get(text) ?? 0;
      if (record.operation === "members") {
        const answer = answers[operation];
        const isSame = answer === undefined || (answer.size === state.size && answer.low === state.low && answer.high === state.high);
        return isSame ? state : undefined;
      }
      const isMember = vectorGet(state.members, number) === 1;
      const told = record.outcome === "ok" && typeof record.result === "boolean" ? record.result : undefined;
      if (record.operation === "has") return told === undefined || told === isMember ? state : undefined;
      const changes = record.operation === "add" ? !isMember : isMember;
      if (told !== undefined && told !== changes) return undefined;
      return changes ? withMember(state, text, number, record.operation === "add") : state;
    },
    keyOf: (state) => `${state.size}.${state.low}.${state.high}`,
    isObservation,
    candidates: (_state, target, open) =>
      conflictChain(
        target,
        open,
        (earlier, later) =>
          texts[earlier] === texts[later] || records[earlier]?.operation === "members" || records[later]?.operation === "members",
      ),
    describe: (state) => `the set has ${state.size} members`,
    answer: (state, operation) =>
      records[operation]?.operation === "has"
        ? String(vectorGet(state.members, numbers.get(texts[operation] ?? "") ?? 0) === 1)
        : undefined,
  };
}

function withMember(state: SetState, text: string, number: number, isMember: boolean): SetState {
  return {
    members: vectorSet(state.members, number, isMember ? 1 : 0),
    size: state.size + (isMember ? 1 : -1),
    low: state.low ^ hashText(text, 1),
    high: state.high ^ hashText(text, 2),
  };
}

/** A list of members as the set that it is; a value listed twice counts twice, and so equals no set. */
function sumOf(members: readonly unknown[]): { size: number; low: number; high: number } {
  const sum = { size: members.length, low: 0, high: 0 };
  for (const member of members) {
    const text = canonicalJson(member);
    sum.low ^= hashText(text, 1);
    sum.high ^= hashText(text, 2);
  }
  return sum;
}
