import { type Admission, admit } from "./admit.js";
import {
  Cell,
  dictOf,
  growIntoDict,
  hasKey,
  itemsOf,
  OBJECT,
  objectKeys,
  pathOf,
  ROW_KEYS_MAX,
  rebuildObject,
  sizeOf,
  type Value,
  valueAt,
  writeEntry,
} from "./cell.js";
import { Dict } from "./dict.js";
import type { Key, Leaf } from "./leaf.js";
import { StateRefusal } from "./refusal.js";
import { CLEAR, PERMUTE, PUT, REMOVE, SPLICE, treeOf } from "./redo-record.js";
import { assertWritable, referenceOf, type Scope } from "./scope.js";

/**
 * Every change of the state is one of five: put, remove, clear, splice, permute. Each checks first, then cannot fail, unless the stack runs
 * out: it counts as open from its first step until it is recorded.
 */

const NO_VALUES: Omit<Admission, "values"> = { firstId: 0, created: [], moves: [], stale: [] };

/** Sets an entry of an object, a Map or (without a value) a Set. */
export function put(scope: Scope, cell: Cell, key: Key, value: unknown): void {
  assertWritable(scope);
  const old = valueAt(cell, key);
  if (hasKey(cell, key) && isSame(old, value)) return;
  const admission = admit(scope, cell, [[key, value]], heldBy(cell, [old]));
  const admitted = admission.values[0];
  scope.openChanges += 1;
  applyPut(scope, cell, key, admitted, admission);
  scope.redo?.push([PUT, cell.id, key, treeOf(admitted, admission.firstId)]);
  scope.openChanges -= 1;
}

/** Putting back what is there changes nothing. Mutable leaves are always taken anew. */
export function isSame(old: Value, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return Object.is(old, value);
  return old instanceof Cell && referenceOf(value)?.cell === old;
}

export function applyPut(scope: Scope, cell: Cell, key: Key, value: Value, admission: Omit<Admission, "values">): void {
  scope.journal.capture?.beforeWrite(cell);
  const had = hasKey(cell, key);
  const old = valueAt(cell, key);
  if (!had && cell.kind === OBJECT && !(cell.data instanceof Dict) && sizeOf(cell) >= ROW_KEYS_MAX) growIntoDict(cell);
  if (had && cell.data instanceof Dict) scope.journal.capture?.beforeEntry(cell, cell.data.index.get(key) ?? 0);
  scope.undo?.push(() => {
    if (had) writeEntry(cell, key, old);
    else unput(cell, key);
  });
  reparent(scope, cell, heldBy(cell, [old]), admission);
  writeEntry(cell, key, value);
}

function unput(cell: Cell, key: Key): void {
  if (cell.data instanceof Dict) cell.data.unappend(key);
  else Reflect.deleteProperty(cell.data, String(key));
}

/** Containers that lose their place with these values of `cell`: not those that have moved on since it was taken out of the state itself. */
function heldBy(cell: Cell, values: readonly Value[]): Cell[] {
  const held: Cell[] = [];
  for (const value of values) if (value instanceof Cell && value.parent === cell) held.push(value);
  return held;
}

/** Who holds whom, after a change in `cell`; and the undo of it. */
function reparent(scope: Scope, cell: Cell, leaving: readonly Cell[], admission: Omit<Admission, "values">): void {
  const { created, moves, stale } = admission;
  if (leaving.length === 0 && created.length === 0 && moves.length === 0) return;
  const { journal } = scope;
  const detachedBefore = moves.map((move) => scope.detached.has(move.cell));
  for (const gone of leaving) {
    gone.parent = null;
    scope.detached.add(gone);
  }
  for (const move of moves) {
    move.cell.parent = move.to;
    scope.detached.delete(move.cell);
  }
  for (const made of created) {
    journal.index.set(made.id, made);
    scope.created.push(made);
    if (made.id >= journal.nextId) journal.nextId = made.id + 1;
  }
  for (const holder of stale) scope.stale.add(holder);
  scope.undo?.push(() => {
    for (const [at, move] of moves.entries()) {
      move.cell.parent = move.from;
      if (detachedBefore[at]) scope.detached.add(move.cell);
    }
    for (const gone of leaving) gone.parent = cell;
  });
}

/** Removes an entry of an object, a Map or a Set. False when there is none. */
export function remove(scope: Scope, cell: Cell, key: Key): boolean {
  assertWritable(scope);
  if (!hasKey(cell, key)) return false;
  // -0 finds 0, and its undo must not put back another key than there was.
  const kept = key === 0 ? 0 : key;
  scope.openChanges += 1;
  applyRemove(scope, cell, kept);
  scope.redo?.push([REMOVE, cell.id, kept]);
  scope.openChanges -= 1;
  return true;
}

