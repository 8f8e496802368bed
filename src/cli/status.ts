import type { Command } from "commander";
import type { DetectorStatus, MemberStatus } from "../vocabulary/admin.js";
import type { DetectorKnobs } from "../vocabulary/spec.js";
import { epochText } from "../vocabulary/epoch.js";
import { readStatus, type Status } from "./gateway-api.js";
import { show, type TargetOptions, table, withExample, withTarget } from "./output.js";

export function addStatus(program: Command): void {
  const command = program.command("status").description("shows groups, members, hosts and components");
  withExample(withTarget(command), "troupe status").action(async (options: TargetOptions) => {
    const status = await readStatus(options);
    show(options.json === true, status, statusText(status));
  });
}

export function statusText(status: Status): string {
  const parts = status.groups.map(groupText);
  const stale = status.stale ? ["The Replication Manager does not answer; this is its last word.", ""] : [];
  const hosts = status.hosts.map((host) => `host ${host.host}: ${host.verdict}, ${host.memberCount} members, LFD pid ${host.pid}`);
  const components = status.components.map((each) => [each.component, String(each.pid), each.verdict]);
  const below = components.length === 0 ? [] : [table([["component", "pid", "verdict"], ...components])];
  const detectors = (["lfd", "gfd"] as const).map((name) => detectorText(name, status.detectors[name]));
  return [...stale, ...parts, ...hosts, ...detectors, "", ...below].join("\n");
}

function detectorText(name: string, { wanted, effective }: DetectorStatus): string {
  const now = knobsText(effective);
  const next = knobsText(wanted);
  return `${name}: ${now}${next === now ? "" : ` (changing to ${next})`}`;
}

function knobsText({ heartbeatIntervalMs, suspicionTimeoutMs }: DetectorKnobs): string {
  return `heartbeats each ${heartbeatIntervalMs} ms, suspects after ${suspicionTimeoutMs} ms`;
}

function groupText(group: Status["groups"][number]): string {
  const wanted = group.style === group.styleWanted ? "" : ` (changing to ${group.styleWanted})`;
  const state = group.serving ? "serving" : `not serving${group.waiting === null ? "" : `: ${group.waiting}`}`;
  const head = [
    `group ${group.group}: ${state}`,
    `  service ${group.service} (${group.serviceHash.slice(0, 12)}), ${group.style}${wanted}, ${group.durability}`,
    `  epoch ${epochText(group.epoch)}, generation ${group.generation}, ${group.replicasWanted} replicas wanted, quorum ${group.quorum} (${group.quorumSize}), at least ${group.minimumReplicas}`,
  ];
  const rows = group.members.map((member) => [
    `  ${member.replica}`,
    member.role,
    member.paused ? `${member.verdict}, paused` : member.verdict,
    member.pid === null ? "-" : String(member.pid),
    `${member.persistedIndex}/${member.commitIndex}/${member.appliedIndex}`,
    roomText(member.roomShort) || transferText(member.transfer) || coldText(member.cold),
  ]);
  return [...head, table([["  replica", "role", "verdict", "pid", "persisted/commit/applied", ""], ...rows]), ""].join("\n");
}

function roomText(short: MemberStatus["roomShort"]): string {
  return short === undefined ? "" : `disk: ${short.freeBytes} bytes free, ${short.neededBytes} needed next`;
}

/** What a promotion of this replica has to do before it serves. */
export function coldText(cold: MemberStatus["cold"]): string {
  if (cold === undefined) return "";
  const replay = `replay ${cold.replayEntries} entries (${cold.replayBytes} bytes)`;
  switch (cold.stage) {
    case "cold":
      return `cold: to serve it loads ${cold.loadBytes} bytes, then ${replay.replace("replay", "replays")}`;
    case "loading":
      return `loading ${cold.loadBytes} bytes, then to ${replay}`;
    case "replaying":
      return `replaying: ${cold.replayEntries} entries (${cold.replayBytes} bytes) to go`;
  }
}

function transferText(transfer: Status["groups"][number]["members"][number]["transfer"]): string {
  if (transfer === null) return "";
  if (transfer.transferSizeBytes === 0) return `catching up, at ${transfer.ackedIndex}`;
  return `receiving ${transfer.transferredBytes} of ${transfer.transferSizeBytes} bytes`;
}
