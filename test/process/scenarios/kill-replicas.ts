import { groupOf, rolesOf, untilEvicted, untilLaterView, untilNothingLeft, untilWhole } from "../harness/installation.js";
import { kill, killAll, processesOf } from "../harness/process-table.js";
import { type Scenario, SHORT_LOG, type Trial, untilWholeAgain } from "../harness/scenario.js";
import { until } from "../harness/wait.js";

const ROUNDS = 10;

export const killReplicas: readonly Scenario[] = [
  {
    name: "kill-follower",
    what: "a follower is killed, and clients wait for nothing",
    settings: SHORT_LOG,
    async run({ at, struck }) {
      const { followers } = await rolesOf(at);
      struck(await kill(at.dir, followers[0]));
      await untilEvicted(at, followers[0]);
    },
  },
  {
    name: "kill-leader-then-follower",
    what: "the leader, then the follower that is left beside the new leader, once the view without the first is active",
    settings: SHORT_LOG,
    run: (trial) => killTwoInOrder(trial, async () => (await rolesOf(trial.at)).leader),
  },
  {
    name: "kill-follower-then-leader",
    what: "a follower, then the leader of the view without it",
    settings: SHORT_LOG,
    run: (trial) => killTwoInOrder(trial, async () => (await rolesOf(trial.at)).followers[0], "leader"),
  },
  {
    name: "kill-follower-then-follower",
    what: "both followers one after the other",
    settings: SHORT_LOG,
    run: (trial) => killTwoInOrder(trial, async () => (await rolesOf(trial.at)).followers[0], "follower"),
  },
  {
    name: "kill-leader-then-leader",
    what: "the leader, then the leader of the view without it",
    settings: SHORT_LOG,
    run: (trial) => killTwoInOrder(trial, async () => (await rolesOf(trial.at)).leader, "leader"),
  },
  {
    name: "kill-two-at-once",
    what: "two replicas die at the same instant: the group waits, says for which, and loses nothing",
    settings: SHORT_LOG,
    async run({ at, struck }) {
      const { leader, followers, epoch } = await rolesOf(at);
      const two = [leader, followers[0]];
      struck(...(await killAll(at.dir, two)));
      await until("the group says for whom it waits", 5_000, async () => {
        const group = await groupOf(at);
        const waiting = group?.waiting ?? "";
        return group?.serving === false && two.some((replica) => waiting.includes(replica)) ? { found: undefined } : { seen: waiting };
      });
      await untilLaterView(at, epoch, 20_000);
    },
  },
  {
    name: "kill-all-in-turn",
    what: "each replica in turn is killed as it leads, with recovery between, ten rounds: every one leads, and recovered ones lead again",
    settings: SHORT_LOG,
    async run(trial) {
      const { at, struck, load } = trial;
      const led = new Map<string, number>();
      for (let round = 0; round < ROUNDS; round++) {
        const { leader, epoch } = await rolesOf(at);
        led.set(leader, (led.get(leader) ?? 0) + 1);
        struck(await kill(at.dir, leader));
        await untilLaterView(at, epoch);
        await untilWholeAgain(trial);
        await load.untilProgress(2);
      }
      const again = [...led.values()].filter((count) => count > 1).length;
      if (led.size < 3 || again === 0) throw new Error(`led: ${JSON.stringify([...led])}`);
    },
  },
  {
    name: "kill-everything",
    what: "every process dies at the same instant, and `up` is started again: what was acknowledged is there, and sessions go on",
    settings: SHORT_LOG,
    async run({ at, struck, load }) {
      const names = processesOf(at.dir).map(({ name }) => name);
      if (!names.includes("up") || names.length < 8) throw new Error(`not everything is recorded: ${names.join(", ")}`);
      struck(...(await killAll(at.dir, names)));
      await untilNothingLeft(at.dir);
      load.ease();
      await at.startAgain();
      await untilWhole(at);
      await load.untilProgress(5);
    },
  },
];

/** The second is killed in the view without the first, before that one is back as a member, or after: relaunch is quick. */
async function killTwoInOrder(
  { at, struck, load }: Trial,
  first: () => Promise<string>,
  second: "leader" | "follower" = "follower",
): Promise<void> {
  const one = await first();
  struck(await kill(at.dir, one));
  const view = await untilEvicted(at, one);
  const other = view.members.find(({ replica, role }) => replica !== one && role === second);
  if (other === undefined) throw new Error(`no ${second} beside ${one}: ${JSON.stringify(view.members)}`);
  struck(await kill(at.dir, other.replica));
  await load.untilProgress(2, 20_000);
  await until("the group serves again", 20_000, async () => {
    const group = await groupOf(at);
    return group?.serving === true ? { found: undefined } : { seen: group?.waiting ?? "no status" };
  });
}
