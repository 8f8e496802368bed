/** Copies of the cores' states: plain data with Maps, Sets and byte arrays, in which one object may be met twice. */

/** What nobody changes once it is made: shared by copies, and its text is made once. */
export function isImmutable(value: object): boolean {
  return ("body" in value && "ageMs" in value) || ("members" in value && "leader" in value) || Object.isFrozen(value);
}

/** A deep copy that keeps it so: a plain object met twice is one object in the copy too (lists and tables have one owner each). */
export function copyOf<T>(value: T): T {
  return copy(value, new Map()) as T;
}

function copy(value: unknown, made: Map<object, object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.length === 0 ? [] : value.map((item) => copy(item, made));
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    for (const [key, item] of value) map.set(key, copy(item, made));
    return map;
  }
  if (value instanceof Uint8Array || isImmutable(value)) return value;
  if (value instanceof Set) return new Set(value);
  const known = made.get(value);
  if (known !== undefined) return known;
  const object: Record<string, unknown> = {};
  made.set(value, object);
  for (const key in value) object[key] = copy((value as Record<string, unknown>)[key], made);
  return object;
}

/** Freezes it and everything in it: from then on it is shared, not copied. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) freeze(item);
  return Object.freeze(value);
}

/** Names in the order of their numbers: tables by replica or by connection have no other. */
export function sortTable<K extends string | number>(table: Map<K, unknown>): void {
  let last: K | null = null;
  let isSorted = true;
  for (const key of table.keys()) {
    if (last !== null && key < last) isSorted = false;
    last = key;
  }
  if (isSorted) return;
  const items = [...table].sort(([a], [b]) => (a < b ? -1 : 1));
  table.clear();
  for (const [key, item] of items) table.set(key, item);
}