export function applyRemove(scope: Scope, cell: Cell, key: Key): void {
  scope.journal.capture?.beforeWrite(cell);
  const old = valueAt(cell, key);
  if (cell.data instanceof Dict) removeFromDict(scope, cell, cell.data, key, old);
  else removeFromRow(scope, cell, String(key), old);
  reparent(scope, cell, heldBy(cell, [old]), NO_VALUES);
}

function removeFromDict(scope: Scope, cell: Cell, dict: Dict<Value>, key: Key, old: Value): void {
  scope.journal.capture?.beforeEntry(cell, dict.index.get(key) ?? 0);
  pin(scope, dict);
  const place = dict.remove(key);
  scope.undo?.push(() => dict.fill(place, key, old));
}

function removeFromRow(scope: Scope, cell: Cell, key: string, old: Value): void {
  const order = objectKeys(cell);
  Reflect.deleteProperty(cell.data, key);
  scope.undo?.push(() => rebuildObject(cell, order, key, old));
}

/** Its undo records name places: no compaction until they are dropped. */
function pin(scope: Scope, dict: Dict<Value>): void {
  if (scope.dicts.has(dict)) return;
  scope.dicts.add(dict);
  dict.pins += 1;
}

/** Empties a Map or a Set. */
export function clear(scope: Scope, cell: Cell): void {
  assertWritable(scope);
  if (sizeOf(cell) === 0) return;
  scope.openChanges += 1;
  applyClear(scope, cell);
  scope.redo?.push([CLEAR, cell.id]);
  scope.openChanges -= 1;
}

export function applyClear(scope: Scope, cell: Cell): void {
  scope.journal.capture?.beforeWrite(cell);
  const dict = dictOf(cell);
  const leaving = heldBy(cell, dict.values ?? []);
  const undo = dict.clear();
  scope.undo?.push(undo);
  reparent(scope, cell, leaving, NO_VALUES);
}

/** Replaces `deleteCount` items of an array from `start` on by others: every change of an array but its order. */
export function splice(scope: Scope, cell: Cell, start: number, deleteCount: number, items: readonly unknown[]): void {
  assertWritable(scope);
  if (deleteCount === 0 && items.length === 0) return;
  // An index that is an object is read by code of the handler's own, and was reckoned with the length before that.
  if (start + deleteCount > itemsOf(cell).length)
    throw new StateRefusal("state-fixed", pathOf(cell, scope.journal.root), "an array that changes while an index into it is read");
  const leaving = heldBy(cell, itemsOf(cell).slice(start, start + deleteCount));
  const admission = admit(
    scope,
    cell,
    items.map((item, at) => [start + at, item] as const),
    leaving,
  );
  scope.openChanges += 1;
  applySplice(scope, cell, start, deleteCount, admission.values, admission);
  scope.redo?.push([SPLICE, cell.id, start, deleteCount, admission.values.map((value) => treeOf(value, admission.firstId))]);
  scope.openChanges -= 1;
}

export function applySplice(
  scope: Scope,
  cell: Cell,
  start: number,
  deleteCount: number,
  values: readonly Value[],
  admission: Omit<Admission, "values">,
): void {
  scope.journal.capture?.beforeWrite(cell);
  const removed = replaceItems(cell, start, deleteCount, values);
  scope.undo?.push(() => {
    replaceItems(cell, start, values.length, removed);
  });
  reparent(scope, cell, heldBy(cell, removed), admission);
}

// The engine passes spread items on the stack: many at once would overflow it.
const SPREAD_MAX = 1_000;

function replaceItems(cell: Cell, start: number, deleteCount: number, values: readonly Value[]): Value[] {
  const items = itemsOf(cell);
  if (values.length <= SPREAD_MAX) return items.splice(start, deleteCount, ...values);
  const removed = items.slice(start, start + deleteCount);
  cell.data = items.slice(0, start).concat(values, items.slice(start + deleteCount));
  return removed;
}

/** Reorders an array: item `order[i]` comes to place i. */
export function permute(scope: Scope, cell: Cell, order: readonly number[]): void {
  assertWritable(scope);
  scope.openChanges += 1;
  applyPermute(scope, cell, order);
  scope.redo?.push([PERMUTE, cell.id, order]);
  scope.openChanges -= 1;
}

export function applyPermute(scope: Scope, cell: Cell, order: readonly number[]): void {
  scope.journal.capture?.beforeWrite(cell);
  const before = itemsOf(cell);
  cell.data = order.map((at) => before[at] as Cell | Leaf);
  scope.undo?.push(() => {
    cell.data = before;
  });
}
