import {
  ARRAY,
  Cell,
  emptyData,
  growIntoDict,
  type Kind,
  keyText,
  MAP,
  OBJECT,
  pathOf,
  ROW_KEYS_MAX,
  SET,
  type Value,
  writeEntry,
} from "./cell.js";
import { admitKey, admitLeaf, checkText, type Key, NOT_A_LEAF } from "./leaf.js";
import { StateRefusal } from "./refusal.js";
import { type Given, type Journal, referenceOf, type Scope } from "./scope.js";

/** Deeper values are refused: the copy, the codec and the digest recurse. */
export const DEPTH_MAX = 128;

/** A container that leaves one place and comes into another within one change. */
interface Move {
  readonly cell: Cell;
  readonly from: Cell | null;
  readonly to: Cell | null;
}

/** A value checked and copied, not yet part of the state: making one changes nothing, so a refusal that a handler catches has no effect. */
export interface Admission {
  readonly values: readonly Value[];
  readonly firstId: number;
  readonly created: readonly Cell[];
  readonly moves: readonly Move[];
  readonly stale: readonly Cell[];
}

interface Work {
  readonly journal: Journal;
  readonly scope: Scope | null;
  readonly target: Cell | null;
  readonly leaving: readonly Cell[];
  readonly created: Cell[];
  readonly moves: Move[];
  readonly moved: Map<Cell, string>;
  readonly stale: Set<Cell>;
  readonly given: Given;
  readonly trail: string[];
  readonly path: () => string;
  readonly pathTo: (steps: readonly string[]) => string;
}

/**
 * Checks values that shall come into `target` and copies them. Containers in `leaving` lose their place by the same change, so they and
 * what is below them may come back in it.
 */
export function admit(scope: Scope, target: Cell, entries: readonly (readonly [Key, unknown])[], leaving: readonly Cell[]): Admission {
  const work = startWork(scope.journal, scope, target, leaving);
  const changesBefore = scope.undo?.length;
  const values = entries.map(([key, value]) => {
    work.trail.push(keyText(target.kind, key));
    const admitted = admitValue(work, value, target);
    work.trail.pop();
    return admitted;
  });
  // A getter of the value is the handler's code: what has been looked up so far may not be so any more.
  if (scope.undo?.length !== changesBefore)
    throw new StateRefusal(
      "state-fixed",
      work.path(),
      "a value that changes the state while it is read (a getter); make it plain data first",
    );
  if (scope.undo !== null && work.given.objects.size > 0) scope.given.push(work.given);
  return { values, firstId: scope.journal.nextId, created: work.created, moves: work.moves, stale: [...work.stale] };
}

/** The whole state as `state()` gave it. */
export function admitRoot(journal: Journal, value: unknown): Cell {
  const work = startWork(journal, null, null, []);
  const root = admitValue(work, value, null);
  if (!(root instanceof Cell)) throw new StateRefusal("state-fixed", "state", "has to be an object, an array, a Map or a Set");
  for (const cell of work.created) journal.index.set(cell.id, cell);
  journal.nextId += work.created.length;
  return root;
}

function startWork(journal: Journal, scope: Scope | null, target: Cell | null, leaving: readonly Cell[]): Work {
  const trail: string[] = [];
  const pathTo = (steps: readonly string[]): string => `${target === null ? "state" : pathOf(target, journal.root)}${steps.join("")}`;
  const path = (): string => pathTo(trail);
  return {
    journal,
    scope,
    target,
    leaving,
    created: [],
    moves: [],
    moved: new Map(),
    stale: new Set(),
    given: { objects: new Map(), pathTo },
    trail,
    path,
    pathTo,
  };
}

function admitValue(work: Work, value: unknown, parent: Cell | null): Value {
  const leaf = admitLeaf(value, work.path);
  const source = value as object;
  if (leaf !== NOT_A_LEAF) {
    if (typeof leaf === "object" && leaf !== null)
      work.given.objects.set(source, { copy: leaf, holder: parent, trail: work.trail.slice() });
    return leaf;
  }
  const reference = referenceOf(source);
  if (reference !== undefined) {
    if (reference.scope !== work.scope)
      throw new StateRefusal(
        "state-dead-handle",
        work.path(),
        "a part of the state that was handed to another operation; copy it, or read it anew",
      );
    return admitHandle(work, reference.cell, parent);
  }
  const before = work.given.objects.get(source);
  if (before !== undefined) throw aliasRefusal(work.path(), work.pathTo(before.trail));
  if (work.trail.length > DEPTH_MAX) throw new StateRefusal("state-too-deep", "state", `a value nested deeper than ${DEPTH_MAX}`);
  return copyContainer(work, source, parent);
}

