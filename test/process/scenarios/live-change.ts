import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DetectorKnobs } from "../../../src/vocabulary/spec.js";
import {
  ALL_STYLES,
  administer,
  changeStyle,
  groupOf,
  type Installation,
  rolesOf,
  type SeenGroup,
  statusOf,
  untilWhole,
} from "../harness/installation.js";
import { freeze, processesOf, type Struck, thaw, thawIfThere } from "../harness/process-table.js";
import { type Scenario, STEADY, type Trial } from "../harness/scenario.js";
import { pause, until } from "../harness/wait.js";

/** A stopped process is suspected for its silence alone. */
const SETTINGS = { ...STEADY, stoppedGraceMs: 3_600_000 };

/** Each change is seen to work from outside, while no process is started anew. A change is what strikes here. */
export const liveChanges: readonly Scenario[] = [
  {
    name: "change-style",
    what: "the style is changed there and back while clients work",
    settings: SETTINGS,
    run: (trial) =>
      withSamePids(trial, async ({ at, style, load }) => {
        const [other, third] = ALL_STYLES.filter((each) => each !== style);
        for (const wanted of style === "cold-passive" ? [other, style, third, style] : [other, style, other, style]) {
          if (wanted === undefined) continue;
          await changeStyle(at, wanted);
          await load.untilProgress(3);
        }
      }),
  },
  {
    name: "change-replicas",
    what: "three replicas become five and three again",
    settings: SETTINGS,
    run: (trial) =>
      withSamePids(trial, async ({ at, load }) => {
        await administer(at, "PATCH", `groups/${at.group}`, { replicas: 5 });
        const grown = await untilGroup(at, "five replicas are members", (group) => group.serving && membersOf(group).length === 5, 30_000);
        if (grown.quorumSize !== 3) throw new Error(`five replicas have a quorum of ${grown.quorumSize}`);
        await load.untilProgress(3);
        await administer(at, "PATCH", `groups/${at.group}`, { replicas: 3 });
        await untilGroup(at, "three replicas are left", (group) => group.members.length === 3 && membersOf(group).length === 3, 30_000);
      }),
  },
  {
    name: "change-quorum",
    what: "with a quorum of all a stopped follower holds clients up, with a majority it does not",
    settings: SETTINGS,
    run: (trial) =>
      withSamePids(trial, async ({ at, load, figure }) => {
        await load.untilProgress(5);
        const majorityMs = await gapWhileFollowerStops(trial);
        await administer(at, "PATCH", `groups/${at.group}`, { quorum: "all" });
        await untilGroup(at, "all three are needed", (group) => group.quorumSize === 3 && group.serving);
        await load.untilProgress(5);
        const allMs = await gapWhileFollowerStops(trial);
        await administer(at, "PATCH", `groups/${at.group}`, { quorum: "majority" });
        await untilGroup(at, "two are needed", (group) => group.quorumSize === 2 && group.serving);
        figure("gap with majority", majorityMs);
        figure("gap with all", allMs);
        if (allMs < STOP_MS * 0.7) throw new Error(`with a quorum of all clients waited ${allMs} ms only while a follower was stopped`);
        if (majorityMs > STOP_MS * 0.7) throw new Error(`with a majority clients waited ${majorityMs} ms while a follower was stopped`);
      }),
  },
  {
    name: "change-lfd-interval",
    what: "the LFD's heartbeats are counted: with an interval ten times as long there are far fewer",
    settings: SETTINGS,
    run: (trial) =>
      changeInterval(
        trial,
        "lfd",
        { heartbeatIntervalMs: 200, suspicionTimeoutMs: 1_001 },
        { heartbeatIntervalMs: 20, suspicionTimeoutMs: 1_000 },
      ),
  },
  {
    name: "change-gfd-interval",
    what: "the GFD's heartbeats are counted: with an interval fifty times as long there are far fewer",
    settings: SETTINGS,
    run: (trial) =>
      changeInterval(
        trial,
        "gfd",
        { heartbeatIntervalMs: 500, suspicionTimeoutMs: 2_000 },
        { heartbeatIntervalMs: 10, suspicionTimeoutMs: 500 },
      ),
  },
  {
    name: "change-lfd-timeout",
    what: "the time from the stop of a server to its suspicion follows the LFD's time-out",
    settings: SETTINGS,
    run: (trial) =>
      withSamePids(trial, async ({ at, figure }) => {
        const { followers } = await rolesOf(at);
        await administer(at, "PATCH", "detectors/lfd", { suspicionTimeoutMs: 150 });
        await untilDetector(at, "lfd", { suspicionTimeoutMs: 150 });
        const quickMs = await suspicionTime(trial, followers[0], "trial");
        await administer(at, "PATCH", "detectors/lfd", { suspicionTimeoutMs: 1_500 });
        await untilDetector(at, "lfd", { suspicionTimeoutMs: 1_500 });
        await untilWhole(at);
        const slowMs = await suspicionTime(trial, followers[0], "trial");
        await administer(at, "PATCH", "detectors/lfd", { suspicionTimeoutMs: 1_000 });
        await untilDetector(at, "lfd", { suspicionTimeoutMs: 1_000 });
        figure("stop to suspicion at 150 ms", quickMs);
        figure("stop to suspicion at 1500 ms", slowMs);
        if (quickMs > 700) throw new Error(`with a time-out of 150 ms a stopped server was suspected after ${quickMs} ms`);
        if (slowMs < 900) throw new Error(`with a time-out of 1500 ms a stopped server was suspected after ${slowMs} ms already`);
      }),
  },
  {
    name: "change-gfd-timeout",
    what: "the time from the stop of an LFD to its suspicion follows the GFD's time-out",
    settings: SETTINGS,
    run: (trial) =>
      withSamePids(trial, async ({ at, figure }) => {
        await administer(at, "PATCH", "detectors/gfd", { suspicionTimeoutMs: 200 });
        await untilDetector(at, "gfd", { suspicionTimeoutMs: 200 });
        const quickMs = await suspicionTime(trial, "lfd", "host");
        await administer(at, "PATCH", "detectors/gfd", { suspicionTimeoutMs: 1_500 });
        await untilDetector(at, "gfd", { suspicionTimeoutMs: 1_500 });
        const slowMs = await suspicionTime(trial, "lfd", "host");
        await administer(at, "PATCH", "detectors/gfd", { suspicionTimeoutMs: 500 });
        await untilDetector(at, "gfd", { suspicionTimeoutMs: 500 });
        figure("stop to suspicion at 200 ms", quickMs);
        figure("stop to suspicion at 1500 ms", slowMs);
        if (quickMs > 800) throw new Error(`with a time-out of 200 ms a stopped LFD was suspected after ${quickMs} ms`);
        if (slowMs < 900) throw new Error(`with a time-out of 1500 ms a stopped LFD was suspected after ${slowMs} ms already`);
      }),
  },
  {
    name: "change-checkpoint-interval",
    what: "with a checkpoint each 100 entries snapshot files are written on every replica",
    settings: SETTINGS,
    run: (trial) =>
      withSamePids(trial, async ({ at, load }) => {
        const { leader, followers } = await rolesOf(at);
        const replicas = [leader, ...followers];
        const before = new Map(replicas.map((replica) => [replica, snapshotsOf(at, replica).at(-1)]));
        await administer(at, "PATCH", `groups/${at.group}`, { checkpointEntries: 100 });
        await load.untilProgress(30);
        await until("every replica has written two later snapshots", 20_000, async () => {
          const files = replicas.map((replica) => `${replica}: ${snapshotsOf(at, replica).join(", ")}`).join("; ");
          const later = replicas.every((replica) => (snapshotsOf(at, replica).at(-1) ?? "") > (before.get(replica) ?? ""));
          return later ? { found: undefined } : { seen: files };
        });
        await administer(at, "PATCH", `groups/${at.group}`, { checkpointEntries: 10_000 });
      }),
  },
];

