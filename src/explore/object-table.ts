/** Numbers for objects: equal ones get one number. */
import { assert } from "../vocabulary/assert.js";
import { digestOf } from "./digest.js";
import { createMemo, type Memo, recall, remember, UNKNOWN } from "./memo.js";

export interface ObjectTable<T> {
  readonly objects: T[];
  /** By digest. */
  readonly numbers: Memo;
  /** Of objects that were met as such. */
  readonly known: WeakMap<object, number>;
}

export function createObjectTable<T extends object>(): ObjectTable<T> {
  return { objects: [], numbers: createMemo(), known: new WeakMap() };
}

export function numberOf<T extends object>(table: ObjectTable<T>, object: T): number {
  const met = table.known.get(object);
  if (met !== undefined) return met;
  const { high, low } = digestOf(object);
  let number = recall(table.numbers, high, low, 0);
  if (number === UNKNOWN) number = remember(table.numbers, high, low, 0, table.objects.push(object) - 1);
  table.known.set(object, number);
  return number;
}

export function objectAt<T extends object>(table: ObjectTable<T>, number: number): T {
  const object = table.objects[number];
  assert(object !== undefined, "explore", () => `no object ${number}`);
  return object;
}
