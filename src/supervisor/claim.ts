import { chmodSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { recordProcess } from "../runtime/child.js";
import { replaceDurably } from "../runtime/durable-file.js";
import { makeFolderDurably } from "../runtime/folder.js";
import { type FolderLock, lockFolder } from "../runtime/folder-lock.js";
import { startTimeOf } from "../runtime/process-info.js";
import { randomId } from "../runtime/random.js";
import { type ClusterId, clusterId, isId } from "../vocabulary/ids.js";
import { endProcesses, SUPERVISOR_NAME } from "./end.js";
import { hasCode, reasonOf } from "../runtime/error-code.js";

/** A data folder that belongs to this process for as long as it lives. */
export interface ClaimedFolder {
  /** Absolute. */
  readonly dir: string;
  readonly clusterId: ClusterId;
  release(): Promise<void>;
}

const SUBFOLDERS = ["run", "run/addresses", "run/processes", "logs", "lfd", "rm", "replicas", "services"];

/**
 * Makes the data folder (0700), takes its lock, ends what an earlier `up` may have left behind and gives the system its id. Rejects with
 * a sentence for the reader: `FolderInUse` names the `up` that holds it.
 */
export async function claimFolder(path: string): Promise<ClaimedFolder> {
  const dir = resolve(path);
  makeDataFolder(dir);
  const lock: FolderLock = await lockFolder(dir);
  try {
    for (const name of SUBFOLDERS) makeFolderDurably(join(dir, name));
    // The lock says that no `up` lives here: whatever is recorded and still runs has lost its supervisor, and its locks are free once it has ended.
    await endProcesses(dir, 0);
    recordProcess(dir, { name: SUPERVISOR_NAME, pid: process.pid, startTime: startTimeOf(process.pid) ?? 0 });
    return { dir, clusterId: ensureClusterId(dir), release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw new Error(
      `The data folder ${dir} cannot be used (${reasonOf(error)}). Mend its rights or free some space, or choose another with --dir.`,
    );
  }
}

/** Throws with a sentence for the reader. */
export function makeDataFolder(dir: string): void {
  try {
    makeFolderDurably(dir);
    chmodSync(dir, 0o700);
  } catch (error) {
    throw new Error(
      `The data folder ${dir} cannot be made or written (${reasonOf(error)}). Choose another with --dir, or mend its rights.`,
    );
  }
}

/** One id for the life of the data: processes of different systems refuse each other. All data names it, so it is durable before any is. */
function ensureClusterId(dir: string): ClusterId {
  return readClusterId(idFile(dir)) ?? renewClusterId(dir);
}

/** For a folder whose data are removed: what begins in it is another system, and clients of the old one are told so. */
export function renewClusterId(dir: string): ClusterId {
  const made = clusterId(randomId());
  replaceDurably(idFile(dir), Buffer.from(`${JSON.stringify({ clusterId: made })}\n`));
  return made;
}

function idFile(dir: string): string {
  return join(dir, "cluster.json");
}

function readClusterId(path: string): ClusterId | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  const value = parsed(text);
  if (typeof value === "object" && value !== null && "clusterId" in value && typeof value.clusterId === "string" && isId(value.clusterId))
    return clusterId(value.clusterId);
  throw new Error(`${path} does not hold the id of a system`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
