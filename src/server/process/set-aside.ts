import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { replaceDurably, syncFolder } from "../../runtime/durable-file.js";

/** Data that is used no more and kept for a person (S5c): what was wrong with it, where, and the folder that it is kept in. */
export interface SetAside {
  readonly where: string;
  readonly what: string;
  readonly keptIn: string;
}

const FOLDER = /^damaged-(\d+)$/;
/** What is told to a Replication Manager; older folders are still there. */
const TOLD_MAX = 16;

/**
 * Moves the replica's data out of the way, with a note of why beside it. Never repaired, never deleted (S5d):
 * while a group is closed by a loss the oldest may be the only one that holds what was acknowledged. The note is durable first: what
 * has moved is not looked at again, so a crash in between would lose what is to be told. A note without its folder is not told, and is
 * written over when the data is set aside after all.
 */
export function setAside(folder: string, found: { readonly where: string; readonly what: string }): SetAside {
  const numbers = readdirSync(folder).map((name) => Number(FOLDER.exec(name)?.[1] ?? 0));
  const number = Math.max(0, ...numbers) + 1;
  const keptIn = join(folder, `damaged-${number}`);
  const note: SetAside = { ...found, keptIn };
  try {
    replaceDurably(noteOf(folder, number), Buffer.from(`${JSON.stringify(note)}\n`));
  } catch {
    // A full disk costs the words, which are in the log as well, not the replica.
  }
  if (existsSync(join(folder, "data"))) {
    renameSync(join(folder, "data"), keptIn);
    syncFolder(folder);
  }
  return note;
}

function noteOf(folder: string, number: number): string {
  return join(folder, `damaged-${number}.json`);
}

/** What was ever set aside here and is still kept, the latest last. */
export function readSetAside(folder: string): SetAside[] {
  const numbers = readdirSync(folder).flatMap((name) => Number(FOLDER.exec(name)?.[1] ?? 0) || []);
  numbers.sort((a, b) => a - b);
  return numbers.slice(-TOLD_MAX).flatMap((number) => {
    try {
      const note: unknown = JSON.parse(readFileSync(noteOf(folder, number), "utf8"));
      return isNote(note) ? [note] : [];
    } catch {
      return []; // Set aside by an older release, or the note was lost: the folder speaks for itself.
    }
  });
}

function isNote(value: unknown): value is SetAside {
  if (typeof value !== "object" || value === null) return false;
  const { where, what, keptIn } = value as Partial<Record<keyof SetAside, unknown>>;
  return typeof where === "string" && typeof what === "string" && typeof keptIn === "string";
}
