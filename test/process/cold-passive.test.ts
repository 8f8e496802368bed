import { declareFamily } from "./harness/declare.js";
import { scenarios } from "./scenarios/index.js";

/** What is different where backups hold no state; all the others: `npm run test:faults -- --style cold-passive`. */
const CHOSEN = ["kill-leader", "kill-everything", "change-style", "poison-crash"];

declareFamily(
  "backups without state",
  scenarios.filter(({ name }) => CHOSEN.includes(name)),
  ["cold-passive"],
);
