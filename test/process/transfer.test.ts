import { declareFamily } from "./harness/declare.js";
import { transfers } from "./scenarios/transfer.js";

declareFamily("state transfer", transfers);
