/**
 * What comes, stays for a time and goes in the order in which it came, by name: a Map in parts. One Map of a million entries stops its
 * process for a sixth of a second each time that its table is made anew, which it is not only as it grows but again and again as entries
 * come and go; and all replicas come to that at the same entry. Plain data.
 */
import { assert } from "../../vocabulary/assert.js";

export interface AgedMap<Value> {
  /** Oldest first, and there is always one. */
  readonly parts: Map<string, Value>[];
  size: number;
}

export const PART_SIZE_MAX = 32_768;

export function createAgedMap<Value>(): AgedMap<Value> {
  return { parts: [new Map()], size: 0 };
}

/** What is asked for is more often new than old. */
export function lookUp<Value>({ parts }: AgedMap<Value>, name: string): Value | undefined {
  for (let at = parts.length - 1; at >= 0; at--) {
    const value = parts[at]?.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A name that is not there. */
export function addNewest<Value>(map: AgedMap<Value>, name: string, value: Value): void {
  let newest = map.parts[map.parts.length - 1];
  if (newest === undefined || newest.size >= PART_SIZE_MAX) {
    newest = new Map();
    map.parts.push(newest);
  }
  newest.set(name, value);
  map.size += 1;
}

/** Of all that are there, it came first. */
export function removeOldest<Value>(map: AgedMap<Value>, name: string): void {
  const [oldest] = map.parts;
  assert(oldest?.delete(name) === true, "aged-map", () => `${name} is not among the oldest`);
  map.size -= 1;
  if (oldest.size === 0 && map.parts.length > 1) map.parts.shift();
}

/** Oldest first. As with a Map, what is added meanwhile comes behind the others, and what is removed is not met. */
export function* entriesOf<Value>({ parts }: AgedMap<Value>): Generator<[string, Value], undefined> {
  for (let part = parts[0]; part !== undefined; ) {
    yield* part;
    // A part that has gone was the oldest.
    part = parts[parts.indexOf(part) + 1];
  }
}