function aliasRefusal(path: string, before: string): StateRefusal {
  return new StateRefusal(
    "state-alias",
    path,
    `the same object is at ${before} already; the state is a tree: keep it once and its id elsewhere, or copy it and what it holds with {...it}, [...it] or new Map(it)`,
  );
}

/** A handle comes back in: allowed when its container has no place in the state, or loses it by this change. */
function admitHandle(work: Work, cell: Cell, parent: Cell | null): Cell {
  if (work.stale.has(cell) || work.scope?.stale.has(cell))
    throw new StateRefusal(
      "state-alias",
      work.path(),
      "parts of this object were put elsewhere in the state since it was taken out; copy it instead",
    );
  for (let at: Cell | null = work.target; at !== null; at = at.parent)
    if (at === cell) throw new StateRefusal("state-alias", work.path(), "an object cannot be put into itself");
  const passed: Cell[] = [];
  for (let at: Cell | null = cell; at !== null; at = at.parent) {
    const before = work.moved.get(at);
    if (before !== undefined) throw aliasRefusal(work.path(), before);
    if (work.leaving.includes(at)) {
      if (at !== cell) passed.push(at);
      break;
    }
    if (at === work.journal.root) throw aliasRefusal(work.path(), pathOf(cell, work.journal.root));
    if (at !== cell) passed.push(at);
  }
  for (const holder of passed) work.stale.add(holder);
  work.moved.set(cell, work.path());
  work.moves.push({ cell, from: cell.parent, to: parent });
  return cell;
}

function copyContainer(work: Work, source: object, parent: Cell | null): Cell {
  const kind = kindOf(work, source);
  const cell = new Cell(work.journal.nextId + work.created.length, kind, emptyData(kind));
  cell.parent = parent;
  work.created.push(cell);
  const slots: unknown[] = [];
  work.given.objects.set(source, { copy: cell, holder: parent, trail: work.trail.slice(), slots });
  if (Array.isArray(source)) copyItems(work, source, cell, slots);
  else if (source instanceof Map)
    for (const [key, value] of source) {
      slots.push(key, value);
      copyEntry(work, cell, admitKey(key, work.path), value);
    }
  else if (source instanceof Set)
    for (const member of source) {
      slots.push(member);
      writeEntry(cell, admitKey(member, work.path), undefined);
    }
  else copyRow(work, source, cell, slots);
  return cell;
}

function kindOf(work: Work, source: object): Kind {
  const prototype: unknown = Object.getPrototypeOf(source);
  if (Array.isArray(source)) {
    if (prototype === Array.prototype) return ARRAY;
  } else if (prototype === Map.prototype) return MAP;
  else if (prototype === Set.prototype) return SET;
  else if (prototype === Object.prototype || prototype === null) return OBJECT;
  const name = (source as { constructor?: { name?: unknown } }).constructor?.name;
  throw new StateRefusal(
    "state-class-instance",
    work.path(),
    `an instance of ${typeof name === "string" ? name : "a class"} cannot be replicated; keep plain objects, arrays, Maps and Sets`,
  );
}

function copyItems(work: Work, source: readonly unknown[], cell: Cell, slots: unknown[]): void {
  const items: Value[] = [];
  for (let at = 0; at < source.length; at += 1) {
    work.trail.push(`[${at}]`);
    if (!(at in source)) throw new StateRefusal("state-sparse", work.path(), "a hole in an array; fill it with null or undefined");
    const value = source[at];
    slots.push(value);
    items.push(admitValue(work, value, cell));
    work.trail.pop();
  }
  if (Object.keys(source).length !== source.length)
    throw new StateRefusal("state-array-property", work.path(), "an array with named properties; use an object");
  cell.data = items;
}

function copyRow(work: Work, source: object, cell: Cell, slots: unknown[]): void {
  if (Object.getOwnPropertySymbols(source).length > 0)
    throw new StateRefusal("state-symbol", work.path(), "an object with a symbol as key; use a string");
  const keys = Object.keys(source);
  if (keys.length > ROW_KEYS_MAX) growIntoDict(cell);
  for (const key of keys) {
    const value = (source as Record<string, unknown>)[key];
    slots.push(key, value);
    copyEntry(work, cell, admitObjectKey(key, work.path), value);
  }
}

export function admitObjectKey(key: string, path: () => string): string {
  if (key === "__proto__") throw new StateRefusal("state-proto-key", path(), "the key __proto__ is not taken in objects; use a Map");
  return checkText(key, path);
}

function copyEntry(work: Work, cell: Cell, key: Key, value: unknown): void {
  work.trail.push(keyText(cell.kind, key));
  writeEntry(cell, key, admitValue(work, value, cell));
  work.trail.pop();
}
