import { join, resolve } from "node:path";
import type { Command } from "commander";
import { readRunConfig, type RunConfig } from "../config/run-config.js";
import { planRecovery, type RecoveryInput } from "../rm/core/recovery-plan.js";
import { reasonOf } from "../runtime/error-code.js";
import { FolderInUse, lockFolder } from "../runtime/folder-lock.js";
import { epochText } from "../vocabulary/epoch.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import { userOf } from "./folder-look.js";
import { DIR_OPTION, EXIT, Failure, show, table, withExample } from "./output.js";
import { confirm } from "./recover-consent.js";
import { applyRecovery } from "./recover-applying.js";
import { findAll, replicaFolders } from "./recover-finding.js";
import { recoverInMemory } from "./recover-in-memory.js";

interface RecoverOptions {
  readonly dir: string;
  readonly acceptDataLoss?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const help = `The system has to stand still: \`troupe down\` first. Without a flag nothing that was acknowledged is given up: a control store (DIR/rm) that
is lost, damaged or older than its replicas is rebuilt from what they know, or nothing is changed and it says what is in the way.

With --accept-data-loss the group goes on from the best of what is left, in the next generation. What would be given up is shown before anything
is done. Nothing of the old generation comes back into the group: data that turns up later is set aside.

With durability \`memory\` nothing outlives the processes: there --accept-data-loss is for the running system, and tells it to go on from whoever is left.

What was found and done is kept in DIR/recovered, with the control store of before, and told as an event.`;

export function addRecover(program: Command): void {
  const command = program
    .command("recover")
    .description("rebuilds a lost control store; as the last resort, goes on from what is left of a group")
    .option("--accept-data-loss", "gives up what the missing replicas held, and goes on in the next generation")
    .option("--yes", "does not ask")
    .option(...DIR_OPTION)
    .option("--json", "print JSON")
    .addHelpText("after", `\n${help}`);
  withExample(command, "troupe recover", "troupe recover --accept-data-loss").action(async (options: RecoverOptions) => {
    const dir = resolve(options.dir);
    const config = configOf(dir);
    const spec = specOf(config);
    if (spec.durability === "memory") return recoverInMemory(dir, spec, options);
    const lock = await lockStill(dir);
    try {
      await recover(dir, config, spec, options);
    } finally {
      await lock.release();
    }
  });
}

async function recover(dir: string, config: RunConfig, spec: GroupSpec, options: RecoverOptions): Promise<void> {
  const input = await findAll(dir, config, spec);
  const plan = planRecovery(input, options.acceptDataLoss === true);
  if (plan.kind === "refused") throw new Failure(EXIT.failed, plan.why, { plan: plan.kind });
  if (plan.kind === "nothing") return show(options.json === true, { plan: plan.kind, why: plan.why }, plan.why);
  const found = foundText(input);
  // Whoever is not asked reads once what is given up, among what was done.
  if (plan.kind === "give-up") await confirm(options.yes === true ? `${found}\n` : `${found}\n\n${plan.lines.join("\n")}`, options);
  const record = await applyRecovery(dir, input, plan);
  const done = `${plan.lines.join("\n")}\nWhat was found and done is kept in ${record}. Start the system with \`troupe up\`.`;
  show(options.json === true, { plan: plan.kind, lines: plan.lines, record, ...plan.event.data }, done);
}

function configOf(dir: string): RunConfig {
  try {
    return readRunConfig(dir);
  } catch (error) {
    throw new Failure(EXIT.failed, reasonOf(error));
  }
}

function specOf({ groups }: RunConfig): GroupSpec {
  const [spec, ...more] = groups;
  if (spec === undefined || more.length > 0) throw new Failure(EXIT.failed, "This data folder does not hold one group.");
  return spec;
}

/** Nobody works in the folder, and nobody begins to. */
async function lockStill(dir: string): Promise<{ release(): Promise<void> }> {
  try {
    const lock = await lockFolder(dir);
    for (const folder of [join(dir, "rm"), join(dir, "lfd"), ...replicaFolders(dir).map((replica) => join(dir, "replicas", replica))]) {
      const user = await userOf(folder).catch(() => null);
      if (user === null) continue;
      await lock.release();
      throw new Failure(
        EXIT.failed,
        `${folder} is in use by process ${user.pid ?? "unknown"}: stop the system with \`troupe down\` first.`,
      );
    }
    return lock;
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    throw new Failure(EXIT.failed, `The system runs: stop it with \`troupe down\` first. (${error.message})`);
  }
}

/** What each replica holds. */
function foundText({ store, replicas }: RecoveryInput): string {
  const rows = replicas.map((found) => [
    found.replica,
    found.incarnation?.slice(0, 8) ?? "-",
    found.activeView === null ? "none" : `${epochText(found.activeView.epoch)} (generation ${found.activeView.generation})`,
    `${found.lastIndex} of ${epochText(found.lastEpoch)}`,
    found.damage ?? "whole",
  ]);
  const state =
    store.kind === "whole" ? `whole, term ${store.content.term}` : store.kind === "missing" ? "missing" : `${store.kind}: ${store.reason}`;
  return `control store: ${state}\n${table([["replica", "incarnation", "last view", "last index", "data"], ...rows])}`;
}
