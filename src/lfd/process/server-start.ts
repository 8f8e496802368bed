import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { forgetProcess, type Spawning, spawnChild } from "../../runtime/child.js";
import { lastWords, logPath, logSizeBytes, olderLogPath } from "../../runtime/log-file.js";
import { makeFolderDurably } from "../../runtime/folder.js";
import type { ClusterId, HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import { hasCode, reasonOf } from "../../runtime/error-code.js";
import type { ServerCommand } from "./server-command.js";

/** What a server reads at its start, as JSON in DIR/replicas/R.spec.json. */
export interface ServerSpec {
  readonly spec: GroupSpec;
  readonly replica: ReplicaId;
  readonly hostId: HostId;
  readonly clusterId: ClusterId;
  /** Read again before each dialling: an LFD that restarted may listen elsewhere. */
  readonly lfdAddressFile: string;
  /** The data folder of the system, where processes are recorded; `--dir` is the replica's own in it. */
  readonly systemDir: string;
}

export interface ServerStart {
  readonly dir: string;
  readonly command: ServerCommand;
  readonly server: ServerSpec;
  readonly onExit: (pid: number, code: number | null, signal: NodeJS.Signals | null, words: string) => void;
}

const specPath = (dir: string, name: string): string => join(dir, "replicas", `${name}.spec.json`);

/** Whether a server of this name was ever started here. */
export function hasServer(dir: string, name: string): boolean {
  return existsSync(specPath(dir, name));
}

export async function startServer(start: ServerStart): Promise<Spawning> {
  const { dir, server } = start;
  const name = server.replica;
  const folder = join(dir, "replicas");
  const specFile = specPath(dir, name);
  try {
    makeFolderDurably(folder);
    writeFileSync(`${specFile}.new`, `${JSON.stringify(server)}\n`, { mode: 0o600 });
    renameSync(`${specFile}.new`, specFile);
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
  const logFromBytes = logSizeBytes(dir, name);
  let pid = 0;
  const spawning = await spawnChild({
    dir,
    name,
    command: start.command.command,
    args: [...start.command.args, "server", "--dir", join(folder, name), "--spec", specFile],
    ...(start.command.env === undefined ? {} : { env: start.command.env }),
    lifeline: "inherited",
    onExit: (code, signal) => start.onExit(pid, code, signal, lastWords(dir, name, logFromBytes)),
  });
  if (spawning.ok) pid = spawning.child.pid;
  return spawning;
}

/**
 * So many folders of former replicas are kept for a person, of each group here: a view without their incarnations is active before any is set
 * aside (S5c). A replica's name is never used twice, so that each would be the only one of its own.
 */
const SET_ASIDE_MAX = 3;

/**
 * Moves a replica's data out of the way, and forgets former ones of which there are too many. `label` sorts by age, as the wall clock had it:
 * where that was set back, what is set aside now is not the oldest. Returns an error for the reader, or null.
 */
export function setAsideFolder(dir: string, replica: ReplicaId, label: string): string | null {
  const folder = join(dir, "replicas", "set-aside");
  try {
    makeFolderDurably(folder);
    const kept = `${replica}.${label}`;
    renameSync(join(dir, "replicas", replica), join(folder, kept));
    const former = readdirSync(folder).filter((name) => groupOf(name) === groupOf(replica) && name !== kept);
    for (const name of former.sort(byLabel).slice(0, -(SET_ASIDE_MAX - 1))) {
      rmSync(join(folder, name), { recursive: true, force: true });
      forgetServer(dir, replicaOf(name));
    }
    return null;
  } catch (error) {
    // With durability `memory`, or after a crash at start, there may be no folder.
    if (hasCode(error, "ENOENT")) return null;
    return reasonOf(error);
  }
}

const replicaOf = (name: string): string => name.split(".")[0] ?? name;
const groupOf = (name: string): string => replicaOf(name).replace(/-\d+$/, "");
const labelOf = (name: string): string => name.slice(replicaOf(name).length);

function byLabel(a: string, b: string): number {
  return labelOf(a) < labelOf(b) ? -1 : 1;
}

/** What else there is of a replica that is no more: in a system that grows and shrinks every day it would fill the disk one day. */
function forgetServer(dir: string, name: string): void {
  forgetProcess(dir, name);
  const log = logPath(dir, name);
  for (const path of [log, olderLogPath(log), specPath(dir, name)]) rmSync(path, { force: true });
}
