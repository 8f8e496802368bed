import type { HostId } from "../../vocabulary/ids.js";
import type { GroupRecord } from "./content.js";
import { isThere } from "./observation.js";
import { type Rm, wakeAt } from "./state.js";

/** The host for a new replica: alive, with the fewest replicas of this group, then the fewest of all, then the smallest name. */
export function placeReplica(rm: Rm, nowMs: number, record: GroupRecord): HostId | null {
  if (awaitsHosts(rm, nowMs)) return null;
  let chosen: HostId | null = null;
  let least: readonly [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const names = [...rm.hosts.keys()].sort();
  for (const name of names) {
    const host = rm.hosts.get(name);
    if (host === undefined || !isThere(rm, host) || !host.complete || host.address === null) continue;
    const ours = record.replicas.filter((replica) => replica.host === name).length;
    const all = rm.store.draft.groups.reduce((sum, group) => sum + group.replicas.filter((replica) => replica.host === name).length, 0);
    if (ours > least[0] || (ours === least[0] && all >= least[1])) continue;
    chosen = name;
    least = [ours, all];
  }
  return chosen;
}

/** Hosts report one after another, and a replica stays where it was placed: the first that reports must not get them all. */
function awaitsHosts(rm: Rm, nowMs: number): boolean {
  if (rm.store.draft.hosts.every((host) => rm.hosts.has(host))) return false;
  const untilMs = rm.startedMs + rm.config.timing.hostsMs;
  if (nowMs < untilMs) wakeAt(rm, nowMs, untilMs);
  return nowMs < untilMs;
}
