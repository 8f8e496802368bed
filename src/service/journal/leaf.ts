import { isWholeText } from "../../codec/text.js";
import { StateRefusal } from "./refusal.js";

/** What a container may hold beside containers. Dates and byte arrays are leaves: copied on the way in and on the way out. */
export type Leaf = undefined | null | boolean | number | string | bigint | Date | Uint8Array;

/** What may be a key of a Map or a member of a Set. Objects have string keys. */
export type Key = undefined | null | boolean | number | string | bigint;

// The real ones, whatever stands in for the globals while a handler of active style runs.
const RealDate = Date;

/** The leaf to keep for `value`, or `NOT_A_LEAF` when it is an object to look into. Refuses what cannot be replicated faithfully. */
export function admitLeaf(value: unknown, path: () => string): Leaf | typeof NOT_A_LEAF {
  switch (typeof value) {
    case "string":
      return checkText(value, path);
    case "number":
      return plainNumber(value);
    case "boolean":
    case "undefined":
    case "bigint":
      return value;
    case "function":
      throw new StateRefusal("state-function", path(), "a function cannot be replicated; keep data here and code in the service file");
    case "symbol":
      throw new StateRefusal("state-symbol", path(), "a symbol cannot be replicated; use a string");
    default:
      return admitObjectLeaf(value, path);
  }
}

export const NOT_A_LEAF = Symbol("not a leaf");

function admitObjectLeaf(value: unknown, path: () => string): Leaf | typeof NOT_A_LEAF {
  if (value === null) return null;
  if (value instanceof RealDate) {
    if (Object.getPrototypeOf(value) !== RealDate.prototype) return NOT_A_LEAF;
    const time = value.getTime();
    if (Number.isNaN(time)) throw new StateRefusal("state-date", path(), "an invalid Date; check it before it is kept");
    return new RealDate(time);
  }
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return NOT_A_LEAF;
}

/** -0 becomes 0 and every NaN the same one: the codec keeps neither difference, so no replica may. */
function plainNumber(value: number): number {
  if (value === 0) return 0;
  return Number.isNaN(value) ? Number.NaN : value;
}

export function checkText(text: string, path: () => string): string {
  if (!isWholeText(text))
    throw new StateRefusal(
      "state-surrogate",
      path(),
      "text with half of a surrogate pair; use toWellFormed(), or cut text at whole characters",
    );
  return text;
}

/** A key of a Map or a member of a Set. */
export function admitKey(key: unknown, path: () => string): Key {
  const leaf = typeof key === "function" ? NOT_A_LEAF : admitLeaf(key, path);
  if (leaf === NOT_A_LEAF || (typeof leaf === "object" && leaf !== null))
    throw new StateRefusal(
      "state-key",
      path(),
      "keys of a Map and members of a Set have to be primitives; use a Map from an id to the object",
    );
  return leaf;
}

/** A leaf as the outside may have it: what is mutable is copied. */
export function leafOut(leaf: Leaf): Leaf {
  if (typeof leaf !== "object" || leaf === null) return leaf;
  return leaf instanceof RealDate ? new RealDate(leaf.getTime()) : new Uint8Array(leaf);
}
