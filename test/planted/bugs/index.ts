import type { PlantedBug } from "../planted-bug.js";
import { CORE_BUGS } from "./core-bugs.js";
import { EXPLORED_BUGS } from "./explored-bugs.js";
import { REPLICA_BUGS } from "./replica-bugs.js";
import { SWARM_BUGS } from "../swarm-bugs.js";

export const PLANTED_BUGS: readonly PlantedBug[] = [...SWARM_BUGS, ...CORE_BUGS, ...REPLICA_BUGS, ...EXPLORED_BUGS];
