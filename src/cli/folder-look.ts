import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { reasonOf } from "../runtime/error-code.js";
import { pidLockHolder } from "../runtime/folder-lock.js";
import type { Look } from "../storage/inspection.js";

/** Looks into a folder and changes nothing there: files are opened for reading only, and no lock is taken. */
export function lookInto(folder: string): Look {
  return (operation) => {
    const { ticket, path } = operation;
    try {
      if (operation.kind === "list") return { kind: "listed", ticket, names: readdirSync(folder) };
      const { offsetBytes, sizeBytes } = operation;
      return { kind: "read-done", ticket, ...readPart(join(folder, path), offsetBytes, sizeBytes) };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "EIO";
      return { kind: "failed", ticket, code, message: reasonOf(error) };
    }
  };
}

function readPart(path: string, offsetBytes: number, sizeBytes: number): { bytes: Uint8Array; fileSizeBytes: number } {
  // What is no file (a pipe with nobody behind it) must not hold the command.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw Object.assign(new Error(`${path} is no file`), { code: "EINVAL" });
    const bytes = Buffer.alloc(Math.max(0, Math.min(sizeBytes, stat.size - offsetBytes)));
    let filled = 0;
    for (let count = -1; filled < bytes.length && count !== 0; filled += count)
      count = readSync(file, bytes, filled, bytes.length - filled, offsetBytes + filled);
    return { bytes: bytes.subarray(0, filled), fileSizeBytes: stat.size };
  } finally {
    closeSync(file);
  }
}

/** Who works in a folder. `pid` is null when the process does not answer (stopped). */
export interface FolderUser {
  readonly folder: string;
  readonly pid: number | null;
}

const ANSWER_TIMEOUT_MS = 300;

/** The live process that has the folder, or the replica's folder around a `data` folder; null when nobody has. Asks, and takes nothing. */
export async function userOf(path: string): Promise<FolderUser | null> {
  const folder = resolve(path);
  const candidates = basename(folder) === "data" ? [folder, dirname(folder)] : [folder];
  for (const candidate of candidates) {
    const pid = process.platform === "linux" ? await askLock(candidate) : pidLockHolder(candidate);
    if (pid !== "nobody") return { folder: candidate, pid };
  }
  return null;
}

/** The holder of `runtime/folder-lock.ts` tells whoever connects its pid. */
function askLock(folder: string): Promise<number | null | "nobody"> {
  const { dev, ino } = statSync(folder);
  return new Promise((done) => {
    const socket = connect({ path: `\0troupe-folder-${dev}-${ino}` });
    let held = false;
    let answer = "";
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on("connect", () => {
      held = true;
    });
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => done(!held ? "nobody" : /^\d+$/.test(answer) ? Number(answer) : null));
  });
}
