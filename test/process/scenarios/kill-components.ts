import { rolesOf, statusOf, untilLaterView, untilReplaced } from "../harness/installation.js";
import { kill } from "../harness/process-table.js";
import { type Scenario, STEADY, type Trial } from "../harness/scenario.js";
import { untilTrue } from "../harness/wait.js";

const COMPONENTS = ["lfd", "gfd", "rm", "gateway"] as const;

export const killComponents: readonly Scenario[] = [
  ...COMPONENTS.map(
    (component): Scenario => ({
      name: `kill-${component}`,
      what: `the ${component} is killed; no view changes, and it comes back`,
      settings: STEADY,
      run: (trial) => killComponent(trial, component),
    }),
  ),
  ...COMPONENTS.map(
    (component): Scenario => ({
      name: `kill-${component}-then-leader`,
      what: `the leader dies while the ${component} is down`,
      settings: STEADY,
      async run({ at, struck }) {
        const { leader, epoch } = await rolesOf(at);
        const down = await kill(at.dir, component);
        struck(down, await kill(at.dir, leader));
        await untilReplaced(at, component, down.pid);
        await untilLaterView(at, epoch, 20_000);
      },
    }),
  ),
];

async function killComponent({ at, struck, load }: Trial, component: (typeof COMPONENTS)[number]): Promise<void> {
  const { epoch } = await rolesOf(at);
  const down = await kill(at.dir, component);
  struck(down);
  await untilReplaced(at, component, down.pid);
  await load.untilProgress(5);
  const gapMs = load.longestGapMs(down.atMs, performance.now());
  await untilTrue(`the status shows the ${component} that runs now`, 10_000, async () => {
    const status = await statusOf(at);
    return status?.components.some((each) => each.component === component && each.pid !== down.pid && each.pid > 0) === true;
  });
  const after = await rolesOf(at);
  if (after.epoch !== epoch) throw new Error(`the view changed from ${epoch} to ${after.epoch}, though only the ${component} was killed`);
  // Clients talk to the servers: a pause as of a failover would say that something else than a quorum is on their way.
  if (gapMs > 1_000) throw new Error(`clients waited ${gapMs} ms, though only the ${component} was killed`);
}
