import { canonicalJson } from "../canonical-json.js";
import { type OperationRecord, shortJson } from "../history.js";
import type { Machine } from "../machine.js";
import { inputField, modelOf, partitionBy } from "../model.js";

/**
 * The value of one key as text: "" absent, `"` and the string itself, or `=` and JSON for anything else. (Strings stay as they are, since
 * `append` makes long ones.)
 */
type Register = string;

const absent = "";
const withKey = new Set(["put", "append", "compareAndSet", "remove"]);

/** A register a key: `put`, `append` -> new value, `compareAndSet` -> boolean, `remove`, `get` -> value or null. */
export const registerModel = modelOf<Register>({
  name: "register",
  operations: [
    "put({key, value})",
    "append({key, value}) -> new value",
    "compareAndSet({key, expected, value}) -> boolean",
    "remove({key}) or remove(key)",
    "get(key) -> value or null",
  ],
  queries: new Set(["get"]),
  misfit(record) {
    if (record.operation !== "get" && !withKey.has(record.operation)) return `a register has no operation "${record.operation}"`;
    if (keyOf(record) === undefined) return `${record.operation} needs a key, and has ${shortJson(record.input)}`;
    if (record.operation === "append" && typeof inputField(record, "value") !== "string") return "append needs a string as its value";
    if (record.operation === "compareAndSet" && record.outcome === "ok" && typeof record.result !== "boolean") {
      return `compareAndSet answers a boolean, and here ${shortJson(record.result)}`;
    }
    return undefined;
  },
  partition: (records) => partitionBy(records, (record) => keyOf(record) ?? ""),
  machine: registerMachine,
});

function keyOf(record: OperationRecord): string | undefined {
  const key = typeof record.input === "string" ? record.input : inputField(record, "key");
  return typeof key === "string" ? key : undefined;
}

/** What an operation leaves: one value, whatever was there with `text` after it, or nothing new. */
type Leaves = { readonly kind: "value" | "suffix"; readonly text: Register } | { readonly kind: "nothing" };
/** What an operation must find: one value, any but that value, anything (it shows in the result), or it does not look (`blind`). */
type Finds =
  | { readonly kind: "value"; readonly text: Register }
  | { readonly kind: "other"; readonly text: Register }
  | { readonly kind: "anything" }
  | { readonly kind: "blind" };
type Rule = { readonly finds: Finds; readonly leaves: Leaves };

function ruleOf(record: OperationRecord): Rule {
  const isOk = record.outcome === "ok";
  if (record.outcome === "refused") return { finds: { kind: "blind" }, leaves: { kind: "nothing" } };
  const value = inputField(record, "value");
  switch (record.operation) {
    case "put":
      return { finds: { kind: "blind" }, leaves: { kind: "value", text: registerOf(value) } };
    case "append":
      return appendRule(String(value), isOk ? record.result : undefined);
    case "compareAndSet": {
      const expected = registerOf(inputField(record, "expected"));
      if (isOk && record.result === false) return { finds: { kind: "other", text: expected }, leaves: { kind: "nothing" } };
      return { finds: { kind: "value", text: expected }, leaves: { kind: "value", text: registerOf(value) } };
    }
    case "remove":
      if (isOk && record.result === true) return { finds: { kind: "other", text: absent }, leaves: { kind: "value", text: absent } };
      if (isOk && record.result === false) return { finds: { kind: "value", text: absent }, leaves: { kind: "nothing" } };
      return { finds: { kind: "blind" }, leaves: { kind: "value", text: absent } };
    default:
      return { finds: isOk ? { kind: "value", text: registerOf(record.result) } : { kind: "blind" }, leaves: { kind: "nothing" } };
  }
}

function appendRule(value: string, result: unknown): Rule {
  if (typeof result !== "string") return { finds: { kind: "anything" }, leaves: { kind: "suffix", text: value } };
  if (!result.endsWith(value)) return { finds: { kind: "value", text: "impossible" }, leaves: { kind: "value", text: registerOf(result) } };
  const before = registerOf(result.slice(0, result.length - value.length));
  return { finds: { kind: "value", text: before }, leaves: { kind: "value", text: registerOf(result) } };
}

