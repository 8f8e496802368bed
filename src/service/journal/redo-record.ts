import { InvariantViolation } from "../../vocabulary/assert.js";
import {
  ARRAY,
  Cell,
  type CellData,
  emptyData,
  growIntoDict,
  type Kind,
  MAP,
  OBJECT,
  objectKeys,
  ROW_KEYS_MAX,
  SET,
  type Value,
  writeEntry,
} from "./cell.js";
import { Dict, HOLE } from "./dict.js";
import { type Key, type Leaf, leafOut } from "./leaf.js";

/** Codes of the changes in redo records; part of a durable format. */
export const PUT = 0;
export const REMOVE = 1;
export const CLEAR = 2;
export const SPLICE = 3;
export const PERMUTE = 4;

/** A container by its id. Kinds of containers are 0 to 3. */
export const REFERENCE = 4;

/**
 * A value in a record. Leaves are themselves; a container is an array (no leaf is one): `[kind, id, ...content]`, content being keys and
 * values in turn (objects, Maps), items (arrays) or members (Sets); or `[REFERENCE, id]` for one that is there already.
 */
export type Tree = Leaf | readonly unknown[];

/** `firstId`: containers from this id on are new with this record and written out. */
export function treeOf(value: Value, firstId: number): Tree {
  if (!(value instanceof Cell)) return value;
  if (value.id < firstId) return [REFERENCE, value.id];
  const tree: unknown[] = [value.kind, value.id];
  forEachSlot(value, (slot) => tree.push(slot instanceof Cell ? treeOf(slot, firstId) : slot));
  return tree;
}

/** Content of a container as records hold it: keys and values in turn, items, or members. */
export function forEachSlot(cell: Cell, take: (slot: Value) => void): void {
  const { data } = cell;
  if (Array.isArray(data)) {
    for (const item of data) take(item);
  } else if (data instanceof Dict) {
    for (const [place, key] of data.keys.entries()) {
      if (key === HOLE) continue;
      take(key);
      if (data.values !== null) take(data.values[place]);
    }
  } else {
    for (const key of objectKeys(cell)) {
      take(key);
      take(data[key]);
    }
  }
}

/** What reading a tree found besides the value. */
export interface Reading {
  readonly find: (id: number) => Cell;
  readonly created: Cell[];
  readonly moves: { readonly cell: Cell; readonly from: Cell | null; readonly to: Cell | null }[];
}

export function valueOfTree(tree: unknown, parent: Cell | null, reading: Reading): Value {
  if (!Array.isArray(tree)) return leafOut(tree as Leaf);
  const [kind, id] = tree as [number, number];
  if (kind === REFERENCE) {
    const cell = reading.find(id);
    reading.moves.push({ cell, from: cell.parent, to: parent });
    return cell;
  }
  const cell = new Cell(id, checkKind(kind), emptyData(checkKind(kind)));
  cell.parent = parent;
  reading.created.push(cell);
  addSlots(cell, tree, 2, tree.length, (slot) => valueOfTree(slot, cell, reading));
  return cell;
}

export function checkKind(kind: unknown): Kind {
  if (kind === OBJECT || kind === ARRAY || kind === MAP || kind === SET) return kind;
  throw new InvariantViolation(`journal: record with a container of kind ${String(kind)}`);
}

/** Adds the slots `from` (included) to `to` (not) of a record to a container. */
export function addSlots(
  cell: Cell,
  slots: readonly unknown[],
  from: number,
  to: number,
  read: (slot: unknown, place: number) => Value,
): void {
  const data: CellData = cell.data;
  if (Array.isArray(data)) {
    for (let at = from; at < to; at += 1) data.push(read(slots[at], at));
    return;
  }
  const step = cell.kind === SET ? 1 : 2;
  if (cell.kind === OBJECT && (to - from) / 2 > ROW_KEYS_MAX) growIntoDict(cell);
  for (let at = from; at < to; at += step) writeEntry(cell, slots[at] as Key, step === 2 ? read(slots[at + 1], at + 1) : undefined);
}
