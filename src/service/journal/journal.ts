import { decodeValue, encodeValue } from "../../codec/value.js";
import { InvariantViolation } from "../../vocabulary/assert.js";
import { admitRoot } from "./admit.js";
import { ARRAY, Cell, childrenOf, MAP, OBJECT, SET } from "./cell.js";
import { applyClear, applyPermute, applyPut, applyRemove, applySplice } from "./change.js";
import { arrayHandle } from "./handle-array.js";
import { mapHandle } from "./handle-map.js";
import { objectHandle } from "./handle-object.js";
import { setHandle } from "./handle-set.js";
import type { Key } from "./leaf.js";
import { CLEAR, PERMUTE, PUT, REMOVE, type Reading, SPLICE, valueOfTree } from "./redo-record.js";
import type { Journal, Scope } from "./scope.js";

/** The state as `state()` made it. Refuses a state that cannot be replicated, naming the place. */
export function createJournal(initial: unknown): Journal {
  const journal: Journal = {
    root: new Cell(0, OBJECT, {}),
    index: new Map(),
    nextId: 1,
    captureCount: 0,
    openCount: 0,
    wasteful: new Set(),
    capture: null,
  };
  journal.root = admitRoot(journal, initial);
  return journal;
}

/** Begins an operation (writable) or a query. `redo`: whether its changes are recorded for backups. */
export function beginScope(journal: Journal, options: { readonly writable: boolean; readonly redo: boolean }): Scope {
  if (options.writable) journal.openCount += 1;
  return newScope(journal, options.writable, options.writable ? [] : null, options.redo ? [] : null);
}

function newScope(journal: Journal, writable: boolean, undo: (() => void)[] | null, redo: unknown[] | null): Scope {
  return {
    journal,
    writable,
    ended: null,
    undo,
    redo,
    firstId: journal.nextId,
    created: [],
    detached: new Set(),
    stale: new Set(),
    dicts: new Set(),
    handles: new Map(),
    given: [],
    shown: new Map(),
    shownSize: 0,
    openChanges: 0,
    makeHandle,
  };
}

function makeHandle(scope: Scope, cell: Cell): object {
  switch (cell.kind) {
    case OBJECT:
      return objectHandle(scope, cell);
    case ARRAY:
      return arrayHandle(scope, cell);
    case MAP:
      return mapHandle(scope, cell);
    case SET:
      return setHandle(scope, cell);
  }
}

/** Cuts the handler off from the state: its handles are dead from here on. `ended` completes "an operation that ...". */
export function endScope(scope: Scope, ended: string): void {
  if (scope.writable && scope.ended === null) scope.journal.openCount -= 1;
  scope.ended = ended;
  scope.handles.clear();
  scope.given.length = 0;
  scope.shown.clear();
}

/** What a backup has to do to come to the same state; empty when nothing changed or nothing was recorded. */
export function redoOf(scope: Scope): Uint8Array {
  if (scope.redo === null || scope.redo.length === 0) return new Uint8Array(0);
  return encodeValue([scope.journal.nextId, ...scope.redo]);
}

/** Takes back what the scope did. Newest scope first. */
export function rollBack(scope: Scope): void {
  const { journal, undo } = scope;
  if (undo === null) return;
  for (let at = undo.length - 1; at >= 0; at -= 1) undo[at]?.();
  for (const cell of scope.created) journal.index.delete(cell.id);
  journal.nextId = scope.firstId;
  unpin(scope);
}

/** The scope will not be taken back: drops its records and forgets what it took out of the state. */
export function settle(scope: Scope): void {
  for (const cell of scope.detached) purge(scope.journal, cell);
  unpin(scope);
}

function unpin(scope: Scope): void {
  for (const dict of scope.dicts) {
    dict.pins -= 1;
    if (dict.isWasteful()) scope.journal.wasteful.add(dict);
  }
  compact(scope.journal);
}

/** An asynchronous operation may be in the middle of iterating by place: then it waits for the next time. */
function compact({ openCount, wasteful }: Journal): void {
  if (openCount > 0 || wasteful.size === 0) return;
  for (const dict of wasteful) if (dict.isWasteful()) dict.compact();
  wasteful.clear();
}

function purge(journal: Journal, top: Cell): void {
  const stack = [top];
  for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
    if (!journal.index.delete(cell.id)) continue;
    journal.capture?.beforePurge(cell);
    // What was put back elsewhere has another parent.
    for (const child of childrenOf(cell)) if (child.parent === cell) stack.push(child);
  }
}

/** Does on a backup what the primary's operation did. */
export function applyRedo(journal: Journal, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const decoded = decodeValue(bytes);
  if (!Array.isArray(decoded)) throw new InvariantViolation("journal: a redo record that is no list");
  const scope = newScope(journal, true, null, null);
  const [nextId, ...changes] = decoded as [number, ...(readonly unknown[])[]];
  for (const change of changes) applyChange(scope, change);
  journal.nextId = nextId;
  settle(scope);
}

function applyChange(scope: Scope, change: readonly unknown[]): void {
  const [code, id] = change as [number, number];
  const cell = findCell(scope.journal, id);
  const reading: Reading = { find: (each) => findCell(scope.journal, each), created: [], moves: [] };
  const admission = { firstId: 0, created: reading.created, moves: reading.moves, stale: [] };
  switch (code) {
    case PUT:
      applyPut(scope, cell, change[2] as Key, valueOfTree(change[3], cell, reading), admission);
      return;
    case REMOVE:
      applyRemove(scope, cell, change[2] as Key);
      return;
    case CLEAR:
      applyClear(scope, cell);
      return;
    case SPLICE: {
      const values = (change[4] as unknown[]).map((tree) => valueOfTree(tree, cell, reading));
      applySplice(scope, cell, change[2] as number, change[3] as number, values, admission);
      return;
    }
    case PERMUTE:
      applyPermute(scope, cell, change[2] as number[]);
      return;
    default:
      throw new InvariantViolation(`journal: a redo record with the unknown change ${code}`);
  }
}

function findCell(journal: Journal, id: number): Cell {
  const cell = journal.index.get(id);
  if (cell === undefined) throw new InvariantViolation(`journal: a redo record names container ${id}, which is not there`);
  return cell;
}
