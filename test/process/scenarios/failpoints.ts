import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Installation, rolesOf, untilLaterView } from "../harness/installation.js";
import { kill, type KnownProcess, processNamed, type Struck } from "../harness/process-table.js";
import { type Scenario, SHORT_LOG } from "../harness/scenario.js";
import { until } from "../harness/wait.js";
import { isAlive } from "../../../src/runtime/process-info.js";

/** Steps that every member takes, and steps of the one that is to lead. */
const MEMBER_STEPS = ["seal-received", "seal-persisted", "sealed-answered"] as const;
const LEADER_STEPS = ["start-appended", "start-on-quorum", "activated"] as const;

/** When the RM dies after the leader. */
const DELAYS_MS = [0, 2, 4, 8, 16];
const IN_TESTS_MS: readonly number[] = [2, 8];

export const failpointScenarios: readonly Scenario[] = [
  ...MEMBER_STEPS.map(
    (step): Scenario => ({
      name: `die-at-${step}`,
      what: `a follower dies at "${step}" of the view change that follows the leader's death`,
      settings: SHORT_LOG,
      async run({ at, struck }) {
        const { leader, followers, epoch } = await rolesOf(at);
        const armed = arm(at, followers[0], step);
        struck(await kill(at.dir, leader));
        struck(await untilFired(at, [armed]));
        await untilLaterView(at, epoch, 20_000);
      },
    }),
  ),
  ...LEADER_STEPS.map(
    (step): Scenario => ({
      name: `die-at-${step}`,
      what: `the one that is to lead dies at "${step}"`,
      settings: SHORT_LOG,
      async run({ at, struck }) {
        const { leader, followers, epoch } = await rolesOf(at);
        const armed = followers.map((follower) => arm(at, follower, step));
        struck(await kill(at.dir, leader));
        struck(await untilFired(at, armed));
        for (const follower of followers) disarm(at, follower);
        await untilLaterView(at, epoch, 20_000);
      },
    }),
  ),
  {
    name: "rm-dies-at-view-written",
    what: "the RM dies when it has written the new view and has told nobody",
    settings: SHORT_LOG,
    async run({ at, struck }) {
      const { leader, epoch } = await rolesOf(at);
      const armed = arm(at, "rm", "view-written");
      struck(await kill(at.dir, leader));
      struck(await untilFired(at, [armed]));
      await untilLaterView(at, epoch, 20_000);
    },
  },
  ...[...MEMBER_STEPS, ...LEADER_STEPS].map(
    (step): Scenario => ({
      name: `rm-and-replica-die-at-${step}`,
      what: `the RM dies in the moment in which a replica dies at "${step}"`,
      settings: SHORT_LOG,
      async run({ at, struck }) {
        const { leader, followers, epoch } = await rolesOf(at);
        const armed = followers.map((follower) => arm(at, follower, step));
        struck(await kill(at.dir, leader));
        struck(await untilFired(at, armed));
        struck(await kill(at.dir, "rm"));
        for (const follower of followers) disarm(at, follower);
        await untilLaterView(at, epoch, 20_000);
      },
    }),
  ),
  ...DELAYS_MS.map(
    (delayMs): Scenario => ({
      name: `rm-dies-${delayMs}-ms-after-leader`,
      what: `the RM dies ${delayMs} ms after the leader, somewhere in the view change`,
      settings: SHORT_LOG,
      ...(IN_TESTS_MS.includes(delayMs) ? {} : { leftOut: "one of a series of moments, of which two are enough for each run" }),
      async run({ at, struck }) {
        const { leader, epoch } = await rolesOf(at);
        const leaderProcess = processNamed(at.dir, leader);
        const rm = processNamed(at.dir, "rm");
        if (leaderProcess === null || rm === null) throw new Error("both have to run");
        const atMs = performance.now();
        process.kill(leaderProcess.pid, "SIGKILL");
        // Not left to a timer: it may come many milliseconds late.
        while (performance.now() - atMs < delayMs);
        process.kill(rm.pid, "SIGKILL");
        struck({ ...(await untilDead(leaderProcess)), atMs }, { ...(await untilDead(rm)), atMs });
        await untilLaterView(at, epoch, 20_000);
      },
    }),
  ),
];

interface Armed extends KnownProcess {
  readonly path: string;
}

function failpointOf(at: Installation, name: string): string {
  return name === "rm" ? join(at.dir, "rm", "failpoint") : join(at.dir, "replicas", name, "failpoint");
}

function arm(at: Installation, name: string, step: string): Armed {
  const target = processNamed(at.dir, name);
  if (target === null) throw new Error(`${name} does not run`);
  const path = failpointOf(at, name);
  writeFileSync(path, step);
  return { ...target, path };
}

function disarm(at: Installation, name: string): void {
  rmSync(failpointOf(at, name), { force: true });
}

/** One of them has removed its file, and the kernel says that it is dead. */
function untilFired(at: Installation, armed: readonly Armed[]): Promise<Struck> {
  return until(`the failpoint strikes one of ${armed.map(({ name }) => name).join(", ")}`, 10_000, async () => {
    const fired = armed.find(({ path, pid, startTime }) => !existsSync(path) && !isAlive(pid, startTime));
    return fired === undefined ? { seen: `still armed in ${at.dir}` } : { found: { ...fired, atMs: performance.now() } };
  });
}

function untilDead(target: KnownProcess): Promise<KnownProcess> {
  return until(`${target.name} is dead`, 5_000, async () =>
    isAlive(target.pid, target.startTime) ? { seen: "it lives" } : { found: target },
  );
}
