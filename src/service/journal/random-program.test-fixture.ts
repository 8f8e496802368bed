import fc from "fast-check";

/** A step of a random program: which container to act on, what to do there, with which key and value. Runs on handles and plain data alike. */
export interface Step {
  readonly path: readonly number[];
  readonly action: number;
  readonly key: unknown;
  readonly place: number;
  readonly value: unknown;
}

// Names of Object.prototype, and both sides of the bound up to which keys are in the order of numbers.
const keys = fc.constantFrom("a", "b", "c", "d", "10", "2", "0", "", "constructor", "length", "4294967294", "4294967295");
const mapKeys: fc.Arbitrary<unknown> = fc.oneof(
  keys,
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(undefined, null, true, Number.NaN, -0, 1.5, 1n, 2n ** 70n),
);

export const trees: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("leaf"), tie("object"), tie("array"), tie("map"), tie("set")),
  leaf: fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constantFrom(null, undefined, 12345678901234567890n),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => new Uint8Array(bytes)),
  ),
  object: fc.dictionary(keys, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
  array: fc.array(tie("tree"), { maxLength: 4 }),
  map: fc.array(fc.tuple(mapKeys, tie("tree")), { maxLength: 4 }).map((entries) => new Map(entries)),
  set: fc.array(mapKeys, { maxLength: 4 }).map((members) => new Set(members)),
})).tree;

export const containers: fc.Arbitrary<object> = trees.filter(isContainer);

export const steps: fc.Arbitrary<Step> = fc.record({
  path: fc.array(fc.nat(5), { maxLength: 4 }),
  action: fc.nat(23),
  key: mapKeys,
  place: fc.nat(6),
  value: trees,
});

export const operations: fc.Arbitrary<Step[]> = fc.array(steps, { maxLength: 6 });

export function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array);
}

function children(container: object): object[] {
  const values = container instanceof Set ? [] : container instanceof Map ? [...container.values()] : Object.values(container);
  return values.filter(isContainer);
}

/**
 * Performs a step; the same code on the state's handle and on plain data has to do the same. `pocket`: what the operation has taken out of
 * the state, and may change there and put back elsewhere.
 */
export function perform(root: object, step: Step, pocket: object[]): unknown {
  let at = root;
  for (const choice of step.path) {
    const below = children(at);
    const next = below[choice % Math.max(below.length, 1)];
    if (next === undefined) break;
    at = next;
  }
  if (step.action === 21) return takeOut(at, pocket);
  if (step.action === 22) return putBack(at, step, pocket);
  if (step.action === 23) at = pocket.at(-1) ?? at;
  const value = copy(step.value);
  if (Array.isArray(at)) return performOnArray(at, step, value);
  if (at instanceof Map) return performOnMap(at, step, value);
  if (at instanceof Set) return performOnSet(at, step);
  return performOnObject(at as Record<string, unknown>, step, value);
}

function takeOut(from: object, pocket: object[]): number {
  const [taken] = children(from);
  if (taken === undefined) return 0;
  pocket.push(taken);
  if (Array.isArray(from)) from.splice(from.indexOf(taken), 1);
  else if (from instanceof Map) from.delete([...from].find(([, each]) => each === taken)?.[0]);
  else Reflect.deleteProperty(from, Object.entries(from).find(([, each]) => each === taken)?.[0] ?? "");
  return pocket.length;
}

function putBack(to: object, step: Step, pocket: object[]): number {
  const taken = to instanceof Set ? undefined : pocket.pop();
  if (taken === undefined) return 0;
  if (Array.isArray(to)) return to.unshift(step.place > 3 ? { taken } : taken);
  if (to instanceof Map) return to.set(step.key, taken).size;
  return Object.keys(Object.assign(to, { [String(step.key)]: taken })).length;
}

function performOnObject(object: Record<string, unknown>, step: Step, value: unknown): unknown {
  const key = String(step.key);
  const first = Object.keys(object)[0];
  switch (step.action % 8) {
    case 0:
    case 1:
      object[key] = value;
      return undefined;
    case 2:
      return delete object[key];
    case 3:
      return Object.entries(object).length + (key in object ? 1 : 0);
    case 4: {
      // Moves an entry to another key.
      if (first === undefined) return undefined;
      const moved = object[first];
      delete object[first];
      object[key] = moved;
      return undefined;
    }
    case 5: {
      // Replaces a container by a new one of its own parts, in another order.
      const at = Object.hasOwn(object, key) ? key : (first ?? key);
      const old = object[at];
      if (Array.isArray(old)) object[at] = old.filter((_, place) => place !== step.place).reverse();
      else if (old instanceof Map) object[at] = new Map([...old].reverse());
      else if (isContainer(old) && !(old instanceof Set)) object[at] = { wrapped: old, value };
      return undefined;
    }
    case 6: {
      if (first !== undefined && step.place > 3) return emptyAfterCopying(object, first);
      // Takes a container out and changes it outside before it comes back.
      if (first === undefined) return undefined;
      const taken = object[first];
      delete object[first];
      if (Array.isArray(taken)) taken.push(value);
      else if (taken instanceof Map) taken.set(step.key, value);
      if (step.place % 2 === 0) object.back = [1, taken];
      return undefined;
    }
    default:
      return Object.assign(object, { [key]: value, z: 1 }) === object;
  }
}

