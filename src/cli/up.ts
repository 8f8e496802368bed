import type { Command } from "commander";
import { Option } from "commander";
import { commandEntry } from "../config/installation.js";
import { writeRunConfig } from "../config/run-config.js";
import type { Settings } from "../config/schema.js";
import { reasonOf } from "../runtime/error-code.js";
import { claimFolder } from "../supervisor/claim.js";
import type { ComponentCommand, SupervisorEvent } from "../supervisor/component.js";
import { startSupervisor, stopOnSignals, type Supervisor } from "../supervisor/supervisor.js";
import { DEFAULTS } from "../vocabulary/limit.js";
import { DURABILITIES, STYLES } from "../vocabulary/style.js";
import { dropUnwritable, portNumber, print, shellWord, wholeNumber, withExample } from "./output.js";
import { detach } from "./up-detach.js";
import { startBankLoad } from "./up-load.js";
import { decideSettings, planRun, type UpFlags } from "./up-plan.js";
import { waitUntilReady } from "./up-ready.js";
import { watchSystem } from "./up-watch.js";

export function addUp(program: Command): void {
  const command = program
    .command("up")
    .description("runs a service as a replicated group on this machine, with all components, until Ctrl-C")
    .argument("[service]", "bank, counter, kv, or the path of a service file (default: bank)")
    .option("--group <name>", "name of the group; default: the service's name")
    .option("--replicas <n>", `wanted number of replicas (default: ${DEFAULTS.replicas})`, wholeNumber)
    .addOption(new Option("--style <style>", "who executes (default: warm-passive)").choices(STYLES))
    .addOption(new Option("--durability <kind>", "what persisted means (default: disk)").choices(DURABILITIES))
    .addOption(new Option("--quorum <rule>", "how many replicas must have an entry (default: majority)").choices(["majority", "all"]))
    .option("--minimum-replicas <n>", "below this many replicas new work is refused", wholeNumber)
    .option("--port <port>", `port of the gateway; 0 takes a free one (default: ${DEFAULTS.port})`, portNumber)
    .option("--host <host>", "where the gateway listens (default: 127.0.0.1)")
    .option("--insecure-network", "allows a --host beyond this machine: nothing is encrypted, and nobody is asked who they are")
    .option("--dir <folder>", `the data folder (default: ${DEFAULTS.dir})`)
    .option("--config <file>", "the configuration file; default: troupe.config.ts or troupe.config.json, if there is one")
    .option("--load", "runs the bank's workload with a few clients")
    .option("--no-load", "runs no workload")
    .option("--fresh", "begins anew: removes the group's data first")
    .option("--detach", "returns once the group answers; `troupe down` ends it")
    .option("--json", "after the line `ready` prints events as JSON, one a line, and no live view");
  withExample(command, "troupe up bank --load", "troupe up ./orders.ts --replicas 5 --style active").action(
    async (service: string | undefined, options: UpFlags) => {
      const flags = service === undefined ? options : { ...options, service };
      if (flags.detach === true) await detach(flags, await decideSettings(process.cwd(), flags));
      else await up(flags);
    },
  );
}

async function up(flags: UpFlags): Promise<void> {
  const settings = await decideSettings(process.cwd(), flags);
  const folder = await claimFolder(settings.dir);
  let config: Awaited<ReturnType<typeof planRun>>;
  try {
    config = await planRun(settings, folder.dir, folder.clusterId, flags.fresh === true);
    writeRunConfig(folder.dir, config);
  } catch (error) {
    await folder.release();
    throw error;
  }
  dropUnwritable();
  const trouble = createTrouble();
  const supervisor = await startSupervisor({ folder, components: componentsOf(folder.dir), onEvent: trouble.onEvent });
  stopOnSignals(supervisor, (exitCode, error) => {
    if (error !== null) process.stderr.write(`${reasonOf(error)}\n`);
    process.exit(exitCode);
  });
  await serve(supervisor, { settings, dir: folder.dir, group: config.groups[0]?.group ?? "", isJson: flags.json === true, trouble });
}

interface Serving {
  readonly settings: Settings;
  readonly dir: string;
  readonly group: string;
  readonly isJson: boolean;
  readonly trouble: Trouble;
}

async function serve(supervisor: Supervisor, { settings, dir, group, isJson, trouble }: Serving): Promise<void> {
  const gateway = await waitUntilReady({
    dir,
    group,
    host: settings.host,
    gatewayPid: () => supervisor.pids().gateway ?? null,
    gaveUp: trouble.gaveUp,
  }).catch(async (error: unknown) => {
    await supervisor.stop();
    throw error;
  });
  print(`ready ${gateway.url}`);
  if (!isJson) print(instructions(gateway.url, group, settings.dir));
  const load = settings.load ? await startBankLoad(dir, group) : null;
  trouble.report();
  await watchSystem({ target: { dir }, url: gateway.url, load, isJson });
}

function componentsOf(dir: string): ComponentCommand[] {
  const entry = commandEntry();
  const component = (name: string, probe: ComponentCommand["probe"]): ComponentCommand => ({
    name,
    command: process.execPath,
    args: ["--enable-source-maps", entry, name, "--dir", dir],
    probe,
  });
  return [component("gfd", "heartbeat"), component("rm", "heartbeat"), component("lfd", "heartbeat"), component("gateway", "http")];
}

interface Trouble {
  readonly onEvent: (event: SupervisorEvent) => void;
  /** Why a component will not be started again, or null. */
  readonly gaveUp: () => string | null;
  /** From now on what happens to components is said on stderr. */
  report(): void;
}

function createTrouble(): Trouble {
  let why: string | null = null;
  let isReporting = false;
  return {
    onEvent(event) {
      if (event.kind === "gave-up") why ??= `${event.component} cannot run: ${event.why}`;
      if (isReporting && !process.stdout.isTTY) process.stderr.write(`${supervisorText(event)}\n`);
    },
    gaveUp: () => why,
    report() {
      isReporting = true;
    },
  };
}

function supervisorText(event: SupervisorEvent): string {
  switch (event.kind) {
    case "started":
      return `up: ${event.component} started (pid ${event.pid})`;
    case "ended":
      return `up: ${event.component} ended (${event.how}); started again in ${event.restartInMs} ms`;
    case "killed":
      return `up: ${event.component} killed (${event.why})`;
    case "gave-up":
      return `up: ${event.component} is not started again: ${event.why}`;
  }
}

/** `dir` as it was given: what stands here is to be copied, and has to find the same folder. */
function instructions(url: string, group: string, dir: string): string {
  const at = dir === DEFAULTS.dir ? "" : ` --dir ${shellWord(dir)}`;
  const call = group === "bank" ? `operations/deposit -d '{"account":"account-1","amount":5}'` : "operations/OPERATION -d 'INPUT'";
  return [
    `  call it:     curl ${url}/v1/groups/${group}/${call} -H 'content-type: application/json'`,
    `               npx troupe call NAME INPUT${at}        (names: curl ${url}/v1/groups/${group}/members)`,
    `  kill things: npx troupe kill leader${at}, or REPLICA, lfd, gfd, rm, gateway in its place`,
    `  look:        npx troupe status${at}, npx troupe events --follow${at}, npx troupe logs REPLICA${at}`,
    `  change:      npx troupe style active${at}, npx troupe set replicas=5${at}`,
    `  stop:        npx troupe down${at}, or Ctrl-C where \`up\` holds a terminal`,
  ].join("\n");
}
