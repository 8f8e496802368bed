import { declareFamily } from "./harness/declare.js";
import { killComponents } from "./scenarios/kill-components.js";

declareFamily("components killed", killComponents);
