import { declareFamily } from "./harness/declare.js";
import { sickServices } from "./scenarios/sick-service.js";

declareFamily("sick services and slow replicas", sickServices);
