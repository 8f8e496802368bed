import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, troupeCaller } from "../harness/caller.js";
import { eventsOf } from "../harness/events.js";
import { groupOf, type Installation, rolesOf, untilLaterView, untilReplaced, untilWhole } from "../harness/installation.js";
import { freeze, kill, processNamed, type Struck, thawIfThere } from "../harness/process-table.js";
import { type Scenario, SHORT_LOG, type Trial } from "../harness/scenario.js";
import { pause, until } from "../harness/wait.js";
import type { Complaint } from "../harness/workload.js";

/** After the first death right after a start; doubled with each that follows, up to the most. */
const BACK_OFF_MS_MIN = 100;
const BACK_OFF_MS_MAX = 5_000;
/** Five deaths make a crash loop; one or two that came before, right after it had been made a member, may be among them. */
const STARTS_MIN = 4;

export const sickServices: readonly Scenario[] = [
  {
    name: "poison-crash",
    what: "a request kills every process that runs it: refused after two, and the group lives",
    settings: SHORT_LOG,
    allows: isDelay,
    run: (trial) => sendPoison(trial, "crash"),
  },
  {
    name: "poison-hang",
    what: "a request hangs every process that runs it: refused after two, and the group lives",
    settings: SHORT_LOG,
    allows: isDelay,
    run: (trial) => sendPoison(trial, "hang"),
  },
  {
    name: "slow-follower",
    what: "most of a follower's CPU time is taken away, then given back",
    settings: SHORT_LOG,
    run: (trial) => starve(trial, "follower"),
  },
  {
    name: "slow-leader",
    what: "most of the leader's CPU time is taken away, then given back",
    settings: SHORT_LOG,
    run: (trial) => starve(trial, "leader"),
  },
  {
    name: "crash-loop",
    what: "a replica's service dies at each start: reported, started ever less often, and whole again when it is mended",
    settings: SHORT_LOG,
    async run({ at, struck, load }) {
      const { followers } = await rolesOf(at);
      const [sick] = followers;
      writeFileSync(join(at.folder, "crash-at-start"), sick);
      const startsBefore = startsOf(at, sick).length;
      struck(await kill(at.dir, sick));
      await until("a crash loop is reported", 20_000, async () => {
        const events = await eventsOf(at);
        return events.some(({ kind, replica }) => kind === "crash-loop" && replica === sick)
          ? { found: undefined }
          : { seen: events.map(({ kind }) => kind).join(" ") };
      });
      await load.untilProgress(5);
      rmSync(join(at.folder, "crash-at-start"));
      await untilWhole(at);
      checkWaits(startsOf(at, sick).slice(startsBefore));
    },
  },
];

/** A group that loses two of its processes to one request waits for them; within their time-out is all that clients are promised. */
function isDelay({ answer }: Complaint): boolean {
  return answer.outcome === "unknown" && answer.code === "timeout";
}

/** When the LFD started this replica, in ms. */
function startsOf(at: Installation, replica: string): readonly number[] {
  const log = readFileSync(join(at.dir, "logs", "lfd.log"), "utf8");
  const lines = log.split("\n").filter((line) => line.includes("starting a server") && line.includes(`"${replica}"`));
  return lines.map((line) => JSON.parse(line).time);
}

/** The kill is followed by a start at once, each death of a start by a longer wait. */
function checkWaits(starts: readonly number[]): void {
  if (starts.length < STARTS_MIN) throw new Error(`a crash loop after ${starts.length} starts`);
  for (let i = 1; i < starts.length; i++) {
    const waitedMs = (starts[i] ?? 0) - (starts[i - 1] ?? 0);
    const leastMs = Math.min(BACK_OFF_MS_MIN * 2 ** (i - 1), BACK_OFF_MS_MAX);
    if (waitedMs < leastMs) throw new Error(`start ${i + 1} came ${waitedMs} ms after the one before, and was to wait ${leastMs} ms`);
  }
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
/** Longer than a follower may stand still. */
const STARVE_MS = 4_000;

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
