/** Numbers for objects: equal ones get one number. */
import { assert } from "../vocabulary/assert.js";
import { textOf } from "./plain-data.js";

export interface ObjectTable<T> {
  readonly objects: T[];
  readonly numbers: Map<string, number>;
  /** Of objects that were met as such. */
  readonly known: WeakMap<object, number>;
}

export function createObjectTable<T extends object>(): ObjectTable<T> {
  return { objects: [], numbers: new Map(), known: new WeakMap() };
}

export function numberOf<T extends object>(table: ObjectTable<T>, object: T): number {
  const met = table.known.get(object);
  if (met !== undefined) return met;
  const text = textOf(object);
  let number = table.numbers.get(text);
  if (number === undefined) {
    number = table.objects.push(object) - 1;
    table.numbers.set(text, number);
  }
  table.known.set(object, number);
  return number;
}

export function objectAt<T extends object>(table: ObjectTable<T>, number: number): T {
  const object = table.objects[number];
  assert(object !== undefined, "explore", () => `no object ${number}`);
  return object;
}