/** Replaces a container by a copy of it that holds its parts, and empties the one that was. */
function emptyAfterCopying(object: Record<string, unknown>, key: string): number {
  const old = object[key];
  if (Array.isArray(old)) {
    object[key] = [...old];
    return old.splice(0).length;
  }
  if (!(old instanceof Map)) return 0;
  object[key] = new Map(old);
  for (const each of [...old.keys()].slice(0, 1)) old.delete(each);
  old.clear();
  return old.size;
}

function performOnMap(map: Map<unknown, unknown>, step: Step, value: unknown): unknown {
  switch (step.action % 7) {
    case 0:
    case 1:
      return map.set(step.key, value).size;
    case 2:
      return map.delete(step.key);
    case 3:
      if (step.place === 0) map.clear();
      return map.has(step.key);
    case 4: {
      // As a cache does that keeps the latest at the end.
      if (!map.has(step.key)) return false;
      const kept = map.get(step.key);
      map.delete(step.key);
      map.set(step.key, kept);
      return true;
    }
    case 5: {
      // Changes while it iterates: what is added is met, what is removed is not.
      let met = 0;
      for (const key of map.keys()) {
        met += 1;
        if (met === 1) map.delete(step.key);
        if (met === 2 && key !== "new") map.set("new", value);
        if (met > 20) break;
      }
      return met;
    }
    default:
      return [...map.keys()].length;
  }
}

function performOnSet(set: Set<unknown>, step: Step): unknown {
  switch (step.action % 4) {
    case 0:
      return set.add(step.key).size;
    case 1:
      return set.delete(step.key);
    case 2:
      if (step.place === 0) set.clear();
      return [...set].length;
    default:
      set.delete(step.key);
      set.add(step.key);
      return set.has(step.key);
  }
}

const orderText = (value: unknown): string => (isContainer(value) ? "~" : String(value));

function performOnArray(array: unknown[], step: Step, value: unknown): unknown {
  const place = Math.min(step.place, array.length);
  switch (step.action % 14) {
    case 0:
      return array.push(value, 1);
    case 1:
      array.pop();
      return array.length;
    case 2:
      array.shift();
      return array.length;
    case 3:
      return array.unshift(value);
    case 4:
      return array.splice(place, 2, value, 7).length;
    case 5:
      array[place] = step.key === "a" && isContainer(array[place]) ? { inside: [array[place]] } : value;
      return undefined;
    case 6:
      array.length = place;
      return undefined;
    case 7:
      return array.reverse() === array;
    case 8:
      array.sort((a, b) => (orderText(a) < orderText(b) ? -1 : orderText(a) > orderText(b) ? 1 : 0));
      return undefined;
    case 9:
      array.splice(-1, 1);
      return array.length;
    case 10: {
      // Replaces the array's first half by itself in another order.
      const moved = array.splice(0, 2);
      array.unshift(...moved.reverse());
      return moved.length;
    }
    case 11:
      return array.fill(3, place, place + 2).length;
    case 12:
      if (!array.some(isContainer)) array.copyWithin(0, place);
      return array.indexOf(3);
    default:
      return array.map(orderText).join();
  }
}

/** A structured clone without aliases; -0 becomes 0, as in the state. */
export function copy(value: unknown): unknown {
  if (value === 0) return 0;
  if (!isContainer(value)) return structuredClone(value);
  if (Array.isArray(value)) return value.map(copy);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, copy(each)]));
  if (value instanceof Set) return new Set(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copy(each)]));
}

/** A text that differs when anything does, iteration order included. */
export function orderedText(value: unknown): string {
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${value.join()}`;
  if (Array.isArray(value)) return `[${value.map(orderedText).join()}]`;
  if (value instanceof Map) return `map{${[...value].map(([key, each]) => `${orderedText(key)}=>${orderedText(each)}`).join()}}`;
  if (value instanceof Set) return `set{${[...value].map(orderedText).join()}}`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)}:${orderedText(each)}`)
      .join()}}`;
  if (Object.is(value, -0)) return "-0";
  return typeof value === "string" ? JSON.stringify(value) : `${typeof value} ${String(value)}`;
}
