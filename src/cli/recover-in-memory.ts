import { setTimeout as sleep } from "node:timers/promises";
import type { GroupSpec } from "../vocabulary/spec.js";
import { askOk, chooseGroup, type Status } from "./gateway-api.js";
import { EXIT, Failure, isFailure, show } from "./output.js";
import { confirm } from "./recover-consent.js";

interface Options {
  readonly acceptDataLoss?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/** What is left of such a group is in the memory of its processes: it can only go on while they run. */
export async function recoverInMemory(dir: string, spec: GroupSpec, options: Options): Promise<void> {
  const target = { dir };
  const group = await groupOf(target, spec);
  if (group.serving) {
    const why = `Group ${group.group} serves: nothing has to be recovered, and nothing was changed.`;
    return show(options.json === true, { plan: "nothing", why }, why);
  }
  const waiting = `group ${group.group}: ${group.waiting ?? "does not serve"}`;
  if (options.acceptDataLoss !== true)
    throw new Failure(
      EXIT.failed,
      `Nothing was changed. ${waiting}. Its state is in memory only: there is nothing to rebuild from a disk.`,
    );
  await confirm(
    `${waiting}\nWhat only those held is given up. Sessions of clients expire; what they sent and got no answer for is unknown.`,
    options,
  );
  await askOk(target, "POST", `/v1/admin/groups/${encodeURIComponent(group.group)}/accept-loss`, { epoch: group.epoch });
  const { generation, leader, waiting: still, serving } = await untilServing(target, spec);
  if (!serving)
    throw new Failure(EXIT.failed, `The loss is accepted, and group ${group.group} does not serve yet: ${still ?? "see `troupe status`"}.`);
  const done = `Group ${group.group} goes on as generation ${generation}, led by ${leader ?? "nobody yet"}.`;
  show(options.json === true, { plan: "give-up", generation, leader }, done);
}

type Group = Status["groups"][number];

async function groupOf(target: { readonly dir: string }, spec: GroupSpec): Promise<Group> {
  try {
    return await chooseGroup(target, spec.group);
  } catch (error) {
    if (!isFailure(error) || error.exitCode !== EXIT.unreachable) throw error;
    throw new Failure(
      EXIT.unreachable,
      `Group ${spec.group} keeps its state in the memory of its processes, and they do not run: nothing is left to recover. Restore a backup with \`troupe restore\`, or begin anew with \`troupe up --fresh\`.`,
    );
  }
}

async function untilServing(target: { readonly dir: string }, spec: GroupSpec): Promise<Group> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const group = await chooseGroup(target, spec.group);
    if (group.serving || performance.now() >= endMs) return group;
    await sleep(LOOK_AGAIN_MS);
  }
}
