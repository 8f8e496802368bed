import { isWholeText } from "./text.js";

/**
 * Throws a TypeError, with the place and what to do, on a value that `encodeValue` would take and make something else of: half of a
 * surrogate pair, a key `__proto__`, an instance of a class (a Promise that nobody has awaited among them), keys that are symbols, fields of
 * what has none by itself (an array, a Map, an Error). Functions and symbols the encoder refuses itself; -0 and the holes of an array come
 * back as 0 and undefined, as in a service's state.
 */
export function checkFaithful(value: unknown, place: string): void {
  checkAny(value, place, new Set());
}

function checkAny(value: unknown, place: string, seen: Set<object>): void {
  if (typeof value === "string" && !isWholeText(value))
    throw new TypeError(`${place} has half of a surrogate pair; use toWellFormed(), or cut text at whole characters`);
  // What was seen was checked, or is being checked: a value may refer to itself.
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (Object.getOwnPropertySymbols(value).length > 0) throw new TypeError(`${place} has a symbol as a key; use text`);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) checkList(value as unknown[], place, seen);
  else if (prototype === Map.prototype) checkMap(value as Map<unknown, unknown>, place, seen);
  else if (prototype === Set.prototype) checkSet(value as Set<unknown>, place, seen);
  else if (prototype === null || Object.getPrototypeOf(prototype) === null) checkPlain(value, place, seen);
  else if (!isCarried(value, prototype)) throw new TypeError(`${place} is ${nameOf(value)}; send plain data`);
  else if (!ArrayBuffer.isView(value)) {
    checkFields(value, 0, place);
    if (value instanceof Error) checkAny(value.cause, `${place}.cause`, seen);
  }
}

const ERRORS: ReadonlySet<unknown> = new Set(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError].map((kind) => kind.prototype),
);

function checkList(list: readonly unknown[], place: string, seen: Set<object>): void {
  let count = 0;
  for (const [index, each] of list.entries()) {
    if (index in list) count += 1;
    checkAny(each, `${place}[${index}]`, seen);
  }
  checkFields(list, count, place);
}

/** What it has beside its items. */
function checkFields(value: object, itemCount: number, place: string): void {
  const field = Object.keys(value)[itemCount];
  if (field !== undefined) throw new TypeError(`${place} has a field ${field} of its own, which would not arrive; use an object`);
}

function checkMap(map: Map<unknown, unknown>, place: string, seen: Set<object>): void {
  checkFields(map, 0, place);
  for (const [key, each] of map) {
    checkAny(key, `${place} (a key)`, seen);
    checkAny(each, `${place}.get(...)`, seen);
  }
}

function checkSet(set: Set<unknown>, place: string, seen: Set<object>): void {
  checkFields(set, 0, place);
  for (const each of set) checkAny(each, `${place} (a member)`, seen);
}

function checkPlain(value: object, place: string, seen: Set<object>): void {
  for (const [key, each] of Object.entries(value)) {
    if (key === "__proto__") throw new TypeError(`${place} has the key __proto__, which is not taken; use a Map`);
    if (!isWholeText(key)) throw new TypeError(`${place} has a key with half of a surrogate pair; use toWellFormed()`);
    checkAny(each, `${place}.${key}`, seen);
  }
}

/** What else the codec gives back as it was. */
function isCarried(value: object, prototype: unknown): boolean {
  if (prototype === Date.prototype || prototype === RegExp.prototype || ERRORS.has(prototype)) return true;
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

function nameOf(value: object): string {
  const { name } = value.constructor ?? {};
  if (name === "Promise") return "a Promise that was not awaited";
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an instance of a class";
}
