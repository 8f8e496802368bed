import { declareFamily } from "./harness/declare.js";
import { clientRestart } from "./scenarios/client-restart.js";

declareFamily("clients that restart", clientRestart);
