/** Breadth first through all worlds of a scope: the first violation found has a shortest path. */
import { factsAt } from "./catalog.js";
import { replicaOf } from "./life.js";
import { opening } from "./opening.js";
import { activeView } from "./rm-script.js";
import type { Scope } from "./scope.js";
import { createSequenceTable, intern, sequenceAt, type SequenceTable, tableBytes } from "./sequence-table.js";
import { successors } from "./successors.js";
import { createSpace, rowOf, type Space, type World, worldOf } from "./world.js";

export interface Report {
  readonly scope: Scope;
  /** Distinct worlds. */
  readonly states: number;
  readonly steps: number;
  /** The longest of all shortest paths, as far as it was followed to its end. */
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

/** `progress` is told now and then; returns at the first violation, at the end, or at the scope's bound. */
export function explore(scope: Scope, progress: Progress = () => {}): Report {
  const space = createSpace(scope);
  const worlds = createSequenceTable();
  let parents = new Int32Array(1 << 12);
  const start = opening(space);
  intern(worlds, rowOf(space, start));
  const marks: Record<string, number> = {};
  let found: Found | null = null;
  let steps = 0;
  let depth = 0;
  let levelEnd = 1;
  let at = 0;
  for (; at < worlds.count && found === null && worlds.count < scope.statesMax; at++) {
    if (at === levelEnd) {
      depth++;
      levelEnd = worlds.count;
    }
    if (at % 20_000 === 0) progress(worlds.count, at, depth);
    const world = worldOf(space, sequenceAt(worlds, at));
    mark(space, world, marks);
    successors(space, world, false, (next, _, violation) => {
      steps++;
      if (violation !== null) found ??= { world: at, text: violation };
      if (found !== null) return;
      const before = worlds.count;
      const number = intern(worlds, rowOf(space, next));
      if (number < before) return;
      if (number >= parents.length) parents = doubled(parents);
      parents[number] = at;
    });
  }
  const violation = violationOf(space, worlds, parents, found);
  const memoryBytes = tableBytes(worlds) + tableBytes(space.nets) + parents.byteLength;
  const { hosts } = space.catalog;
  const complete = found === null && at === worlds.count;
  return {
    scope,
    states: worlds.count,
    steps,
    depth,
    complete,
    violation,
    hosts: hosts.length,
    nets: space.nets.count,
    memoryBytes,
    marks,
  };
}

/** Found within a callback: the compiler does not see that it may be there. */
function violationOf(space: Space, worlds: SequenceTable, parents: Int32Array, found: Found | null): Report["violation"] {
  return found === null ? null : { text: found.text, path: pathTo(space, worlds, parents, found) };
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** What was seen, so that a scope which never gets to the point shows. */
function mark(space: Space, world: World, marks: Record<string, number>): void {
  const { answers, seen, read } = world.ledger;
  const note = (name: string, isSeen: boolean): void => {
    if (isSeen) marks[name] = (marks[name] ?? 0) + 1;
  };
  note(
    "all requests answered",
    answers.every((answer) => answer !== ""),
  );
  note("a read has shown words", seen !== "");
  note("a read is open", read !== null);
  note("a read was answered", read === null && world.budget.reads < space.scope.reads);
  note("second view active", world.store.chain.length >= 2);
  note("third view active", world.store.chain.length >= 3);
  const members = activeView(world.store.content)?.members ?? [];
  const spares = world.hosts.slice(space.scope.members);
  note(
    "a spare is a member",
    members.some((member) => replicaOf(member.replica) > space.scope.members),
  );
  note(
    "a snapshot was installed",
    spares.some((host) => factsAt(space.catalog, host).baseIndex > 0),
  );
  note(
    "an RM was superseded",
    world.rms.some((rm) => rm.phase === "ended"),
  );
  note("all deaths died", world.budget.restarts + world.budget.wipes === 0 && space.scope.restarts + space.scope.wipes > 0);
}

/** The steps from the beginning to the violation, in words: each is found again among what may follow the one before. */
function pathTo(space: Space, worlds: SequenceTable, parents: Int32Array, found: Found): string[] {
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
