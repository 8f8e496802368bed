import { Cell, isHeld, isInState, pathOf, stepText } from "./cell.js";
import { StateRefusal } from "./refusal.js";
import type { Given, GivenObject, Scope } from "./scope.js";

/**
 * The state has copies of what a handler puts in, and a handler copies of the Dates and bytes that it reads. What it does to its own would
 * be lost in silence, as in `(state.lists[name] ??= []).push(item)`: so each is compared at the end with what it was. One that was taken
 * out of the state meanwhile is the handler's alone, and whoever puts one in again as it is by then knows of the copies.
 */
export function checkCopies(scope: Scope): void {
  const { given, shown, journal } = scope;
  let last: ReadonlyMap<object, number> | null = null;
  const lastOf = (source: object): number => {
    last ??= lastChanges(given);
    return last.get(source) ?? -1;
  };
  for (const [at, { objects, pathTo }] of given.entries())
    for (const [source, object] of objects)
      if (isChanged(source, object) && lastOf(source) === at && isInUse(scope, object)) throw givenRefusal(pathTo(object.trail));
  for (const [leaf, { copy, holder }] of shown) {
    const kept = leaf as Date | Uint8Array;
    if (!isLeafChanged(copy, kept) || lastOf(copy) >= 0 || !isHeld(holder, kept, journal.root)) continue;
    throw shownRefusal(`${pathOf(holder, journal.root)}${stepText(holder, kept)}`);
  }
}

function givenRefusal(path: string): StateRefusal {
  return new StateRefusal(
    "state-copy",
    path,
    "what was put here was changed afterwards, which the state's copy of it was not; change what is read back from the state",
  );
}

function shownRefusal(path: string): StateRefusal {
  return new StateRefusal(
    "state-copy",
    path,
    "a Date or Uint8Array that was read here was changed, which the state's own was not; put it back when it is changed, or change another: new Date(it), new Uint8Array(it)",
  );
}

/** The latest change by which each object came in. */
function lastChanges(given: readonly Given[]): Map<object, number> {
  const last = new Map<object, number>();
  for (const [at, { objects }] of given.entries()) for (const source of objects.keys()) last.set(source, at);
  return last;
}

function isInUse({ journal }: Scope, { copy, holder }: GivenObject): boolean {
  if (copy instanceof Cell) return isInState(copy, journal.root);
  return holder !== null && isHeld(holder, copy, journal.root);
}

function isChanged(source: object, { copy, slots }: GivenObject): boolean {
  if (!(copy instanceof Cell) || slots === undefined) return isLeafChanged(source, copy as Date | Uint8Array);
  if (Array.isArray(source)) return source.length !== slots.length || slots.some((value, at) => !Object.is(value, source[at]));
  if (source instanceof Map) return source.size * 2 !== slots.length || !hasEntries(source, slots);
  if (source instanceof Set) return source.size !== slots.length || ![...source].every((member, at) => Object.is(member, slots[at]));
  return isRowChanged(source as Record<string, unknown>, slots);
}

function hasEntries(source: ReadonlyMap<unknown, unknown>, slots: readonly unknown[]): boolean {
  let at = 0;
  for (const [key, value] of source) {
    if (!Object.is(key, slots[at]) || !Object.is(value, slots[at + 1])) return false;
    at += 2;
  }
  return true;
}

function isRowChanged(source: Record<string, unknown>, slots: readonly unknown[]): boolean {
  const keys = Object.keys(source);
  if (keys.length * 2 !== slots.length) return true;
  return keys.some((key, at) => key !== slots[at * 2] || (!Object.is(source[key], slots[at * 2 + 1]) && !isComputed(source, key)));
}

/** A getter gives what it likes each time. */
function isComputed(source: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(source, key)?.get !== undefined;
}

function isLeafChanged(one: object, other: Date | Uint8Array): boolean {
  if (!(other instanceof Uint8Array)) return !Object.is((one as Date).getTime(), other.getTime());
  const bytes = one as Uint8Array;
  // Megabytes of them: in a plain loop.
  for (let at = 0; at < other.length; at += 1) if (bytes[at] !== other[at]) return true;
  return bytes.length !== other.length;
}
