import { rolesOf, untilLaterView } from "../harness/installation.js";
import { kill } from "../harness/process-table.js";
import { type Scenario, SHORT_LOG } from "../harness/scenario.js";

export const killLeader: readonly Scenario[] = [
  {
    name: "kill-leader",
    what: "the leader is killed",
    settings: SHORT_LOG,
    async run({ at, struck }) {
      const { leader, epoch } = await rolesOf(at);
      struck(await kill(at.dir, leader));
      await untilLaterView(at, epoch);
    },
  },
];
