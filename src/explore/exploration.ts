/** Through all worlds of a scope, by steps or by disturbances: the first violation found has a path with the fewest. */
import { InvariantViolation } from "../vocabulary/assert.js";
import { createMarks, mark, type Marks, marksOf } from "./marks.js";
import { opening } from "./opening.js";
import { createRowStack, popRow, pushRow, type RowStack, rowStackBytes } from "./row-stack.js";
import type { Scope } from "./scope.js";
import { tableBytes } from "./sequence-table.js";
import { createStateTable, markOf, parentOf, reached, setMark, setParent, type StateTable, stateTableBytes } from "./state-table.js";
import { successors, type Visit } from "./successors.js";
import { orbitSize, representative } from "./twins.js";
import { createSpace, isSameRow, type Space } from "./world.js";

export interface Report {
  readonly scope: Scope;
  /** Distinct worlds that were reached, of those that are the same but for names one. */
  readonly states: number;
  /** So many worlds they stand for (`twins.ts`). */
  readonly worlds: number;
  readonly steps: number;
  /** All worlds that so many steps (or disturbances) lead to were looked at. */
  readonly depth: number;
  /** The scope's own bound of steps, or of disturbances, was come to: more worlds lie beyond it. */
  readonly isDeeper: boolean;
  /** Whether every world within the scope was looked at. */
  readonly complete: boolean;
  readonly violation: { readonly text: string; readonly path: readonly string[] } | null;
  /** Distinct states of replicas and of Replication Managers, and sets of messages. */
  readonly hosts: number;
  readonly rms: number;
  readonly nets: number;
  /** Of the states that were reached and those that wait; what is remembered of replicas comes on top. */
  readonly memoryBytes: number;
  readonly marks: Readonly<Record<string, number>>;
}

/** Is told now and then how far the search is; true ends it. */
export type Progress = (states: number, done: number, depth: number) => boolean;

interface Found {
  /** Null: it goes wrong before the first view has come about. */
  readonly world: number | null;
  readonly text: string;
}

/** What the search knows of the worlds. The mark of each: 1 + the least number of steps (or disturbances) known to lead there; `DONE` once looked at. */
interface Search {
  readonly space: Space;
  readonly worlds: StateTable;
  readonly root: Int32Array;
  /** To be looked at in this level, and in the next. */
  now: RowStack;
  next: RowStack;
  level: number;
  isDeeper: boolean;
  worldCount: number;
  /** For the world that stands for the one that is reached. */
  readonly standing: Int32Array;
  doneCount: number;
  steps: number;
  readonly marks: Marks;
  found: Found | null;
}

/** Above all that the search counts (`DEPTH_MAX`). */
const DONE = 255;

/** The world in which the search begins; or what goes wrong before. */
function begin(space: Space): Int32Array | string {
  try {
    return opening(space);
  } catch (error) {
    if (!(error instanceof InvariantViolation)) throw error;
    return error.message;
  }
}

function createSearch(scope: Scope): Search {
  const space = createSpace(scope);
  const { width } = space.layout;
  const begun = begin(space);
  const isBegun = typeof begun !== "string";
  const root = isBegun ? begun : new Int32Array(width);
  return {
    space,
    worlds: createStateTable(),
    root,
    now: createRowStack(width),
    next: createRowStack(width),
    level: 0,
    isDeeper: false,
    worldCount: 0,
    standing: new Int32Array(width),
    doneCount: 0,
    steps: 0,
    marks: createMarks(),
    found: isBegun ? null : { world: null, text: begun },
  };
}

/** `isOrdinary`: the level stays. */
function reach(search: Search, row: Int32Array, parent: number, isOrdinary: boolean): void {
  const { space, worlds, level, standing } = search;
  const mark = 1 + level + (isOrdinary ? 0 : 1);
  if (mark > 1 + space.scope.depthMax) {
    search.isDeeper = true;
    return;
  }
  const count = worlds.count;
  representative(space, row, standing);
  const number = reached(worlds, standing, parent);
  if (number === count) search.worldCount += orbitSize(space, standing);
  else {
    if (markOf(worlds, number) <= mark || markOf(worlds, number) === DONE) return;
    setParent(worlds, number, parent);
  }
  setMark(worlds, number, mark);
  pushRow(isOrdinary ? search.now : search.next, number, standing);
}