function registerMachine(records: readonly OperationRecord[]): Machine<Register> {
  const rules = records.map(ruleOf);
  const numbers = new Map<Register, number>();
  const isAppend = (operation: number) => records[operation]?.operation === "append";
  const step = (state: Register, operation: number): Register | undefined => {
    const rule = rules[operation];
    if (rule === undefined) return undefined;
    // Appending to what is absent is appending to the empty string; to what is no string, it is refused.
    const found = isAppend(operation) && rule.leaves.kind !== "nothing" && state === absent ? '"' : state;
    if (!isFound(rule.finds, found)) return undefined;
    if (rule.leaves.kind === "nothing") return state;
    if (rule.leaves.kind === "value") return rule.leaves.text;
    return found.startsWith('"') ? found + rule.leaves.text : undefined;
  };
  return {
    initial: absent,
    step,
    keyOf(state) {
      let number = numbers.get(state);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(state, number);
      }
      return number;
    },
    isObservation: (operation) => rules[operation]?.leaves.kind === "nothing",
    candidates(state, target, open) {
      const finds = rules[target]?.finds ?? { kind: "blind" };
      const isFeeding = (operation: number) => canFind(finds, rules[operation]?.leaves ?? { kind: "nothing" });
      // What the target must find is written by one of these, or it is there already.
      if (step(state, target) === undefined && !open.some(isFeeding)) return [];
      const candidates = withoutIdleUnknowns(records, rules, target, open);
      return [...candidates.filter(isFeeding), ...candidates.filter((operation) => !isFeeding(operation))];
    },
    describe: (state) => `the value is ${valueText(state)}`,
    answer: (state, operation) => (records[operation]?.operation === "get" ? valueText(state) : undefined),
  };
}

function isFound(finds: Finds, state: Register): boolean {
  if (finds.kind === "value") return finds.text === state;
  return finds.kind !== "other" || finds.text !== state;
}

/**
 * An operation of unknown outcome need stand before the target only if, through others, an open operation of known outcome finds what it
 * leaves: the operation after it is otherwise blind to it, and all is the same without it.
 */
function withoutIdleUnknowns(
  records: readonly OperationRecord[],
  rules: readonly Rule[],
  target: number,
  open: readonly number[],
): number[] {
  const isKnown = (operation: number) => records[operation]?.outcome !== "unknown";
  const found = open.filter(isKnown);
  let idle = open.filter((operation) => !isKnown(operation));
  const reach = [target, ...found];
  for (let later = reach.shift(); later !== undefined && idle.length > 0; later = reach.shift()) {
    const finds = rules[later]?.finds;
    if (finds === undefined || finds.kind === "blind") continue;
    const still: number[] = [];
    for (const earlier of idle) {
      const leaves = rules[earlier]?.leaves;
      if (leaves !== undefined && canFind(finds, leaves)) {
        found.push(earlier);
        reach.push(earlier);
      } else still.push(earlier);
    }
    idle = still;
  }
  return found;
}

function canFind(finds: Finds, leaves: Leaves): boolean {
  if (finds.kind === "blind" || leaves.kind === "nothing") return false;
  if (finds.kind === "anything") return true;
  if (finds.kind === "other") return leaves.kind === "suffix" || finds.text !== leaves.text;
  if (leaves.kind === "suffix") return finds.text.endsWith(leaves.text);
  // An append finds the empty string where nothing is.
  return finds.text === leaves.text || (finds.text === '"' && leaves.text === absent);
}

function registerOf(value: unknown): Register {
  if (value === undefined || value === null) return absent;
  return typeof value === "string" ? `"${value}` : `=${canonicalJson(value)}`;
}

function valueText(state: Register): string {
  if (state === absent) return "null (absent)";
  return state.startsWith('"') ? shortJson(state.slice(1)) : state.slice(1);
}
