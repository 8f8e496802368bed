import { declareFamily } from "./harness/declare.js";
import { failpointScenarios } from "./scenarios/failpoints.js";

declareFamily("death at each step of a view change", failpointScenarios);
