import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../../src/vocabulary/limit.js";
import { loadBallast } from "../harness/ballast.js";
import { troupeCaller } from "../harness/caller.js";
import { administer, groupOf, type Installation, rolesOf, untilLaterView, untilWhole } from "../harness/installation.js";
import { kill } from "../harness/process-table.js";
import type { Scenario, Trial } from "../harness/scenario.js";
import { until } from "../harness/wait.js";

const PIECE_KIB = 256;
const PIECES = 256;
/** The kill strikes when this share has come, and proves something only if not yet all of it. */
const FROM_SHARE = 0.1;
const TO_SHARE = 0.95;
const TRANSFER_BYTES_MIN = 60e6;
const TOILS_AT_A_TIME = 64;

/** A fourth replica receives 64 MB; whoever sends is the leader. Each needs the ballast, which is loaded once. */
export const transfers: readonly Scenario[] = [
  {
    name: "transfer-leader-dies",
    what: "the leader, which is the donor, dies while a learner receives 64 MB",
    run: (trial) =>
      duringTransfer(trial, async ({ at, struck }) => {
        const { leader, epoch } = await leaderOf(at);
        struck(await kill(at.dir, leader));
        return () => untilLaterView(at, epoch, 20_000);
      }),
  },
  {
    name: "transfer-learner-dies",
    what: "the learner dies while it receives 64 MB",
    run: (trial) =>
      duringTransfer(trial, async ({ at, struck }, learner) => {
        struck(await kill(at.dir, learner));
        return null;
      }),
  },
  {
    name: "transfer-follower-dies",
    what: "a follower dies while a learner receives 64 MB",
    run: (trial) =>
      duringTransfer(trial, async ({ at, struck }) => {
        const group = await groupOf(at);
        const follower = group?.members.find(({ role }) => role === "follower");
        if (follower === undefined) throw new Error("no follower");
        struck(await kill(at.dir, follower.replica));
        return null;
      }),
  },
];

async function leaderOf(at: Installation): Promise<{ leader: string; epoch: string }> {
  const group = await groupOf(at);
  if (group?.leader == null) throw new Error("no leader");
  return { leader: group.leader, epoch: group.epoch.join(".") };
}

/** Returns what has to come to pass then, if it is more than that the group is whole again. */
type Strike = (trial: Trial, learner: string) => Promise<(() => Promise<unknown>) | null>;

async function duringTransfer(trial: Trial, strike: Strike): Promise<void> {
  const { at, load, figure } = trial;
  load.ease();
  await loadBallast(at, PIECE_KIB, PIECES);
  await outgrowTail(at);
  const { leader, followers } = await rolesOf(at);
  const members = [leader, ...followers];
  await untilSnapshotHoldsBallast(at, leader);
  load.press();
  await administer(at, "PATCH", `groups/${at.group}`, { replicas: 4 });
  const transfer = await until("a transfer is running", 30_000, async () => {
    const found = transferOf(at, members);
    return found !== null && found.share > FROM_SHARE ? { found } : { seen: JSON.stringify(found) };
  });
  const untilDone = await strike(trial, transfer.learner);
  // At once: a cold backup that takes over has the learner served long before it serves clients.
  const share = transferOf(at, members)?.share ?? 1;
  figure("share received when it struck", share);
  if (share > TO_SHARE) throw new Error(`the transfer was nearly over: ${share} of it had come`);
  if (transfer.sizeBytes < TRANSFER_BYTES_MIN) throw new Error(`only ${transfer.sizeBytes} bytes were to be transferred`);
  await untilDone?.();
  load.ease();
  await untilWhole(at, 60_000);
  await load.untilProgress(3);
  await administer(at, "PATCH", `groups/${at.group}`, { replicas: 3 });
  await untilWhole(at);
}

/** A leader keeps so many entries in memory behind its snapshot: a learner that lacks no more receives them, and no snapshot. */
async function outgrowTail(at: Installation): Promise<void> {
  const caller = await troupeCaller(at);
  let left = LIMITS.entriesBehindSnapshotMax + 1 - Number((await groupOf(at))?.members[0]?.persistedIndex);
  const toilOn = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await caller.operate("toil", 1);
      if (answer.outcome !== "ok") throw new Error(`the log does not grow: ${JSON.stringify(answer)}`);
    }
  };
  await Promise.all(Array.from({ length: TOILS_AT_A_TIME }, toilOn));
  await caller.close();
}

/** What was loaded last would else come from the log. The name of a snapshot holds its index. */
async function untilSnapshotHoldsBallast(at: Installation, leader: string): Promise<void> {
  const largest = (): number => {
    const folder = join(at.dir, "replicas", leader, "data");
    const names = readdirSync(folder).filter((name) => Number(/^snapshot-(\d+)-/.exec(name)?.[1]) > LIMITS.entriesBehindSnapshotMax);
    return Math.max(0, ...names.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0));
  };
  await administer(at, "PATCH", `groups/${at.group}`, { checkpointEntries: 100 });
  await until("a snapshot holds the ballast", 20_000, async () =>
    largest() > TRANSFER_BYTES_MIN ? { found: undefined } : { seen: `${largest()} bytes` },
  );
  await administer(at, "PATCH", `groups/${at.group}`, { checkpointEntries: 10_000 });
}

interface SeenTransfer {
  readonly learner: string;
  readonly sizeBytes: number;
  readonly share: number;
}

/** What the disk of the new replica holds of the snapshot that it receives; the file's name says how large that will be. */
function transferOf(at: Installation, members: readonly string[]): SeenTransfer | null {
  const replicas = join(at.dir, "replicas");
  const learner = readdirSync(replicas).find((entry) => /^trial-\d+$/.test(entry) && !members.includes(entry));
  if (learner === undefined) return null;
  const folder = join(replicas, learner, "data");
  if (!existsSync(folder)) return null;
  const file = readdirSync(folder).find((entry) => entry.startsWith("received-"));
  const sizeBytes = Number(file?.split("-")[5]);
  if (file === undefined || !(sizeBytes > 0)) return null;
  const size = statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
  return { learner, sizeBytes, share: size / sizeBytes };
}
