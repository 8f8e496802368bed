/** Through all worlds of a scope, by steps or by disturbances: the first violation found has a path with the fewest. */
import { mark } from "./marks.js";
import { opening } from "./opening.js";
import type { Scope } from "./scope.js";
import { createSequenceTable, intern, sequenceAt, type SequenceTable, tableBytes } from "./sequence-table.js";
import { successors } from "./successors.js";
import { createSpace, rowOf, type Space, worldOf } from "./world.js";

export interface Report {
  readonly scope: Scope;
  /** Distinct worlds. */
  readonly states: number;
  readonly steps: number;
  /** All worlds that so many steps (or disturbances) lead to were looked at. */
  readonly depth: number;
  /** Whether every world within the scope was looked at. */
  readonly complete: boolean;
  readonly violation: { readonly text: string; readonly path: readonly string[] } | null;
  /** Distinct states of replicas, and sets of messages. */
  readonly hosts: number;
  readonly nets: number;
  readonly memoryBytes: number;
  readonly marks: Readonly<Record<string, number>>;
}

export type Progress = (states: number, done: number, depth: number) => void;

interface Found {
  readonly world: number;
  readonly text: string;
}

const LEVEL_NONE = 255;

/** What the search knows of the worlds, by number. */
interface Search {
  readonly space: Space;
  readonly worlds: SequenceTable;
  parents: Int32Array;
  /** The least number of steps (or disturbances) that leads there, as far as is known. */
  levels: Uint8Array;
  done: Uint8Array;
  /** To be looked at in this level, and in the next. */
  now: number[];
  next: number[];
  level: number;
  doneCount: number;
  steps: number;
  readonly marks: Record<string, number>;
  found: Found | null;
}

function createSearch(scope: Scope): Search {
  const size = 1 << 12;
  return {
    space: createSpace(scope),
    worlds: createSequenceTable(),
    parents: new Int32Array(size),
    levels: new Uint8Array(size).fill(LEVEL_NONE),
    done: new Uint8Array(size),
    now: [],
    next: [],
    level: 0,
    doneCount: 0,
    steps: 0,
    marks: {},
    found: null,
  };
}

function grow(search: Search): void {
  const { parents, levels, done } = search;
  search.parents = new Int32Array(parents.length * 2);
  search.parents.set(parents);
  search.levels = new Uint8Array(levels.length * 2).fill(LEVEL_NONE);
  search.levels.set(levels);
  search.done = new Uint8Array(done.length * 2);
  search.done.set(done);
}

function reach(search: Search, number: number, parent: number, level: number): void {
  while (number >= search.levels.length) grow(search);
  if (level >= (search.levels[number] ?? LEVEL_NONE)) return;
  search.levels[number] = level;
  search.parents[number] = parent;
  (level === search.level ? search.now : search.next).push(number);
}

function look(search: Search, at: number): void {
  const { space, worlds } = search;
  const isByDisturbance = space.scope.search === "disturbances";
  const world = worldOf(space, sequenceAt(worlds, at));
  mark(space, world, search.marks);
  let isOrdinaryTaken = !isByDisturbance;
  successors(space, world, false, (next, _, violation, isDue) => {
    search.steps++;
    if (violation !== null) search.found ??= { world: at, text: violation };
    if (search.found !== null) return;
    const number = intern(worlds, rowOf(space, next));
    if (number === at) return;
    const isOrdinary = isDue && !isOrdinaryTaken;
    if (isOrdinary) isOrdinaryTaken = true;
    reach(search, number, at, search.level + (isOrdinary ? 0 : 1));
  });
}

/** `progress` is told now and then; returns at the first violation, at the end, or at the scope's bound. */
export function explore(scope: Scope, progress: Progress = () => {}): Report {
  const search = createSearch(scope);
  const { space, worlds } = search;
  reach(search, intern(worlds, rowOf(space, opening(space))), 0, 0);
  while (search.found === null && worlds.count < scope.statesMax) {
    const at = search.now.pop();
    if (at === undefined) {
      if (search.next.length === 0) break;
      search.now = search.next.reverse();
      search.next = [];
      search.level++;
    } else if (search.done[at] === 0) {
      search.done[at] = 1;
      if (search.doneCount++ % 1_000 === 0) progress(worlds.count, search.doneCount, search.level);
      look(search, at);
    }
  }
  return reportOf(search);
}

function reportOf(search: Search): Report {
  const { space, worlds, found, steps, level, marks } = search;
  const memoryBytes = tableBytes(worlds) + tableBytes(space.nets) + search.parents.byteLength + 2 * search.levels.byteLength;
  const complete = found === null && search.now.length + search.next.length === 0;
  return {
    scope: space.scope,
    states: worlds.count,
    steps,
    depth: complete ? level : level - 1,
    complete,
    violation: found === null ? null : { text: found.text, path: pathTo(search, found) },
    hosts: space.catalog.hosts.length,
    nets: space.nets.count,
    memoryBytes,
    marks,
  };
}

/** The steps from the beginning to the violation, in words: each is found again among what may follow the one before. */
function pathTo({ space, worlds, parents }: Search, found: Found): string[] {
  const numbers: number[] = [];
  for (let number = found.world; ; number = parents[number] ?? 0) {
    numbers.unshift(number);
    if (number === 0) break;
  }
  const lines: string[] = [];
  for (const [i, number] of numbers.entries()) {
    const world = worldOf(space, sequenceAt(worlds, number));
    const wanted = numbers[i + 1];
    let line: string | null = null;
    successors(space, world, true, (next, text, violation) => {
      const isIt = wanted === undefined ? violation === found.text : violation === null && intern(worlds, rowOf(space, next)) === wanted;
      if (isIt) line ??= text;
    });
    lines.push(line ?? "?");
  }
  return lines;
}
