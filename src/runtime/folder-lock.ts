import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { hasCode } from "./error-code.js";
import { isAlive, startTimeOf } from "./process-info.js";

export interface FolderLock {
  /** The kernel frees the lock at death in any case. */
  release(): Promise<void>;
}

/** The folder is in use by another process. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse";
}

const ANSWER_TIMEOUT_MS = 300;
const PID_FILE = "lock.pid";

/**
 * Takes the folder for this process for as long as it lives (PROTOCOL section 1). Rejects with `FolderInUse`, naming the holder.
 * On Linux the lock is an abstract socket named by device and inode: the kernel frees it at death, and another path or a link to the same
 * folder meets the same lock. Elsewhere it is a pid file, which a crash leaves behind and the next start looks through.
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  return process.platform === "linux" ? lockBySocket(path) : lockByPidFile(path);
}

async function lockBySocket(path: string): Promise<FolderLock> {
  const { dev, ino } = statSync(path);
  const name = `\0troupe-folder-${dev}-${ino}`;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(String(process.pid));
  });
  try {
    await listenAt(server, name);
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) throw inUse(path, await askHolder(name));
    throw error;
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listenAt(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: name }, () => {
      server.off("error", reject);
      // Errors after this (no file descriptors left for one who asks) concern who asks, not the process that holds the folder.
      server.on("error", () => {});
      resolve();
    });
  });
}

function askHolder(name: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ path: name });
    let answer = "";
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(/^\d+$/.test(answer) ? answer : null));
  });
}

function inUse(path: string, pid: string | null): FolderInUse {
  const holder = pid === null ? "another process that does not answer (stopped?)" : `process ${pid}`;
  return new FolderInUse(
    `The folder ${path} is in use by ${holder}. Two processes never share one: stop that process, or use another folder.`,
  );
}

async function lockByPidFile(path: string): Promise<FolderLock> {
  const file = join(path, PID_FILE);
  for (;;) {
    try {
      writeFileSync(file, `${process.pid} ${startTimeOf(process.pid) ?? 0}`, { flag: "wx", mode: 0o600 });
      return { release: async () => rmSync(file, { force: true }) };
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      const holder = pidLockHolder(path);
      if (holder !== "nobody") throw inUse(path, holder === null ? null : String(holder));
      rmSync(file, { force: true });
    }
  }
}

/**
 * Who holds a folder by its pid file; null for one that is just being written. Left behind by a crash, its pid may be anybody's by now, and
 * after a restart of the machine it most often is: only the very process that wrote it has the folder.
 */
export function pidLockHolder(path: string): number | null | "nobody" {
  let text: string;
  try {
    text = readFileSync(join(path, PID_FILE), "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "nobody";
    throw error;
  }
  const [pid, startTime] = text.split(" ").map(Number);
  if (pid === undefined || startTime === undefined) return null;
  return isAlive(pid, startTime) ? pid : "nobody";
}
