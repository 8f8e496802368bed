import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeFolderDurably } from "../runtime/folder.js";

const FOLDERS = ["rm", "replicas", "lfd"];

/**
 * `--fresh`: everything of the group, but neither the bundle just made nor the logs. What the gateway remembers of the members is passed over,
 * since the system that begins has another id. The folders are there again, durable, before anything is synced inside them: that would count
 * for nothing where a power cut takes the folder itself.
 */
export function removeData(dir: string): void {
  for (const name of [...FOLDERS, "config.json"]) if (existsSync(join(dir, name))) rmSync(join(dir, name), { recursive: true });
  for (const name of FOLDERS) makeFolderDurably(join(dir, name));
}
