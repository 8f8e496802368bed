import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Recovery, RecoveryInput } from "../rm/core/recovery-plan.js";
import { writeControlStore } from "../rm/process/embedded-store.js";
import { openEventLog } from "../rm/process/event-log.js";
import { wallMs } from "../runtime/clock.js";
import { createDisk } from "../runtime/disk.js";
import { makeFolder } from "../runtime/folder.js";
import { replaceDurably, syncFolder } from "../runtime/durable-file.js";
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
  for (const name of ["control", "control.copy"])
    if (existsSync(join(rm, name))) replaceDurably(join(folder, `${number}.${name}`), readFileSync(join(rm, name)));
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

/** What was read may not have been durable yet, and the new store stands on it: a loss of power must not take it away again. */
function syncData(dir: string): void {
  for (const replica of replicaFolders(dir)) {
    const data = join(dir, "replicas", replica, "data");
    if (!existsSync(data)) continue;
    for (const entry of readdirSync(data, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const handle = openSync(join(data, entry.name), "r+");
      try {
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
    }
    syncFolder(data);
  }
}
