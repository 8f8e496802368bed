import type { Edit, PlantedBug } from "./planted-bug.js";
import { CHAIN_BUGS } from "./bugs/chain-bugs.js";
import { LIFE_BUGS } from "./bugs/life-bugs.js";
import { LOG_BUGS } from "./bugs/log-bugs.js";
import { SESSION_BUGS } from "./bugs/session-bugs.js";
import { STORAGE_BUGS } from "./bugs/storage-bugs.js";
import { VIEW_BUGS } from "./bugs/view-bugs.js";

export const SWARM_BUGS: readonly PlantedBug[] = [...LIFE_BUGS, ...LOG_BUGS, ...CHAIN_BUGS, ...VIEW_BUGS, ...SESSION_BUGS, ...STORAGE_BUGS];

/** What is planted for the swarm under this name. */
export function editsOf(name: string): readonly Edit[] {
  const bug = SWARM_BUGS.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`there is no planted bug ${name}`);
  return bug.edits;
}
