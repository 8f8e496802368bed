import { declareFamily } from "./harness/declare.js";
import { liveChanges } from "./scenarios/live-change.js";

declareFamily("changed while it runs", liveChanges);
