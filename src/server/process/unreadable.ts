import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceDurably, syncFolder } from "../../runtime/durable-file.js";

/**
 * A place of the disk that cannot be read is damage of that file (section 7), but an error that passes looks the same, and a disk that fails
 * for a while fails for all replicas on it: if each set its data aside at once, the group would be closed over nothing. So the process ends
 * and is started again; only a file that cannot be read at so many starts in a row, over so long, is taken for damaged. The count is durable
 * in the replica's folder before it counts: on a disk that takes no writes either, nothing is ever set aside.
 */
const STARTS_MIN = 5;
const LASTING_MS = 30_000;
const COUNT_FILE = "unreadable.json";

interface Count {
  readonly file: string;
  readonly starts: number;
  readonly sinceMs: number;
}

/** Counts this start. Throws when the count cannot be kept. */
export function countUnreadable(folder: string, file: string, nowMs: number): { readonly starts: number; readonly lasts: boolean } {
  const before = readCount(folder);
  // A clock that was set back says nothing about how long.
  const goesOn = before !== null && before.file === file && before.sinceMs <= nowMs;
  const count: Count = goesOn ? { ...before, starts: before.starts + 1 } : { file, starts: 1, sinceMs: nowMs };
  replaceDurably(join(folder, COUNT_FILE), Buffer.from(`${JSON.stringify(count)}\n`));
  return { starts: count.starts, lasts: count.starts >= STARTS_MIN && nowMs - count.sinceMs >= LASTING_MS };
}

/** All could be read, or is set aside: what comes later is not in a row with what was. */
export function forgetUnreadable(folder: string): void {
  const path = join(folder, COUNT_FILE);
  if (!existsSync(path)) return;
  rmSync(path);
  syncFolder(folder);
}

function readCount(folder: string): Count | null {
  try {
    const count: unknown = JSON.parse(readFileSync(join(folder, COUNT_FILE), "utf8"));
    return isCount(count) ? count : null;
  } catch {
    return null; // There is none, or it is of no use: it begins anew.
  }
}

function isCount(value: unknown): value is Count {
  if (typeof value !== "object" || value === null) return false;
  const { file, starts, sinceMs } = value as Partial<Record<keyof Count, unknown>>;
  return typeof file === "string" && Number.isSafeInteger(starts) && typeof sinceMs === "number";
}
