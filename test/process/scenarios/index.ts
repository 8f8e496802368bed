import type { Scenario } from "../harness/scenario.js";
import { clientRestart } from "./client-restart.js";
import { diskFaults } from "./disk.js";
import { failpointScenarios } from "./failpoints.js";
import { freezeScenarios } from "./freeze.js";
import { killComponents } from "./kill-components.js";
import { killLeader } from "./kill-leader.js";
import { killReplicas } from "./kill-replicas.js";
import { liveChanges } from "./live-change.js";
import { overload } from "./overload.js";
import { sickServices } from "./sick-service.js";
import { transfers } from "./transfer.js";

/** Every scenario by its name, for runs by hand. */
export const scenarios: readonly Scenario[] = [
  ...killLeader,
  ...killReplicas,
  ...killComponents,
  ...freezeScenarios,
  ...failpointScenarios,
  ...liveChanges,
  ...clientRestart,
  ...sickServices,
  ...overload,
  ...transfers,
  ...diskFaults,
];

export { ALL_STYLES, STYLES } from "../harness/installation.js";
export { createStable, runScenario } from "../harness/scenario.js";
