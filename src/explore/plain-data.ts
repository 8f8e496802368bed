/** Copies and texts of the cores' states: plain data with Maps, Sets and byte arrays, in which one object may be met twice. */

/** What nobody changes once it is made: shared by copies, and its text is made once. */
function isImmutable(value: object): boolean {
  return ("body" in value && "ageMs" in value) || ("members" in value && "leader" in value) || Object.isFrozen(value);
}

/** A deep copy that keeps it so: an object met twice is one object in the copy too. */
export function copyOf<T>(value: T): T {
  return copy(value, new Map()) as T;
}

function copy(value: unknown, made: Map<object, object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value;
  const known = made.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const array: unknown[] = [];
    made.set(value, array);
    for (const item of value as unknown[]) array.push(copy(item, made));
    return array;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    made.set(value, map);
    for (const [key, item] of value) map.set(key, copy(item, made));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set(value);
    made.set(value, set);
    return set;
  }
  if (isImmutable(value)) return value;
  const object: Record<string, unknown> = {};
  made.set(value, object);
  for (const key of Object.keys(value)) object[key] = copy((value as Record<string, unknown>)[key], made);
  return object;
}

const texts = new WeakMap<object, string>();

/** Equal for equal data. Objects are written in the order of their keys as they were made: at worst two equal states count as two. */
export function textOf(value: unknown): string {
  switch (typeof value) {
    case "number":
      return String(value);
    case "string":
      return `"${value}"`;
    case "object":
      return value === null ? "~" : textOfObject(value);
    default:
      return String(value);
  }
}

function textOfObject(value: object): string {
  if (value instanceof Uint8Array) return `b${value.join()}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (value instanceof Map) return `m[${[...value].map(([key, item]) => `${String(key)}:${textOf(item)}`).join()}]`;
  if (value instanceof Set) return `s[${[...value].map(textOf).join()}]`;
  if (!isImmutable(value)) return textOfFields(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = textOfFields(value);
  texts.set(value, text);
  return text;
}

function textOfFields(value: object): string {
  let text = "{";
  for (const key of Object.keys(value)) text += `${key}:${textOf((value as Record<string, unknown>)[key])},`;
  return `${text}}`;
}

/** Freezes it and everything in it: from then on it is shared, not copied. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) freeze(item);
  return Object.freeze(value);
}
