import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { syncFolder } from "./durable-file.js";
import { hasCode } from "./error-code.js";

const FOLDER_MODE = 0o700;

/**
 * Makes a folder and what is missing above it; data folders are nobody else's business. One after another: Node 20 never comes back from a
 * recursive mkdir below /proc, where nothing can be made. Throws the system's error.
 */
export function makeFolder(path: string): void {
  makeMissing(path);
}

/** The same, durable when it returns: what is synced inside a folder counts for nothing where a power cut takes the folder itself. */
export function makeFolderDurably(path: string): void {
  for (const made of makeMissing(path)) syncFolder(dirname(made));
}

function makeMissing(path: string): string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, { mode: FOLDER_MODE });
    } catch (error) {
      // Another process was quicker.
      if (!(hasCode(error, "EEXIST") && existsSync(folder))) throw error;
    }
  }
  return missing;
}
