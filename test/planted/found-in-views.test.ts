import { SESSION_BUGS } from "./bugs/session-bugs.js";
import { VIEW_BUGS } from "./bugs/view-bugs.js";
import { declareFound } from "./found.js";

declareFound([...SESSION_BUGS, ...VIEW_BUGS]);
