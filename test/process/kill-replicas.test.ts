import { declareFamily } from "./harness/declare.js";
import { killReplicas } from "./scenarios/kill-replicas.js";

declareFamily("replicas killed", killReplicas);
