import { inspect } from "node:util";
import { decodeValue } from "../codec/value.js";

/** A value on one line, as one writes it in code. */
export function wordsOf(value: unknown): string {
  const text = inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 20, maxStringLength: 80 });
  return text.length <= 200 ? text : `${text.slice(0, 200)}...`;
}

/** Nothing is no words. */
export function wordsOfBytes(bytes: Uint8Array): string {
  const value = bytes.length === 0 ? undefined : decodeValue(bytes);
  return value === undefined ? "" : wordsOf(value);
}

export interface Difference {
  readonly path: string;
  readonly left: string;
  readonly right: string;
}

/** The first place where two values differ, iteration order included; null when they do not. */
export function firstDifference(left: unknown, right: unknown, path = "state"): Difference | null {
  if (Object.is(left, right)) return null;
  const [leftParts, rightParts] = [partsOf(left), partsOf(right)];
  if (leftParts === null || rightParts === null || kindOf(left) !== kindOf(right))
    return wordsOf(left) === wordsOf(right) ? null : { path, left: wordsOf(left), right: wordsOf(right) };
  const orders = [leftParts, rightParts].map((parts) => parts.map(([key]) => wordsOf(key)));
  for (const [at, [key, value]] of leftParts.entries()) {
    const other = rightParts[at];
    if (other === undefined || wordsOf(other[0]) !== wordsOf(key)) break;
    const found = firstDifference(value, other[1], `${path}${stepOf(left, key)}`);
    if (found !== null) return found;
  }
  if (orders[0]?.join() === orders[1]?.join()) return null;
  return differenceOfKeys(path, orders[0] ?? [], orders[1] ?? []);
}

function differenceOfKeys(path: string, left: readonly string[], right: readonly string[]): Difference {
  const more = left.filter((key) => !right.includes(key));
  const fewer = right.filter((key) => !left.includes(key));
  const list = (keys: readonly string[], otherwise: string): string =>
    keys.length === 0 ? otherwise : `with ${keys.slice(0, 5).join(", ")}`;
  if (more.length === 0 && fewer.length === 0)
    return { path, left: `in the order ${left.slice(0, 5).join(", ")}`, right: `in the order ${right.slice(0, 5).join(", ")}` };
  return { path, left: list(more, "without"), right: list(fewer, "without") };
}

function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

function partsOf(value: unknown): [unknown, unknown][] | null {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value].map((member) => [member, null]);
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array) return null;
  return Object.entries(value);
}

function stepOf(container: unknown, key: unknown): string {
  if (container instanceof Map) return `.get(${wordsOf(key)})`;
  if (Array.isArray(container)) return `[${String(key)}]`;
  return typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${wordsOf(key)}]`;
}
