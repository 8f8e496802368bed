import { appendFileSync, closeSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { copyFile, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LIMITS } from "../vocabulary/limit.js";

/** What processes write goes to DIR/logs/NAME.log; what was there before the log was full is in NAME.log.1. */
const ENDING = ".log";
const LOOK_EVERY_MS = 1_000;

export function logPath(dir: string, name: string): string {
  return join(dir, "logs", `${name}${ENDING}`);
}

export function olderLogPath(path: string): string {
  return `${path}.1`;
}

export function logSizeBytes(dir: string, name: string): number {
  return sizeOf(logPath(dir, name));
}

/** Which processes have a log in the folder. */
export function loggedNames(dir: string): string[] {
  try {
    const files = readdirSync(join(dir, "logs")).filter((file) => file.endsWith(ENDING));
    return files.map((file) => file.slice(0, -ENDING.length)).sort();
  } catch {
    return [];
  }
}

/** The last lines that a process wrote, for people who ask why it ended. `fromBytes`: where its part of the log begins. */
export function lastWords(dir: string, name: string, fromBytes = 0, linesMax = 3): string {
  const path = logPath(dir, name);
  try {
    const bytesMax = 2_048;
    const sizeBytes = statSync(path).size;
    // A log that was emptied on the way holds nothing of earlier lives.
    const ownBytes = sizeBytes < fromBytes ? sizeBytes : sizeBytes - fromBytes;
    const lines = readFrom(path, sizeBytes - Math.min(bytesMax, ownBytes))
      .toString("utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
    return lines.slice(-linesMax).join(" | ").slice(-500);
  } catch {
    return "";
  }
}

/** What a file holds from a place on; nothing when it is not there, or shorter. */
export function readFrom(path: string, fromBytes: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, sizeOf(path) - fromBytes));
  if (bytes.length === 0) return bytes;
  const file = openSync(path, "r");
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, fromBytes));
  } finally {
    closeSync(file);
  }
}

/**
 * Looks once a second whether one of the logs is full, of those that are this process's to look after: two that did it would do it twice.
 * Returns what ends it.
 */
export function boundLogs(dir: string, isOwn: (name: string) => boolean, sizeBytesMax: number = LIMITS.processLogSizeBytesMax): () => void {
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      for (const name of loggedNames(dir).filter(isOwn)) await turnLog(logPath(dir, name), sizeBytesMax);
    } catch {
      // It is looked again. No log is worth the process that looks after it.
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Begins a full log anew, with what it held in the older one. It is copied and emptied rather than renamed, since the process that writes
 * holds it open (and appends, so that it goes on at the beginning). What is written between the last two calls is lost: microseconds.
 */
export async function turnLog(path: string, sizeBytesMax: number, hasRoom = hasRoomFor): Promise<void> {
  const sizeBytes = sizeOf(path);
  if (sizeBytes <= sizeBytesMax) return;
  const copy = `${olderLogPath(path)}.new`;
  try {
    if (!(await hasRoom(dirname(path), sizeBytes))) throw new Error("the disk is nearly full");
    await copyFile(path, copy);
    appendFileSync(copy, readFrom(path, sizeOf(copy)));
    renameSync(copy, olderLogPath(path));
  } catch {
    // For want of room: the bound matters more than what is gone.
    rmSync(copy, { force: true });
  }
  try {
    truncateSync(path, 0);
  } catch {
    // Somebody has taken it away.
  }
}

/** The last of a disk is for the data: a replica that finds it full ends. */
const ROOM_TIMES = 4;

async function hasRoomFor(folder: string, sizeBytes: number): Promise<boolean> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return blocks === 0 || bavail * bsize >= ROOM_TIMES * sizeBytes;
}

/** 0 of a file that is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
