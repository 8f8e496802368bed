import { CORE_BUGS } from "./bugs/core-bugs.js";
import { EXPLORED_BUGS } from "./bugs/explored-bugs.js";
import { REPLICA_BUGS } from "./bugs/replica-bugs.js";
import { declareFound } from "./found.js";

declareFound([...CORE_BUGS, ...REPLICA_BUGS, ...EXPLORED_BUGS]);
