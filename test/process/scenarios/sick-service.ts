import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, troupeCaller } from "../harness/caller.js";
import { eventsOf } from "../harness/events.js";
import { groupOf, type Installation, rolesOf, untilLaterView, untilReplaced, untilWhole } from "../harness/installation.js";
import { freeze, kill, processNamed, type Struck, thawIfThere } from "../harness/process-table.js";
import type { Scenario, Trial } from "../harness/scenario.js";
import { pause, until } from "../harness/wait.js";
import type { Complaint } from "../harness/workload.js";

const CRASH_LOOP_MS = 4_000;
/** Back-off from 100 ms, doubled each time: some seconds hold six starts or seven. */
const STARTS_MAX = 12;

export const sickServices: readonly Scenario[] = [
  {
    name: "crash-loop",
    what: "a replica's service dies at each start: reported, started ever less often, and whole again when it is mended",
    alone: true,
    async run({ at, struck, load }) {
      const { followers } = await rolesOf(at);
      const [sick] = followers;
      writeFileSync(join(at.folder, "crash-at-start"), sick);
      const startsBefore = startsOf(at, sick);
      struck(await kill(at.dir, sick));
      await until("a crash loop is reported", 20_000, async () => {
        const events = await eventsOf(at);
        return events.some(({ kind, replica }) => kind === "crash-loop" && replica === sick)
          ? { found: undefined }
          : { seen: events.map(({ kind }) => kind).join(" ") };
      });
      await pause(CRASH_LOOP_MS);
      const starts = startsOf(at, sick) - startsBefore;
      if (starts > STARTS_MAX) throw new Error(`${sick} was started ${starts} times`);
      await load.untilProgress(5);
      rmSync(join(at.folder, "crash-at-start"));
      await untilWhole(at);
    },
  },
  {
    name: "poison-crash",
    what: "a request kills every process that runs it: refused after two, and the group lives",
    alone: true,
    allows: isDelay,
    run: (trial) => sendPoison(trial, "crash"),
  },
  {
    name: "poison-hang",
    what: "a request hangs every process that runs it: refused after two, and the group lives",
    alone: true,
    allows: isDelay,
    run: (trial) => sendPoison(trial, "hang"),
  },
  {
    name: "slow-follower",
    what: "most of a follower's CPU time is taken away, then given back",
    run: (trial) => starve(trial, "follower"),
  },
  {
    name: "slow-leader",
    what: "most of the leader's CPU time is taken away, then given back",
    run: (trial) => starve(trial, "leader"),
  },
];

/** A group that loses two of its processes to one request waits for them; within their time-out is all that clients are promised. */
function isDelay({ answer }: Complaint): boolean {
  return answer.outcome === "unknown" && answer.code === "timeout";
}

function startsOf(at: Installation, replica: string): number {
  const log = readFileSync(join(at.dir, "logs", "lfd.log"), "utf8");
  return log.split("\n").filter((line) => line.includes("starting a server") && line.includes(`"${replica}"`)).length;
}

async function sendPoison({ at, struck, load, figure }: Trial, operation: "crash" | "hang"): Promise<void> {
  const { leader, epoch } = await rolesOf(at);
  const victim = processNamed(at.dir, leader);
  if (victim === null) throw new Error("the leader does not run");
  const caller = await troupeCaller(at, { timeoutMs: 60_000 });
  const atMs = performance.now();
  let answer: Answer | null = null;
  const answered = caller.operate(operation, undefined).then((found) => {
    answer = found;
    return found;
  });
  await untilLaterView(at, epoch, 30_000);
  await untilReplaced(at, leader, victim.pid);
  struck({ ...victim, atMs });
  const found = await answered;
  figure("until refused", performance.now() - atMs);
  await caller.close();
  if (found.outcome !== "refused" || found.code !== "poison") throw new Error(`the request was answered with ${JSON.stringify(answer)}`);
  await load.untilProgress(5, 30_000);
}

const SLICE_MS = 50;
const STARVE_MS = 5_000;

/** Runs a tenth of the time: never stopped long enough to be taken for a stopped process, and too slow for its work. */
async function starve({ at, struck, load }: Trial, role: "follower" | "leader"): Promise<void> {
  const { leader, followers } = await rolesOf(at);
  const name = role === "leader" ? leader : followers[0];
  const endMs = performance.now() + STARVE_MS;
  let stopped: Struck | null = null;
  const first = processNamed(at.dir, name);
  while (performance.now() < endMs && first !== null && processNamed(at.dir, name)?.pid === first.pid) {
    stopped = await freeze(at.dir, name).catch(() => null);
    if (stopped === null) break;
    if (first.pid === stopped.pid) struck({ ...stopped, atMs: 0 });
    await pause(SLICE_MS);
    thawIfThere(stopped);
    await pause(SLICE_MS / 10);
  }
  await load.untilProgress(5);
  await until("the group serves", 15_000, async () => {
    const group = await groupOf(at);
    return group?.serving === true ? { found: undefined } : { seen: group?.waiting ?? "no status" };
  });
}
