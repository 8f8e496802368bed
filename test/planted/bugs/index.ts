import type { PlantedBug } from "../planted-bug.js";
import { CHAIN_BUGS } from "./chain-bugs.js";
import { CORE_BUGS } from "./core-bugs.js";
import { EXPLORED_BUGS } from "./explored-bugs.js";
import { LIFE_BUGS } from "./life-bugs.js";
import { LOG_BUGS } from "./log-bugs.js";
import { REPLICA_BUGS } from "./replica-bugs.js";
import { SESSION_BUGS } from "./session-bugs.js";
import { STORAGE_BUGS } from "./storage-bugs.js";
import { VIEW_BUGS } from "./view-bugs.js";

export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...LIFE_BUGS,
  ...LOG_BUGS,
  ...CHAIN_BUGS,
  ...VIEW_BUGS,
  ...SESSION_BUGS,
  ...STORAGE_BUGS,
  ...CORE_BUGS,
  ...REPLICA_BUGS,
  ...EXPLORED_BUGS,
];