const STOP_MS = 300;

/** No process of before may have ended meanwhile. */
async function withSamePids(trial: Trial, change: (trial: Trial) => Promise<void>): Promise<void> {
  const before = processesOf(trial.at.dir);
  const atMs = performance.now();
  await change(trial);
  await untilWhole(trial.at);
  const after = processesOf(trial.at.dir);
  for (const { name, pid } of before) {
    const now = after.find((each) => each.name === name);
    if (now?.pid !== pid) throw new Error(`${name} was process ${pid} and is ${now?.pid ?? "not there"} now`);
  }
  const [leader] = before;
  if (leader !== undefined) trial.struck({ ...leader, name: "change", atMs });
}

function membersOf(group: SeenGroup): readonly string[] {
  return group.members.filter(({ role }) => role !== "learner").map(({ replica }) => replica);
}

function untilGroup(at: Installation, what: string, holds: (group: SeenGroup) => boolean, deadlineMs = 15_000): Promise<SeenGroup> {
  return until(what, deadlineMs, async () => {
    const group = await groupOf(at);
    if (group !== null && holds(group)) return { found: group };
    return { seen: JSON.stringify(group) };
  });
}

function untilDetector(at: Installation, detector: "lfd" | "gfd", wanted: Partial<DetectorKnobs>): Promise<void> {
  return until(`the ${detector} uses the new settings`, 5_000, async () => {
    const effective = (await statusOf(at))?.detectors[detector].effective;
    const isUsed =
      effective !== undefined &&
      Object.entries({ ...effective, ...wanted }).every(([name, value]) => Reflect.get(effective, name) === value);
    return isUsed ? { found: undefined } : { seen: JSON.stringify(effective) };
  });
}

