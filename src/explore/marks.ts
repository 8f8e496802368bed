/** What an exploration has come to: a scope that never gets to the point shows. */
import { factsAt } from "./catalog.js";
import { replicaOf } from "./life.js";
import { objectAt } from "./object-table.js";
import { recall, remember, UNKNOWN } from "./memo.js";
import { activeView } from "./rm-state.js";
import { left, type Space } from "./world.js";

const NAMES = [
  "all requests answered",
  "a read has shown words",
  "a read is open",
  "a read was answered",
  "second view active",
  "third view active",
  "a spare is a member",
  "a snapshot was installed",
  "an RM was superseded",
  "all deaths died",
] as const;

/** How many worlds bear each mark, by its place in `NAMES`. */
export type Marks = number[];

export function createMarks(): Marks {
  return NAMES.map(() => 0);
}

export function marksOf(marks: Marks): Record<string, number> {
  return Object.fromEntries(NAMES.flatMap((name, i) => (marks[i] === 0 ? [] : [[name, marks[i] ?? 0]])));
}

/** Counts the world under each mark that it bears. */
export function mark(space: Space, row: Int32Array, marks: Marks): void {
  const { layout, memos } = space;
  let bits = recall(memos.marks, row[layout.ledger] ?? 0, row[layout.store] ?? 0, row[layout.budget] ?? 0);
  if (bits === UNKNOWN) {
    bits = bitsOf(space, row);
    remember(memos.marks, row[layout.ledger] ?? 0, row[layout.store] ?? 0, row[layout.budget] ?? 0, bits);
  }
  for (let i = 0; bits !== 0; i++, bits >>= 1) if ((bits & 1) === 1) marks[i] = (marks[i] ?? 0) + 1;
  for (let i = layout.rm; i < layout.budget; i++)
    if (objectAt(space.rms, row[i] ?? 0).phase === "ended") add(marks, "an RM was superseded");
  for (let i = space.scope.members; i < layout.net; i++)
    if (factsAt(space.catalog, row[i] ?? 0).baseIndex > 0) add(marks, "a snapshot was installed");
}

function add(marks: Marks, name: (typeof NAMES)[number]): void {
  const i = NAMES.indexOf(name);
  marks[i] = (marks[i] ?? 0) + 1;
}

/** Of what follows from ledger, store and budget. */
function bitsOf(space: Space, row: Int32Array): number {
  const { layout, scope } = space;
  const { answers, seen, read } = objectAt(space.ledgers, row[layout.ledger] ?? 0);
  const { chain, content } = objectAt(space.stores, row[layout.store] ?? 0);
  const budget = row[layout.budget] ?? 0;
  const members = activeView(content)?.members ?? [];
  const isSeen: Partial<Record<(typeof NAMES)[number], boolean>> = {
    "all requests answered": answers.every((answer) => answer !== ""),
    "a read has shown words": seen !== "",
    "a read is open": read !== null,
    "a read was answered": read === null && left(budget, "reads") < scope.reads,
    "second view active": chain.length >= 2,
    "third view active": chain.length >= 3,
    "a spare is a member": members.some((member) => replicaOf(member.replica) > scope.members),
    "all deaths died": left(budget, "restarts") + left(budget, "wipes") === 0 && scope.restarts + scope.wipes > 0,
  };
  return NAMES.reduce((bits, name, i) => bits | (isSeen[name] === true ? 1 << i : 0), 0);
}
