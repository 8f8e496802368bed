import { InvariantViolation } from "../../vocabulary/assert.js";
import { Dict, HOLE } from "./dict.js";
import type { Key, Leaf } from "./leaf.js";

export const OBJECT = 0;
export const ARRAY = 1;
export const MAP = 2;
export const SET = 3;
export type Kind = typeof OBJECT | typeof ARRAY | typeof MAP | typeof SET;

export type Value = Leaf | Cell;
/** A small object. Large ones are dictionaries. */
export type Row = Record<string, Value>;
export type CellData = Row | Value[] | Dict<Value>;

/** Objects with more keys are kept as a dictionary, so that a removal, its undo and a before-image cost the same at any size. */
export const ROW_KEYS_MAX = 64;

/** One container of the state. Containers are named by id in redo records and snapshots, so that a change costs the same at any depth. */
export class Cell {
  readonly id: number;
  kind: Kind;
  data: CellData;
  /** The container that holds it; null for the root and for what was taken out of the state. */
  parent: Cell | null = null;
  /** Number of the capture that knows of its first write, and of the one that has emitted it. */
  touchedBy = 0;
  emittedBy = 0;

  constructor(id: number, kind: Kind, data: CellData) {
    this.id = id;
    this.kind = kind;
    this.data = data;
  }
}

export function emptyData(kind: Kind): CellData {
  if (kind === OBJECT) return {};
  return kind === ARRAY ? [] : new Dict<Value>(kind === MAP);
}

export function itemsOf(cell: Cell): Value[] {
  if (!Array.isArray(cell.data)) throw new InvariantViolation(`journal: container ${cell.id} is no array`);
  return cell.data;
}

export function dictOf(cell: Cell): Dict<Value> {
  if (!(cell.data instanceof Dict)) throw new InvariantViolation(`journal: container ${cell.id} is no dictionary`);
  return cell.data;
}

function rowOf(cell: Cell): Row {
  if (cell.data instanceof Dict || Array.isArray(cell.data)) throw new InvariantViolation(`journal: container ${cell.id} is no row`);
  return cell.data;
}

export function hasKey(cell: Cell, key: Key): boolean {
  return cell.data instanceof Dict ? cell.data.index.has(key) : Object.hasOwn(cell.data, String(key));
}

export function valueAt(cell: Cell, key: Key): Value {
  if (cell.data instanceof Dict) return cell.data.get(key);
  const row = rowOf(cell);
  return Object.hasOwn(row, String(key)) ? row[String(key)] : undefined;
}

export function sizeOf(cell: Cell): number {
  if (cell.data instanceof Dict) return cell.data.size;
  return Array.isArray(cell.data) ? cell.data.length : Object.keys(cell.data).length;
}

// As in ECMAScript: canonical numeric strings below 2^32 - 1 come first, in rising order.
const INTEGER_KEY = /^(?:0|[1-9]\d{0,9})$/;
const isIntegerKey = (key: string): boolean => INTEGER_KEY.test(key) && Number(key) < 4_294_967_295;

/** Keys of an object in the order in which the language lists them. */
export function objectKeys(cell: Cell): string[] {
  if (!(cell.data instanceof Dict)) return Object.keys(cell.data);
  const integers: string[] = [];
  const others: string[] = [];
  for (const key of cell.data.keys) if (typeof key === "string") (isIntegerKey(key) ? integers : others).push(key);
  if (integers.length === 0) return others;
  return [...integers.sort((a, b) => Number(a) - Number(b)), ...others];
}

/** A row that grows past its bound becomes a dictionary; it stays one. */
export function growIntoDict(cell: Cell): void {
  if (cell.kind !== OBJECT || cell.data instanceof Dict) return;
  const row = rowOf(cell);
  const dict = new Dict<Value>(true);
  for (const key of Object.keys(row)) dict.append(key, row[key]);
  cell.data = dict;
}

/** Adds or replaces an entry of an object, Map or Set, and nothing else: no parents, no records. */
export function writeEntry(cell: Cell, key: Key, value: Value): void {
  if (cell.data instanceof Dict) {
    const place = cell.data.index.get(key);
    if (place === undefined) cell.data.append(key, value);
    else cell.data.replace(place, value);
    return;
  }
  rowOf(cell)[String(key)] = value;
}

/** Rebuilds an object with its keys in this order. */
export function rebuildObject(cell: Cell, order: readonly string[], key: string, value: Value): void {
  const entries = order.map((each) => [each, each === key ? value : valueAt(cell, each)] as const);
  cell.data = cell.data instanceof Dict ? new Dict<Value>(true) : {};
  for (const [each, kept] of entries) writeEntry(cell, each, kept);
}

/** Containers right below this one. */
export function* childrenOf(cell: Cell): Generator<Cell> {
  if (cell.data instanceof Dict) {
    for (const value of cell.data.values ?? []) if (value instanceof Cell) yield value;
    return;
  }
  for (const value of Object.values(cell.data)) if (value instanceof Cell) yield value;
}

export function isInState(cell: Cell, root: Cell): boolean {
  let top = cell;
  while (top.parent !== null) top = top.parent;
  return top === root;
}

/** Whether this very value is in `cell`, which is in the state. Searches: for messages only. */
export function isHeld(cell: Cell, value: Value, root: Cell): boolean {
  const values = cell.data instanceof Dict ? (cell.data.values ?? []) : Object.values(cell.data);
  return values.includes(value) && isInState(cell, root);
}

/** How a person names the place of `child` in `cell`. Searches: for messages only. */
export function stepText(cell: Cell, child: Value): string {
  if (Array.isArray(cell.data)) return `[${cell.data.indexOf(child)}]`;
  if (!(cell.data instanceof Dict)) {
    const row = cell.data;
    return keyText(cell.kind, Object.keys(row).find((key) => row[key] === child) ?? "?");
  }
  const key = cell.data.keys[cell.data.values?.indexOf(child) ?? -1];
  return keyText(cell.kind, key === HOLE ? "?" : key);
}

export function keyText(kind: Kind, key: Key): string {
  if (kind === ARRAY) return `[${String(key)}]`;
  if (kind === MAP || kind === SET) return `.get(${typeof key === "string" ? JSON.stringify(key) : String(key)})`;
  const text = String(key);
  return /^[A-Za-z_$][\w$]*$/.test(text) ? `.${text}` : `[${JSON.stringify(text)}]`;
}

export function pathOf(cell: Cell, root: Cell): string {
  const steps: string[] = [];
  let at = cell;
  while (at.parent !== null) {
    steps.push(stepText(at.parent, at));
    at = at.parent;
  }
  return `${at === root ? "state" : "(taken out of the state)"}${steps.reverse().join("")}`;
}
