import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadBallast } from "../harness/ballast.js";
import { troupeCaller } from "../harness/caller.js";
import { eventsOf } from "../harness/events.js";
import {
  administer,
  groupOf,
  type Installation,
  type Roles,
  rolesOf,
  untilEvicted,
  untilNothingLeft,
  untilWhole,
} from "../harness/installation.js";
import { freezableDisk, limitedDisk, poweredDisk } from "../harness/mounted-disk.js";
import { type KnownProcess, processesOf, processNamed, untilHangs } from "../harness/process-table.js";
import type { Scenario, Trial } from "../harness/scenario.js";
import { until } from "../harness/wait.js";

const PIECE_KIB = 256;
const PIECES_MAX = 200;
/** More than the room that is left for a snapshot of them. */
const SNAPSHOT_PIECES = 24;
const MIB = 1024 * 1024;
const CHECKPOINT_ENTRIES = 10_000;

/** Of the disk underneath. It takes root. */
export const diskFaults: readonly Scenario[] = [
  {
    name: "full-disk-follower",
    what: "a follower's disk has no room for the log: it steps aside, the group goes on, and it returns by itself when there is room",
    disks: "limited",
    run: (trial) => fillDisk(trial, ({ followers }) => followers[0], 8, logUntilGone),
  },
  {
    name: "full-disk-leader",
    what: "the leader's disk has no room for a snapshot: another one leads, and it returns by itself when there is room",
    disks: "limited",
    async run(trial) {
      await loadBallast(trial.at, PIECE_KIB, SNAPSHOT_PIECES);
      await fillDisk(trial, ({ leader }) => leader, 4, checkpointUntilGone);
    },
  },
  {
    name: "hanging-disk-follower",
    what: "a follower's disk hangs where each commit needs it: the view goes on without it, and takes it back when the disk works again",
    disks: "freezable",
    settings: { quorum: "all" },
    async run({ at, struck, load, figure }) {
      const [follower] = (await rolesOf(at)).followers;
      const victim = processNamed(at.dir, follower);
      if (victim === null) throw new Error(`${follower} does not run`);
      const disk = freezableDisk(at.disks, follower);
      const atMs = performance.now();
      disk.freeze();
      try {
        await untilHangs(victim);
        struck({ ...victim, atMs });
        await untilEvicted(at, follower, 20_000);
        figure("until the view is without it", performance.now() - atMs);
        await load.untilProgress(10);
        if (!isRunning(at, victim)) throw new Error(`${follower} was killed, and only its disk hung`);
      } finally {
        disk.thaw();
      }
      await untilWhole(at);
    },
  },
  {
    name: "power-cut",
    what: "the power is cut under everything: after the next start what was acknowledged is there, and sessions go on",
    disks: "power-cut",
    alone: true,
    async run({ at, struck, load }) {
      const disk = poweredDisk(at.disks);
      const targets = processesOf(at.dir);
      await load.untilProgress(10);
      if (targets.length < 8) throw new Error(`not everything is recorded: ${targets.map(({ name }) => name).join(", ")}`);
      const atMs = performance.now();
      disk.cutPower();
      for (const { pid } of targets) process.kill(pid, "SIGKILL");
      struck(...targets.map((target) => ({ ...target, atMs })));
      await untilNothingLeft(at.dir);
      load.ease();
      await disk.mountAgain();
      await at.startAgain();
      await untilWhole(at);
      await load.untilProgress(5);
    },
  },
];

type Fill = (at: Installation, victim: KnownProcess) => Promise<void>;

/** Leaves `roomMb` on one replica's disk and goes on until that is not enough. */
async function fillDisk({ at, struck, load }: Trial, choose: (roles: Roles) => string, roomMb: number, untilGone: Fill): Promise<void> {
  const replica = choose(await rolesOf(at));
  const victim = processNamed(at.dir, replica);
  if (victim === null) throw new Error(`${replica} does not run`);
  const disk = limitedDisk(at.disks, replica);
  const sizeMb = disk.sizeMb();
  disk.resize(disk.usedBytes() / MIB + roomMb);
  await untilGone(at, victim);
  struck({ ...victim, atMs: performance.now() });
  const { epoch } = await untilAside(at, replica);
  await load.untilProgress(10);
  const later = (await groupOf(at))?.epoch;
  if (later?.join() !== epoch.join()) throw new Error(`the view changes without room: ${epoch.join(".")}, then ${later?.join(".")}`);
  disk.resize(sizeMb);
  await untilWhole(at);
}

function isRunning(at: Installation, { name, pid }: KnownProcess): boolean {
  return processNamed(at.dir, name)?.pid === pid;
}

/** Request and update are as large as the value: it is the log that fills the disk, in every style. */
async function logUntilGone(at: Installation, victim: KnownProcess): Promise<void> {
  const caller = await troupeCaller(at);
  for (let piece = 0; isRunning(at, victim); piece++) {
    if (piece > PIECES_MAX) throw new Error(`the disk of ${victim.name} is not full after ${piece} pieces`);
    const answer = await caller.operate("put", { key: "large", value: `${piece}`.padEnd(PIECE_KIB * 1024, "x") });
    if (answer.outcome !== "ok") throw new Error(`the value is not written: ${JSON.stringify(answer)}`);
  }
  await caller.close();
}

async function checkpointUntilGone(at: Installation, victim: KnownProcess): Promise<void> {
  await administer(at, "PATCH", `groups/${at.group}`, { checkpointEntries: 100 });
  await until(`${victim.name} has ended`, 30_000, async () => (isRunning(at, victim) ? { seen: "it runs" } : { found: undefined }));
  await administer(at, "PATCH", `groups/${at.group}`, { checkpointEntries: CHECKPOINT_ENTRIES });
}

/**
 * It is said why: what its last process ended of, and what it waits for. The first is in its log alone where the kernel takes longer to clear
 * the process away than the next one takes to be ordered.
 */
function untilAside(at: Installation, replica: string) {
  return until(`${replica} waits outside the view for room`, 30_000, async () => {
    const group = await groupOf(at);
    const kinds = new Set(["relaunched", "room-short"]);
    const said = (await eventsOf(at)).filter((event) => event.replica === replica && kinds.has(event.kind)).map(({ text }) => text);
    const ended = [...said, readFileSync(join(at.dir, "logs", `${replica}.log`), "utf8")];
    const isTold = ended.some((text) => text.includes("ENOSPC")) && said.some((text) => text.includes("until its disk has room"));
    const role = group?.members.find((each) => each.replica === replica)?.role;
    if (group?.serving === true && role === "learner" && isTold) return { found: group };
    return { seen: `${role}; ${said.join("; ")}` };
  });
}
