import { declareFamily } from "./harness/declare.js";
import { freezeScenarios } from "./scenarios/freeze.js";

declareFamily("processes stopped", freezeScenarios);