function look(search: Search, at: number, row: Int32Array): void {
  const { space } = search;
  const { scope } = space;
  mark(space, row, search.marks);
  const isByDisturbances = scope.search === "disturbances";
  // All but the ordinary step leads beyond the scope's bound.
  const onlyOrdinary = isByDisturbances && search.level >= scope.depthMax;
  if (onlyOrdinary) search.isDeeper = true;
  let isOrdinaryTaken = !isByDisturbances;
  const visit: Visit = (next, _, violation, isDue) => {
    const isOrdinary = isDue && !isOrdinaryTaken && !isSameRow(next, row);
    if (onlyOrdinary && !isOrdinary && violation === null) return false;
    search.steps++;
    if (violation !== null) search.found ??= { world: at, text: violation };
    if (search.found !== null) return true;
    if (isSameRow(next, row)) return false;
    if (isOrdinary) isOrdinaryTaken = true;
    reach(search, next, at, isOrdinary);
    return onlyOrdinary;
  };
  successors(space, row, false, visit, onlyOrdinary);
}

const PROGRESS_EACH = 1_024;

/** Returns at the first violation, at the end, at the scope's bound, or when `progress` says so. */
export function explore(scope: Scope, progress: Progress = () => false): Report {
  const search = createSearch(scope);
  const { worlds, space } = search;
  if (search.found === null) reach(search, search.root, 0, true);
  const row = new Int32Array(space.layout.width);
  while (search.found === null && worlds.count < scope.statesMax) {
    const at = popRow(search.now, row);
    if (at < 0) {
      if (search.next.count === 0) break;
      const { now } = search;
      search.now = search.next;
      search.next = now;
      search.level++;
    } else if (markOf(worlds, at) !== DONE) {
      setMark(worlds, at, DONE);
      if (search.doneCount++ % PROGRESS_EACH === 0 && progress(worlds.count, search.doneCount, search.level)) break;
      look(search, at, row);
    }
  }
  return reportOf(search);
}

function reportOf(search: Search): Report {
  const { space, worlds, found, steps, level, marks } = search;
  const complete = found === null && search.now.count + search.next.count === 0;
  return {
    scope: space.scope,
    states: worlds.count,
    worlds: search.worldCount,
    steps,
    depth: complete ? level : level - 1,
    isDeeper: search.isDeeper,
    complete,
    violation: found === null ? null : pathTo(search, found),
    hosts: space.catalog.hosts.length,
    rms: space.rms.objects.length,
    nets: space.nets.count,
    memoryBytes: stateTableBytes(worlds) + rowStackBytes(search.now) + rowStackBytes(search.next) + tableBytes(space.nets),
    marks: marksOf(marks),
  };
}

/**
 * The steps from the beginning to the violation, in words: each is found again among what may follow the one before. The worlds on the path bear
 * their own names, not those of what stands for them.
 */
function pathTo({ space, worlds, root, standing }: Search, found: Found): NonNullable<Report["violation"]> {
  const { world } = found;
  if (world === null) return { text: found.text, path: ["the first view comes about"] };
  const numbers: number[] = [];
  for (let number = world; ; number = parentOf(worlds, number)) {
    numbers.unshift(number);
    if (number === 0) break;
  }
  const path: string[] = [];
  let said = found.text;
  let row = root;
  const isWanted = (next: Int32Array, wanted: number): boolean => {
    representative(space, next, standing);
    return reached(worlds, standing, 0) === wanted;
  };
  for (const wanted of [...numbers.slice(1), null]) {
    let line: string | null = null;
    let following = row;
    successors(space, row, true, (next, text, violation) => {
      const isIt = wanted === null ? violation !== null && isSameRule(violation, found.text) : violation === null && isWanted(next, wanted);
      if (!isIt) return false;
      line = text;
      said = violation ?? said;
      following = next.slice();
      return true;
    });
    path.push(line ?? "?");
    row = following;
  }
  return { text: said, path };
}

function isSameRule(a: string, b: string): boolean {
  return a.split(/[: ]/)[0] === b.split(/[: ]/)[0];
}
