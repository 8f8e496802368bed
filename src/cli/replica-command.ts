import type { Command } from "commander";
import { readAddress } from "../runtime/address-file.js";
import { signalProcess } from "../runtime/process-info.js";
import type { ReplicaAction } from "../vocabulary/admin.js";
import { askOk, field, readStatus, type Target } from "./gateway-api.js";
import { EXIT, Failure, show, type TargetOptions, withExample, withTarget } from "./output.js";

const COMPONENTS: readonly string[] = ["lfd", "gfd", "rm", "gateway"];

/** `kill`, `pause`, `resume`, `lead`, `remove`: one replica each. */
export function addReplicaCommands(program: Command): void {
  addKill(program);
  addAction(program, "pause", "stops a replica's process (SIGSTOP); it is held, not killed, until it is resumed", "troupe pause bank-2");
  addAction(program, "resume", "lets a paused replica go on (SIGCONT)", "troupe resume bank-2");
  addAction(program, "lead", "hands the lead over to a replica; clients see no error", "troupe lead bank-3");
  addAction(program, "remove", "takes a replica out of its group for good, and wants one less", "troupe remove bank-3");
}

function addKill(program: Command): void {
  const command = program
    .command("kill")
    .description("kills a replica's process (SIGKILL), or a component's: lfd, gfd, rm, gateway")
    .argument("<replica>", "the replica; `leader` for whoever leads; or a component");
  withExample(withTarget(command), "troupe kill leader", "troupe kill rm").action(async (name: string, options: TargetOptions) => {
    if (COMPONENTS.includes(name)) {
      const pid = killComponent(options, name);
      show(options.json === true, { component: name, pid }, `killed ${name} (pid ${pid}); \`up\` starts it again`);
    } else await act(name, "kill", options);
  });
}

function addAction(program: Command, action: ReplicaAction, description: string, example: string): void {
  const command = program.command(action).description(description).argument("<replica>", "the replica; `leader` for whoever leads");
  withExample(withTarget(command), example).action((name: string, options: TargetOptions) => act(name, action, options));
}

async function act(name: string, action: ReplicaAction, options: TargetOptions): Promise<void> {
  const replica = name === "leader" ? await leaderOf(options) : name;
  const answer = await askOk(options, "POST", `/v1/admin/replicas/${encodeURIComponent(replica)}/${action}`);
  const changeId = field(answer, "changeId");
  show(
    options.json === true,
    { replica, action, changeId },
    `${action} ${replica}: taken as change ${String(changeId)}; watch it with \`troupe events\``,
  );
}

async function leaderOf(target: Target): Promise<string> {
  const leaders = (await readStatus(target)).groups.flatMap((group) => (group.leader === null ? [] : [group.leader]));
  if (leaders.length === 1 && leaders[0] !== undefined) return leaders[0];
  throw new Failure(
    EXIT.failed,
    leaders.length === 0 ? "Nobody leads at the moment." : `There are several leaders (${leaders.join(", ")}); name one.`,
  );
}

/** Components are not the Replication Manager's: they are killed here, each only if it is still the process that left its address. */
function killComponent(target: Target, name: string): number {
  const record = readAddress(target.dir, name);
  if (record === null || !signalProcess(record.pid, record.startTime, "SIGKILL"))
    throw new Failure(EXIT.failed, `There is no ${name} running that has left its address in ${target.dir}.`);
  return record.pid;
}
