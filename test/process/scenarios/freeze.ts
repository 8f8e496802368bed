import { rolesOf, untilLaterView, untilReplaced, untilWhole } from "../harness/installation.js";
import { freeze, processNamed, type Struck, thaw, thawIfThere } from "../harness/process-table.js";
import { type Scenario, STEADY, type Trial } from "../harness/scenario.js";
import { pause, untilTrue } from "../harness/wait.js";
import { watchServer } from "../harness/witness.js";

/** Less than two thirds of the time-out of a steady installation, after which a stopped process is suspected; with room for a busy machine. */
const BRIEF_MS = 250;
const BRIEF_MS_MAX = 600;
/** Longer than the time-out of the GFD, shorter than `up` lets a component be silent. */
const COMPONENT_MS = 1_000;
/** Longer than that. */
const COMPONENT_KILLED_MS = 2_000;

export const freezeScenarios: readonly Scenario[] = [
  {
    name: "freeze-leader-briefly",
    what: "the leader is stopped for less than the time-out: nothing happens",
    settings: STEADY,
    run: (trial) => freezeBriefly(trial, "leader"),
  },
  {
    name: "freeze-follower-briefly",
    what: "a follower is stopped for less than the time-out: nothing happens",
    settings: STEADY,
    run: (trial) => freezeBriefly(trial, "follower"),
  },
  {
    name: "freeze-leader",
    what: "the leader is stopped for longer than the time-out: another leads, and the stopped process is ended and replaced",
    async run({ at, struck }) {
      const { leader, epoch } = await rolesOf(at);
      const stopped = await freeze(at.dir, leader);
      struck(stopped);
      await untilLaterView(at, epoch);
      await untilReplaced(at, leader, stopped.pid);
    },
  },
  {
    name: "freeze-follower",
    what: "a follower is stopped for longer than the time-out, and continued",
    async run({ at, struck }) {
      const { followers, epoch } = await rolesOf(at);
      const stopped = await freeze(at.dir, followers[0]);
      struck(stopped);
      await untilLaterView(at, epoch);
      thawIfThere(stopped);
    },
  },
  {
    name: "freeze-leader-and-lfd",
    what: "the leader and the LFD are stopped, so that nothing can end the leader: continued after the failover, the same process comes back as a follower",
    settings: STEADY,
    async run({ at, struck, load }) {
      const { leader, epoch } = await rolesOf(at);
      const oldEpoch = (await untilWhole(at)).epoch;
      const witness = await watchServer(at, leader);
      const lfd = await freeze(at.dir, "lfd");
      const stopped = await freeze(at.dir, leader);
      witness.ask();
      struck(lfd, stopped);
      try {
        await untilLaterView(at, epoch);
        await load.untilProgress(3);
      } finally {
        // Before the group's status is looked at again: what it does in these milliseconds is what matters.
        thaw(stopped);
        thawIfThere(lfd);
      }
      await witness.untilNoOldAnswer(oldEpoch);
      witness.close();
      const group = await untilWhole(at);
      const back = group.members.find(({ replica }) => replica === leader);
      if (back?.pid !== stopped.pid) throw new Error(`${leader} was process ${stopped.pid} and is ${back?.pid} now`);
      if (back.role !== "follower") throw new Error(`${leader} is ${back.role} after it was continued`);
    },
  },
  ...(["lfd", "gfd", "rm"] as const).map(
    (component): Scenario => ({
      name: `freeze-${component}`,
      what: `the ${component} is stopped for a second and continued: no view changes`,
      settings: STEADY,
      async run({ at, struck, load }) {
        const { epoch } = await rolesOf(at);
        const stopped = await freeze(at.dir, component);
        struck(stopped);
        await pause(COMPONENT_MS);
        thaw(stopped);
        await load.untilProgress(5);
        const after = await rolesOf(at);
        if (after.epoch !== epoch)
          throw new Error(`the view changed from ${epoch} to ${after.epoch}, though only the ${component} was stopped`);
        if (processNamed(at.dir, component)?.pid !== stopped.pid) throw new Error(`the ${component} was replaced`);
      },
    }),
  ),
  {
    name: "freeze-rm-for-long",
    what: "the RM stays stopped: it is ended and replaced, and then the leader's death is dealt with",
    async run({ at, struck }) {
      const { leader, epoch } = await rolesOf(at);
      const stopped = await freeze(at.dir, "rm");
      struck(stopped);
      await untilReplaced(at, "rm", stopped.pid, COMPONENT_KILLED_MS + 5_000);
      const struckLeader = await freeze(at.dir, leader);
      struck(struckLeader);
      await untilLaterView(at, epoch, 15_000);
    },
  },
  {
    name: "freeze-two-in-memory",
    what: "two servers are suspected falsely at once and nothing is on disk: nothing that is still needed is killed",
    settings: { durability: "memory" },
    async run({ at, struck, load }) {
      const { leader, followers } = await rolesOf(at);
      const stopped: Struck[] = [];
      for (const name of [leader, followers[0]]) stopped.push(await freeze(at.dir, name));
      struck(...stopped);
      await pause(2_000);
      for (const target of stopped) thaw(target);
      await load.untilProgress(5);
      const group = await untilWhole(at);
      for (const { name, pid } of stopped) {
        const now = group.members.find(({ replica }) => replica === name)?.pid;
        if (now !== pid) throw new Error(`${name} was process ${pid} and is ${now} now`);
      }
    },
  },
];

/** Tries again where the machine itself made the stop a long one: what was not meant proves nothing. */
async function freezeBriefly({ at, struck, load }: Trial, role: "leader" | "follower"): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const { leader, followers, epoch } = await rolesOf(at);
    const stopped = await freeze(at.dir, role === "leader" ? leader : followers[0]);
    await pause(BRIEF_MS);
    thaw(stopped);
    if (performance.now() - stopped.atMs > BRIEF_MS_MAX) {
      await load.untilProgress(2);
      continue;
    }
    struck(stopped);
    await load.untilProgress(5);
    await untilTrue("a second has gone by", 2_000, () => performance.now() - stopped.atMs > 1_000);
    const after = await rolesOf(at);
    if (after.epoch !== epoch)
      throw new Error(`the view changed from ${epoch} to ${after.epoch}, though the ${role} was stopped for ${BRIEF_MS} ms only`);
    return;
  }
  throw new Error("this machine is too busy to stop a process for less than the time-out");
}
