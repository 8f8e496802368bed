import { declareFamily } from "./harness/declare.js";
import { killLeader } from "./scenarios/kill-leader.js";

declareFamily("failover", killLeader);
