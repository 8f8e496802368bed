import type { LfdTarget, RmEffect, ServerTarget } from "./effect.js";
import type { Rm, Sight } from "./state.js";

/** Whom the RM dials: every server and every LFD whose address is known. */
export function keepLinks(rm: Rm, effects: RmEffect[]): void {
  const key = keyOf(rm);
  if (key === rm.linksKey) return;
  rm.linksKey = key;
  const servers: ServerTarget[] = [];
  for (const sight of rm.sights.values()) {
    const { group, replica, bootId, address } = sight;
    if (address !== null && isDialed(rm, sight)) servers.push({ group, replica, bootId, address });
  }
  const lfds: LfdTarget[] = [];
  for (const { host, address } of rm.hosts.values()) if (address !== null) lfds.push({ host, address });
  effects.push({ kind: "set-links", servers, lfds });
}

function isDialed(rm: Rm, sight: Sight): boolean {
  return sight.address !== null && sight.verdict !== "gone" && rm.groups.has(sight.group);
}

/** Looked at by every step, so it is made without the lists that it stands for; no name and no host has a space in it. */
function keyOf(rm: Rm): string {
  let key = "";
  for (const sight of rm.sights.values())
    if (isDialed(rm, sight)) key += `${sight.group} ${sight.replica} ${sight.bootId} ${sight.address?.host} ${sight.address?.port};`;
  key += ";";
  for (const { host, address } of rm.hosts.values()) if (address !== null) key += `${host} ${address.host} ${address.port};`;
  return key;
}
