import { ARRAY, itemsOf, objectKeys, valueAt } from "./cell.js";
import { present, referenceOf } from "./scope.js";

/** Node's name for the method that shows an object. Of a Proxy it looks at what lies under it, and would show every part of the state as empty. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

const ITEMS_SHOWN_MAX = 1_000;

/** Makes an object that may lie under handles: `console.log` of one shows what the handle stands for. */
export function shownTarget<Target extends object>(target: Target): Target {
  return Object.defineProperty(target, INSPECT, { value: show, configurable: true });
}

/** One level of plain data; the levels below are handles again, which are asked as far as they are shown. */
function show(this: object): unknown {
  const reference = referenceOf(this);
  if (reference === undefined) return "[a part of the state]";
  const { scope, cell } = reference;
  if (scope.ended !== null) return `[a part of the state, handed to an operation that ${scope.ended}]`;
  if (cell.kind !== ARRAY) return Object.fromEntries(objectKeys(cell).map((key) => [key, present(scope, valueAt(cell, key), cell)]));
  const items = itemsOf(cell);
  const shown = items.slice(0, ITEMS_SHOWN_MAX).map((item) => present(scope, item, cell));
  // So that it says how many more there are.
  shown.length = items.length;
  return shown;
}
