import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "./error-code.js";

/**
 * S6i: what a process is executing, told so that its sudden death or a hang of its only thread cannot keep it back: a small file that it
 * overwrites as it goes along. It outlives the process, not the machine, which is all that is needed, so nothing is synced.
 */
const FILE = "executing";
/** Longer keys do not exist (LIMITS.keyLengthMax); a mark is written whole in one call. */
const MARK_SIZE_BYTES_MAX = 1_024;

export interface ExecutingMark {
  /** The key of the request whose handler begins now (written at once), or null when none runs any more (written by `settle`). */
  set(requestKey: string | null): void;
  /** Before anything of what was executed leaves the process: a request that was answered is never found in the mark of the dead (S6i). */
  settle(): void;
  close(): void;
}

/** Begins with nothing executed: what an earlier process left has been read by then. */
export function openExecutingMark(folder: string): ExecutingMark {
  const file = openSync(join(folder, FILE), constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600);
  const mark = Buffer.alloc(MARK_SIZE_BYTES_MAX);
  let executing: string | null = null;
  let written: string | null = null;
  // The file has its room from the start: a backup may execute for the first time when the disk is full.
  put(mark.length);

  function write(requestKey: string | null): void {
    written = requestKey;
    const sizeBytes = requestKey === null ? 0 : mark.write(requestKey, 2, "utf8");
    mark.writeUInt16LE(sizeBytes, 0);
    put(2 + sizeBytes);
  }

  /** A full disk costs the mark, not the service: then nothing is known of what the process dies at. */
  function put(sizeBytes: number): void {
    try {
      writeSync(file, mark, 0, sizeBytes, 0);
    } catch (error) {
      if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
    }
  }

  return {
    set(requestKey) {
      executing = requestKey;
      if (requestKey !== null) write(requestKey);
    },
    // Handlers run one after the other for most of a busy turn: only the last of them leaves the file to be cleared.
    settle() {
      if (executing === null && written !== null) write(null);
    },
    close: () => closeSync(file),
  };
}

/** What the process of this folder executes, or executed when it ended; null for nothing. */
export function readExecutingMark(folder: string): string | null {
  try {
    const bytes = readFileSync(join(folder, FILE));
    if (bytes.length < 2) return null;
    const sizeBytes = bytes.readUInt16LE(0);
    return sizeBytes === 0 || bytes.length < 2 + sizeBytes ? null : bytes.toString("utf8", 2, 2 + sizeBytes);
  } catch {
    return null; // It has never executed anything.
  }
}
