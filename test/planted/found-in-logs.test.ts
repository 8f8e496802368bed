import { CHAIN_BUGS } from "./bugs/chain-bugs.js";
import { LIFE_BUGS } from "./bugs/life-bugs.js";
import { LOG_BUGS } from "./bugs/log-bugs.js";
import { STORAGE_BUGS } from "./bugs/storage-bugs.js";
import { declareFound } from "./found.js";

declareFound([...CHAIN_BUGS, ...LIFE_BUGS, ...LOG_BUGS, ...STORAGE_BUGS]);
