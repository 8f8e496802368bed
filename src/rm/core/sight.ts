import type { GroupName, HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { Rm, Sight } from "./state.js";

/** A replica of which nothing is known yet. */
export function createSight(group: GroupName, replica: ReplicaId, host: HostId, nowMs: number): Sight {
  return {
    group,
    replica,
    host,
    incarnation: null,
    bootId: null,
    pid: null,
    address: null,
    verdict: "alive",
    reason: "",
    counted: false,
    paused: false,
    executing: null,
    relayed: null,
    direct: null,
    linkBootId: null,
    linkIncarnation: null,
    linkSinceMs: nowMs,
    probeSentMs: null,
    heardMs: nowMs,
    bornMs: nowMs,
    goneBootId: null,
    goneIncarnation: null,
    absent: false,
    verdictSinceMs: nowMs,
    detectionMs: null,
  };
}

/** Names one life of a replica's process, so that one death is counted once: also of one that never lived to tell its boot id. */
export function lifeOf(sight: Sight): string {
  return `${sight.bootId ?? "-"}/${sight.bornMs}`;
}

/** Every replica that the store names is looked for; one that its host does not know although it has told of all is not running. */
export function seeRecords(rm: Rm, nowMs: number): void {
  for (const group of rm.store.stored.groups) {
    for (const record of group.replicas) {
      const old = rm.sights.get(record.replica);
      if (old?.host === record.host) continue;
      // A host told of an earlier replica of that name before the store was read.
      if (old !== undefined && old.relayed !== null) rm.hosts.get(old.host)?.strays.push(old.relayed);
      const sight = createSight(group.spec.group, record.replica, record.host, nowMs);
      const host = rm.hosts.get(record.host);
      sight.absent = host?.complete === true && host.verdict === "alive";
      rm.sights.set(record.replica, sight);
    }
  }
}