async function gapWhileFollowerStops({ at, load }: Trial): Promise<number> {
  const { followers } = await rolesOf(at);
  const stopped = await freeze(at.dir, followers[0]);
  await pause(STOP_MS);
  thaw(stopped);
  await load.untilProgress(2);
  return load.longestGapMs(stopped.atMs, stopped.atMs + STOP_MS);
}

async function changeInterval(trial: Trial, detector: "lfd" | "gfd", slow: DetectorKnobs, usual: DetectorKnobs): Promise<void> {
  await withSamePids(trial, async ({ at, figure }) => {
    await administer(at, "PATCH", `detectors/${detector}`, usual);
    await untilDetector(at, detector, usual);
    const usualRate = await writeRate(at, detector);
    await administer(at, "PATCH", `detectors/${detector}`, slow);
    await untilDetector(at, detector, slow);
    const slowRate = await writeRate(at, detector);
    await administer(at, "PATCH", `detectors/${detector}`, usual);
    await untilDetector(at, detector, usual);
    figure("writes a second before", usualRate);
    figure("writes a second after", slowRate);
    if (slowRate > usualRate * 0.6)
      throw new Error(
        `the ${detector} wrote ${usualRate.toFixed(0)} times a second, and ${slowRate.toFixed(0)} times with a far longer interval`,
      );
  });
}

/** Holds fifty heartbeats of each server at the LFD's usual interval. */
const COUNT_MS = 1_000;

/** Writes a second as the kernel counts them: each heartbeat is written to a socket. (Reads would count looks at /proc as well.) */
async function writeRate(at: Installation, name: string): Promise<number> {
  const target = processesOf(at.dir).find((each) => each.name === name);
  if (target === undefined) throw new Error(`${name} does not run`);
  const count = (): number => Number(/^syscw: (\d+)$/m.exec(readFileSync(`/proc/${target.pid}/io`, "utf8"))?.[1]);
  const [atMs, before] = [performance.now(), count()];
  await pause(COUNT_MS);
  return ((count() - before) / (performance.now() - atMs)) * 1_000;
}

/** From the stop of a process to the moment in which the status calls it suspected; it is continued at once. */
async function suspicionTime(trial: Trial, name: string, what: "trial" | "host"): Promise<number> {
  const { at, load } = trial;
  const stopped: Struck = await freeze(at.dir, name);
  try {
    await until(`${name} is suspected`, 5_000, async () => {
      const status = await statusOf(at);
      const verdict =
        what === "host" ? status?.hosts[0]?.verdict : status?.groups[0]?.members.find(({ replica }) => replica === name)?.verdict;
      return verdict !== undefined && verdict !== "alive" ? { found: undefined } : { seen: verdict ?? "no status" };
    });
    return performance.now() - stopped.atMs;
  } finally {
    thawIfThere(stopped);
    await untilWhole(at);
    await load.untilProgress(2);
  }
}

function snapshotsOf(at: Installation, replica: string): string[] {
  return readdirSync(join(at.dir, "replicas", replica, "data"))
    .filter((name) => /^snapshot-[\d-]+$/.test(name))
    .sort();
}
