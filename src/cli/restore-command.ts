import { existsSync, readdirSync, realpathSync, renameSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { hasCode } from "../runtime/error-code.js";
import { randomId } from "../runtime/random.js";
import { BACKUP_PATH, type BackupRecord } from "../storage/backup-file.js";
import { damageInBackup, describeBackup } from "../storage/inspection-backup.js";
import { DEFAULTS } from "../vocabulary/limit.js";
import { lookInto, userOf } from "./folder-look.js";
import { EXIT, Failure, shellWord, show, withExample } from "./output.js";
import { sizeText } from "./progress.js";
import { makeRestored, type Restored } from "./restore-making.js";

interface RestoreOptions {
  readonly dir: string;
  readonly json?: boolean;
}

const help = `The restored group is a new one: another system id, new incarnations, the next generation. Nothing of the old group can join it, and
sessions of its clients are told that they have expired: what they had sent and got no answer for is unknown.

Start it with the same service: \`troupe up my-service.ts --dir <folder>\`. Another code than the one that wrote the state is refused.`;

export function addRestore(program: Command): void {
  const command = program
    .command("restore")
    .description("makes the data folder of a new system from a backup")
    .argument("<folder>", "the backup")
    .option("--dir <folder>", "the data folder to make: one that is empty, or not there yet", DEFAULTS.dir)
    .option("--json", "print JSON")
    .addHelpText("after", `\n${help}`);
  withExample(command, "troupe restore /mnt/backups/bank-monday --dir /var/lib/bank").action(
    async (path: string, options: RestoreOptions) => {
      const folder = resolve(path);
      const dir = resolve(options.dir);
      const record = readBackup(folder);
      await refuseTaken(dir);
      const made = await makeRestored(folder, record, dir);
      const { group, service, durability } = record.spec;
      const other = durability === "memory" ? " It kept its state in memory, and is restored with durability disk." : "";
      show(
        options.json === true,
        { dir, group, generation: made.generation, index: record.snapshot.index, replicas: made.replicas },
        `${group} is restored to ${dir}: index ${record.snapshot.index} (${sizeText(record.snapshot.sizeBytes)}), generation ${made.generation}, replicas ${made.replicas.join(", ")}.${other}\nStart it with \`troupe up SERVICE --group ${group} --dir ${shellWord(options.dir)}\`, where SERVICE is the file of the service ${service.name} as it was.`,
      );
    },
  );
}

/** Throws a Failure, and has changed nothing then, when the backup cannot be used or the folder is not free. */
export async function restore(folder: string, dir: string): Promise<{ readonly record: BackupRecord; readonly made: Restored }> {
  const record = readBackup(folder);
  await refuseTaken(dir);
  return { record, made: await makeRestored(folder, record, dir) };
}

/** Throws what is wrong with a backup, in words, before anything is made of it. */
function readBackup(folder: string): BackupRecord {
  if (!existsSync(folder)) throw new Failure(EXIT.failed, `There is no ${folder}.`);
  if (!statSync(folder).isDirectory()) throw new Failure(EXIT.failed, `${folder} is no folder; a backup is one.`);
  if (!existsSync(join(folder, BACKUP_PATH))) {
    const begun = readdirSync(folder).some((name) => name.startsWith("snapshot-"));
    const why = begun ? "It was begun and never finished: the file" : "The file";
    throw new Failure(EXIT.failed, `${folder} is no backup. ${why} \`${BACKUP_PATH}\`, which is written last, is missing.`);
  }
  const found = describeBackup(lookInto(folder));
  const damage = damageInBackup(found);
  if (!found.record.ok || damage.length > 0)
    throw new Failure(EXIT.failed, `The backup in ${folder} cannot be used: ${damage.join("; ")}. Nothing was restored.`);
  return found.record.value;
}

/** A restore never overwrites. */
async function refuseTaken(dir: string): Promise<void> {
  if (!existsSync(dir)) return;
  if (!statSync(dir).isDirectory()) throw new Failure(EXIT.failed, `${dir} is no folder.`);
  const user = await userOf(dir);
  if (user !== null)
    throw new Failure(EXIT.failed, `A system runs in ${dir} (process ${user.pid ?? "unknown"}). Restore to another folder with --dir.`);
  if (readdirSync(dir).length > 0)
    throw new Failure(EXIT.failed, `${dir} is not empty. A restore never overwrites anything: name another folder with --dir.`);
  refuseFixed(realpathSync(dir));
}

/** The restored folder takes its place as a whole, which a mount point does not bear: better said before everything is copied. */
function refuseFixed(dir: string): void {
  const aside = `${dir}.restoring-${randomId().slice(0, 8)}`;
  try {
    renameSync(dir, aside);
  } catch (error) {
    if (!hasCode(error, "EBUSY")) return; // Not moved, which says nothing about what is done in the end.
    const better = `Name a folder in it, which the restore makes: --dir ${join(dir, "troupe")}`;
    throw new Failure(EXIT.failed, `${dir} is a mount point, and cannot be replaced as a whole. ${better}.`);
  }
  renameSync(aside, dir);
}
