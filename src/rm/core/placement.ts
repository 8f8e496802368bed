import type { HostId } from "../../vocabulary/ids.js";
import type { GroupRecord } from "./content.js";
import type { Rm } from "./state.js";

/** The host for a new replica: alive, with the fewest replicas of this group, then the fewest of all, then the smallest name. */
export function placeReplica(rm: Rm, record: GroupRecord): HostId | null {
  let chosen: HostId | null = null;
  let least: readonly [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const names = [...rm.hosts.keys()].sort();
  for (const name of names) {
    const host = rm.hosts.get(name);
    if (host === undefined || host.verdict !== "alive" || !host.complete || host.address === null) continue;
    const ours = record.replicas.filter((replica) => replica.host === name).length;
    const all = rm.store.draft.groups.reduce((sum, group) => sum + group.replicas.filter((replica) => replica.host === name).length, 0);
    if (ours > least[0] || (ours === least[0] && all >= least[1])) continue;
    chosen = name;
    least = [ours, all];
  }
  return chosen;
}
