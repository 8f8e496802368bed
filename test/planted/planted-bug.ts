import type { Scope } from "../../src/explore/scope.js";
import type { Plan } from "../../src/sim/plan.js";

/** A change of the source's own text. `find` stands in the file exactly once, or planting it fails. */
export interface Edit {
  /** Below `src/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The swarm finds it: seeds are run from 1 on. */
export interface SwarmHunt {
  readonly by: "swarm";
  /** Where it was found last: run first, so that a test is quick. It says nothing; `within` does. */
  readonly seed: number;
  /** Found among the seeds from 1 through this. */
  readonly within: number;
  /** What the swarm is to draw more often than it would: only where the bug needs a rare setting. */
  readonly focus?: (plan: Plan) => Plan;
}

/** The explorer finds it in a scope. */
export interface ExplorerHunt {
  readonly by: "explorer";
  /** In place of what the scope `small` has. */
  readonly scope: Partial<Omit<Scope, "statesMax">>;
  /** Found within so many states. */
  readonly within: number;
}

/** A bug that is planted in the cores, the storage, the client or the executor to see that it is found. */
export interface PlantedBug {
  readonly name: string;
  /** The rule of the protocol that it breaks. */
  readonly rule: string;
  readonly edits: readonly Edit[];
  /** What the finder says: the rule that it sees broken. */
  readonly found: RegExp;
  readonly hunt: SwarmHunt | ExplorerHunt;
}

/** The source with the edits of this file in it. */
export function planted(file: string, source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const { find, replace } of edits.filter((edit) => edit.file === file)) {
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`src/${file} holds this ${count} times, and a planted bug wants to change it once:\n${find}`);
    text = text.replace(find, () => replace);
  }
  return text;
}
