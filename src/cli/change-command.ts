import type { Command } from "commander";
import { groupChangeSchema } from "../config/schema.js";
import { DEFAULTS } from "../vocabulary/limit.js";
import { STYLES } from "../vocabulary/style.js";
import { askOk, chooseGroup, field, readStatus } from "./gateway-api.js";
import { EXIT, Failure, isFailure, show, type TargetOptions, withExample, withTarget } from "./output.js";

interface ChangeOptions extends TargetOptions {
  readonly group?: string;
}

const GROUP_OPTION = ["--group <group>", "the group; may be left out when there is one"] as const;
const GROUP_SETTINGS: readonly string[] = Object.keys(groupChangeSchema.shape);
const DETECTOR_SETTING = /^(lfd|gfd)\.(heartbeatIntervalMs|suspicionTimeoutMs)$/;

/** Changes of the running system that concern more than one replica: `style`, `set`, `add`, `move`. */
export function addChangeCommands(program: Command): void {
  const style = program
    .command("style")
    .description(`changes the replication style while clients work: ${STYLES.join(", ")}`)
    .argument("<style>", "the new style")
    .option(...GROUP_OPTION);
  withExample(withTarget(style), "troupe style active").action(async (name: string, options: ChangeOptions) => {
    await changeGroup({ style: name }, options);
  });

  const set = program
    .command("set")
    .description("changes settings of a group or of the detectors while they run")
    .argument("<setting=value...>", `${GROUP_SETTINGS.join(", ")}; lfd.heartbeatIntervalMs, lfd.suspicionTimeoutMs, and the same of gfd`)
    .option(...GROUP_OPTION);
  withExample(
    withTarget(set),
    `troupe set replicas=5 quorum=all`,
    `troupe set lfd.heartbeatIntervalMs=${DEFAULTS.lfd.heartbeatIntervalMs * 2}`,
  ).action(setAll);

  const add = program
    .command("add")
    .description("wants one replica more")
    .option(...GROUP_OPTION);
  withExample(withTarget(add), "troupe add").action(async (options: ChangeOptions) => {
    const group = await chooseGroup(options, options.group);
    await changeGroup({ replicas: group.replicasWanted + 1 }, { ...options, group: group.group });
  });

  const move = program
    .command("move")
    .description("moves a replica to another host")
    .argument("<replica>", "the replica")
    .argument("[host]", "where it shall go");
  withExample(withTarget(move), "troupe move bank-2 host-2").action(moveReplica);
}

async function changeGroup(change: Readonly<Record<string, unknown>>, options: ChangeOptions): Promise<void> {
  const group = options.group ?? (await chooseGroup(options)).group;
  const answer = await askChange(options, `/v1/admin/groups/${encodeURIComponent(group)}`, change);
  say(options, { group, change, changeId: field(answer, "changeId") }, `${group}: ${describe(change)}`);
}

function say(options: ChangeOptions, value: { readonly changeId: unknown; readonly [name: string]: unknown }, text: string): void {
  show(
    options.json === true,
    value,
    `${text}; taken as change ${String(value.changeId)}, \`troupe status\` shows what is wanted and what is so`,
  );
}

function describe(change: Readonly<Record<string, unknown>>): string {
  return Object.entries(change)
    .map(([name, value]) => `${name} = ${String(value)}`)
    .join(", ");
}

function wrongSetting(pair: string): Failure {
  const name = pair.replace(/=.*$/s, "");
  const isKnown = GROUP_SETTINGS.includes(name) || DETECTOR_SETTING.test(name);
  const why = isKnown
    ? `Say what ${name} shall be: ${name}=VALUE.`
    : `There is no setting ${name} that can be changed while the system runs.`;
  return new Failure(EXIT.usage, `${why} See \`troupe set --help\`.`);
}

/** What the gateway finds wrong with a setting is wrong on the command line. */
async function askChange(options: ChangeOptions, path: string, change: unknown): Promise<unknown> {
  try {
    return await askOk(options, "PATCH", path, change);
  } catch (error) {
    if (isFailure(error) && field(error.data, "code") === "bad-request") throw new Failure(EXIT.usage, error.message, error.data);
    throw error;
  }
}

async function setAll(pairs: readonly string[], options: ChangeOptions): Promise<void> {
  const group: Record<string, unknown> = {};
  const detectors = new Map<string, Record<string, unknown>>();
  for (const pair of pairs) {
    const [, name = "", text = ""] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    const detector = DETECTOR_SETTING.exec(name);
    const value = /^\d+$/.test(text) ? Number(text) : text;
    if (GROUP_SETTINGS.includes(name)) group[name] = value;
    else if (detector?.[1] !== undefined && detector[2] !== undefined)
      detectors.set(detector[1], { ...detectors.get(detector[1]), [detector[2]]: value });
    else throw wrongSetting(pair);
  }
  const isGroup = Object.keys(group).length > 0;
  if (detectors.size === 0) await changeGroup(group, options);
  else if (isGroup || detectors.size > 1) await changeSeveral(isGroup ? group : null, detectors, options);
  else for (const [detector, knobs] of detectors) await changeDetector(detector, knobs, options);
}

async function changeDetector(detector: string, knobs: Readonly<Record<string, unknown>>, options: ChangeOptions): Promise<void> {
  const answer = await askChange(options, `/v1/admin/detectors/${detector}`, knobs);
  say(options, { detector, knobs, changeId: field(answer, "changeId") }, `${detector}: ${describe(knobs)}`);
}

/** One request, so that all of it is made or nothing. */
async function changeSeveral(
  change: Readonly<Record<string, unknown>> | null,
  detectorKnobs: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
  options: ChangeOptions,
): Promise<void> {
  const groups = change === null ? {} : { [options.group ?? (await chooseGroup(options)).group]: change };
  const detectors = Object.fromEntries(detectorKnobs);
  const answer = await askChange(options, "/v1/admin/settings", { groups, detectors });
  const words = [...Object.entries(groups), ...detectorKnobs].map(([name, values]) => `${name}: ${describe(values)}`);
  say(options, { groups, detectors, changeId: field(answer, "changeId") }, words.join("; "));
}

/** A move is an admission elsewhere and a removal here; the embedded store knows one host. */
async function moveReplica(replica: string, host: string | undefined, options: ChangeOptions): Promise<void> {
  const status = await readStatus(options);
  const group = status.groups.find((each) => each.members.some((member) => member.replica === replica));
  if (group === undefined) throw new Failure(EXIT.failed, `There is no replica ${replica}.`);
  const here = group.members.find((member) => member.replica === replica)?.host;
  const others = status.hosts.map((each) => each.host).filter((name) => name !== here);
  if (others.length === 0)
    throw new Failure(
      EXIT.failed,
      `There is nowhere to move ${replica} to: this system has the one host ${String(here)}. With \`troupe remove ${replica}\` and \`troupe add\` a new replica takes its place here.`,
    );
  throw new Failure(
    EXIT.failed,
    `${host === undefined ? "A host has to be named" : `${replica} cannot be moved to ${host}`}: moves between hosts are not built yet.`,
  );
}
