import { Cell, type Value } from "./cell.js";
import type { Dict } from "./dict.js";
import { type Leaf, leafOut } from "./leaf.js";
import { StateRefusal } from "./refusal.js";

/** What a running snapshot wants to hear before the state changes under it. */
export interface CaptureHooks {
  beforeWrite(cell: Cell): void;
  beforeEntry(cell: Cell, place: number): void;
  beforePurge(cell: Cell): void;
}

/** The state: a tree of containers under `root`, each in `index` under its id. */
export interface Journal {
  root: Cell;
  readonly index: Map<number, Cell>;
  nextId: number;
  captureCount: number;
  /** Operations that have not ended: while one runs, it may be iterating. */
  openCount: number;
  /** Dictionaries with more holes than entries, to be closed when no operation runs. */
  readonly wasteful: Set<Dict<Value>>;
  capture: CaptureHooks | null;
}

/** An object of the handler's own of which the state took a copy. */
export interface GivenObject {
  readonly copy: Cell | Date | Uint8Array;
  /** The container that the copy came into. */
  readonly holder: Cell | null;
  readonly trail: readonly string[];
  /** What a container held then: items, members, or keys and values in turn. */
  readonly slots?: readonly unknown[];
}

/** The objects that came into the state by one change. */
export interface Given {
  readonly objects: Map<object, GivenObject>;
  readonly pathTo: (trail: readonly string[]) => string;
}

/** The copy of a Date or of bytes that a handler got to read, and the container in which it read them. */
export interface Shown {
  readonly copy: object;
  readonly holder: Cell;
}

/** What one operation or query may touch, from its begin to its end, and the records of what it did. */
export interface Scope {
  readonly journal: Journal;
  readonly writable: boolean;
  /** Why its handles are dead, or null while they live. */
  ended: string | null;
  /** Newest last. Null when nothing will be taken back (updates of a primary). */
  readonly undo: (() => void)[] | null;
  /** Null when nobody replays it (active style). */
  readonly redo: unknown[] | null;
  readonly firstId: number;
  readonly created: Cell[];
  /** Taken out of the state and not put back: unreachable after the operation. */
  readonly detached: Set<Cell>;
  /** Outside the state, and parts of them were put back elsewhere: they cannot come back themselves. */
  readonly stale: Set<Cell>;
  /** Dictionaries in which entries were removed. */
  readonly dicts: Set<Dict<Value>>;
  /** One handle a container, so that `state.a === state.a`. */
  readonly handles: Map<Cell, object>;
  /** What the handler put into the state and may still have in its hands, by change. */
  readonly given: Given[];
  /** Copies of Dates and byte arrays that it has read. */
  readonly shown: Map<object, Shown>;
  shownSize: number;
  /** Changes begun and not recorded: where the stack ran out in the middle of one, it is never 0 again. */
  openChanges: number;
  readonly makeHandle: (scope: Scope, cell: Cell) => object;
}

interface Reference {
  readonly scope: Scope;
  readonly cell: Cell;
}

const references = new WeakMap<object, Reference>();

/** The container behind a handle; undefined for any other object. */
export function referenceOf(object: object): Reference | undefined {
  return references.get(object);
}

/** A value of the state, held by `holder`, as a handler may have it: containers as handles, mutable leaves copied. */
export function present(scope: Scope, value: Value, holder: Cell): unknown {
  if (value instanceof Cell) return handleOf(scope, value);
  return typeof value === "object" && value !== null && scope.writable ? showLeaf(scope, value, holder) : leafOut(value as Leaf);
}

/** Copies are kept for the comparison at the end up to here: an operation may read a gigabyte of bytes. One value of any size is among them. */
const SHOWN_SIZE_MAX = 8 * 1024 * 1024;
const DATE_SIZE = 64;

function showLeaf(scope: Scope, leaf: Date | Uint8Array, holder: Cell): unknown {
  const known = scope.shown.get(leaf);
  if (known !== undefined) return known.copy;
  const copy = leafOut(leaf) as object;
  const size = scope.shownSize + DATE_SIZE + (leaf instanceof Uint8Array ? leaf.length : 0);
  if (size <= SHOWN_SIZE_MAX) {
    scope.shownSize = size;
    scope.shown.set(leaf, { copy, holder });
  }
  return copy;
}

export function handleOf(scope: Scope, cell: Cell): object {
  const known = scope.handles.get(cell);
  if (known !== undefined) return known;
  const handle = scope.makeHandle(scope, cell);
  references.set(handle, { scope, cell });
  scope.handles.set(cell, handle);
  return handle;
}

export function assertAlive(scope: Scope): void {
  if (scope.ended !== null)
    throw new StateRefusal(
      "state-dead-handle",
      "state",
      `this part of the state was handed to an operation that ${scope.ended}; nothing was read or changed. Use the state only until the handler returns`,
    );
}

export function assertWritable(scope: Scope): void {
  assertAlive(scope);
  if (!scope.writable) throw new StateRefusal("state-read-only", "state", "a query cannot change the state; make it an operation");
  assertWhole(scope);
}

/** A change that was cut short is in the state and in no redo record: a handler that catches the error must not end well. */
export function assertWhole({ openChanges }: Scope): void {
  if (openChanges > 0) throw new RangeError("Maximum call stack size exceeded in the middle of a change of the state");
}
