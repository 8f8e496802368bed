import type { LfdTarget, RmEffect, ServerTarget } from "./effect.js";
import type { Rm } from "./state.js";

/** Whom the RM dials: every server and every LFD whose address is known. */
export function keepLinks(rm: Rm, effects: RmEffect[]): void {
  const servers: ServerTarget[] = [];
  for (const { group, replica, bootId, address, verdict } of rm.sights.values()) {
    if (address !== null && verdict !== "gone" && rm.groups.has(group)) servers.push({ group, replica, bootId, address });
  }
  const lfds: LfdTarget[] = [];
  for (const { host, address } of rm.hosts.values()) if (address !== null) lfds.push({ host, address });
  const key = JSON.stringify([servers, lfds]);
  if (key === rm.linksKey) return;
  rm.linksKey = key;
  effects.push({ kind: "set-links", servers, lfds });
}
