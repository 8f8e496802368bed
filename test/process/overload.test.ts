import { declareFamily } from "./harness/declare.js";
import { overload } from "./scenarios/overload.js";

declareFamily("overload", overload);
