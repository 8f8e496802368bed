import { closeSync, existsSync, fsyncSync, linkSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Recovery, RecoveryInput } from "../rm/core/recovery-plan.js";
import { writeControlStore } from "../rm/process/embedded-store.js";
import { openEventLog } from "../rm/process/event-log.js";
import { wallMs } from "../runtime/clock.js";
import { createDisk } from "../runtime/disk.js";
import { reasonOf } from "../runtime/error-code.js";
import { makeFolder } from "../runtime/folder.js";
import { replaceDurably, syncFolder } from "../runtime/durable-file.js";
import { EXIT, Failure } from "./output.js";
import { replicaFolders } from "./recover-finding.js";

/**
 * First what was found and will be done is written down, durable, with the control store of before; then the store is replaced in one step.
 * Cut short before that, nothing has changed. Returns the path of the record.
 */
export async function applyRecovery(dir: string, input: RecoveryInput, plan: Recovery): Promise<string> {
  syncData(dir);
  const folder = join(dir, "recovered");
  const rm = join(dir, "rm");
  for (const each of [folder, rm]) makeFolder(each);
  const number = Math.max(0, ...readdirSync(folder).map((name) => Number(/^(\d+)\./.exec(name)?.[1] ?? 0))) + 1;
  for (const name of ["control", "control.copy"]) if (existsSync(join(rm, name))) keep(join(rm, name), join(folder, `${number}.${name}`));
  const record = join(folder, `${number}.json`);
  replaceDurably(
    record,
    Buffer.from(
      `${JSON.stringify({ atMs: wallMs(), kind: plan.kind, lines: plan.lines, found: input, content: plan.content }, null, 2)}\n`,
    ),
  );
  syncFolder(dir);
  await writeControlStore(createDisk(rm), plan.content);
  openEventLog(rm).add(plan.event, wallMs());
  return record;
}

/** What cannot be read any more is kept as the file that it is: a new one takes its place. */
function keep(path: string, keptAs: string): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    try {
      return linkSync(path, keptAs);
    } catch {
      const todo = `Move it out of its folder, to keep it, and run \`troupe recover\` again`;
      throw new Failure(EXIT.failed, `Nothing was changed: ${path} cannot be read (${reasonOf(error)}). ${todo}.`);
    }
  }
  replaceDurably(keptAs, bytes);
}

/** What was read may not have been durable yet, and the new store stands on it: a loss of power must not take it away again. */
function syncData(dir: string): void {
  for (const replica of replicaFolders(dir)) {
    const folder = join(dir, "replicas", replica);
    const data = join(folder, "data");
    if (!existsSync(data)) continue;
    let path = data;
    try {
      for (const entry of readdirSync(data, { withFileTypes: true })) {
        path = join(data, entry.name);
        if (entry.isFile()) syncFile(path);
      }
      path = data;
      syncFolder(data);
    } catch (error) {
      const passing = "If that passes (a disk that is full, or mounted for reading only), mend it and run `troupe recover` again";
      const lasting = `If the disk is broken, move ${folder} to another one and away from here: the replica counts as missing then`;
      throw new Failure(EXIT.failed, `Nothing was changed: ${path} cannot be synced (${reasonOf(error)}). ${passing}. ${lasting}.`);
    }
  }
}

function syncFile(path: string): void {
  const handle = openSync(path, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
