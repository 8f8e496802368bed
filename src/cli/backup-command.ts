import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { readRunConfig } from "../config/run-config.js";
import { snapshotKnobsOf, type GroupSpec } from "../vocabulary/spec.js";
import { takeBackup } from "./backup-taking.js";
import { chooseGroup, gatewayUrl, type Status } from "./gateway-api.js";
import { EXIT, Failure, show, type TargetOptions, withExample, withTarget } from "./output.js";
import { sizeText } from "./progress.js";

interface BackupOptions extends TargetOptions {
  readonly group?: string;
}

const help = `The group goes on serving. The backup holds everything that was answered before the command began, at exactly one committed
index: the state, sessions and idempotency keys. The file \`backup\` is written last: a folder without it is no backup.

\`troupe inspect <folder>\` looks into one, \`troupe restore <folder>\` makes a new system of it.`;

export function addBackup(program: Command): void {
  const command = program
    .command("backup")
    .description("copies a group to a folder, consistent, while it serves")
    .argument("<folder>", "where the backup goes: a folder that is empty, or not there yet")
    .option("--group <group>", "the group; may be left out when there is one")
    .addHelpText("after", `\n${help}`);
  withExample(withTarget(command), "troupe backup /mnt/backups/bank-monday").action(async (path: string, options: BackupOptions) => {
    const folder = resolve(path);
    if (existsSync(folder) && readdirSync(folder).length > 0)
      throw new Failure(EXIT.failed, `${folder} is not empty. A backup never overwrites anything: name another folder.`);
    const group = await chooseGroup(options, options.group);
    const spec = specOf(options.dir, group);
    const host = new URL(gatewayUrl(options)).host;
    const record = await takeBackup({ folder, host, spec });
    const { index, epoch, sizeBytes } = record.snapshot;
    show(
      options.json === true,
      { folder, group: spec.group, index, epoch, sizeBytes },
      `${spec.group}: index ${index} of epoch ${epoch.join(".")}, ${sizeText(sizeBytes)}, is in ${folder}`,
    );
  });
}

/** What the group was made with, with what was changed since. */
function specOf(dir: string, status: Status["groups"][number]): GroupSpec {
  const made = readRunConfig(dir).groups.find((spec) => spec.group === status.group);
  if (made === undefined)
    throw new Failure(
      EXIT.failed,
      `${dir}/config.json does not know the group ${status.group}: --dir has to be the data folder of that system.`,
    );
  const { styleWanted: style, replicasWanted: replicas, quorum, minimumReplicas, durability } = status;
  return { ...made, style, replicas, quorum, minimumReplicas, durability, ...snapshotKnobsOf(status) };
}
