import type { Address } from "../../vocabulary/view.js";
import type { LfdTarget, RmEffect, ServerTarget } from "./effect.js";
import type { Rm, Sight } from "./state.js";

/** Whom the RM dials: every server and every LFD whose address is known. */
export function keepLinks(rm: Rm, effects: RmEffect[]): void {
  const key = keyOf(rm);
  if (key === rm.linksKey) return;
  rm.linksKey = key;
  const servers: ServerTarget[] = [];
  for (const sight of rm.sights.values()) {
    const { group, replica, bootId } = sight;
    const address = addressToDial(rm, sight);
    if (address !== null) servers.push({ group, replica, bootId, address });
  }
  const lfds: LfdTarget[] = [];
  for (const { host, address } of rm.hosts.values()) if (address !== null) lfds.push({ host, address });
  effects.push({ kind: "set-links", servers, lfds });
}

function addressToDial(rm: Rm, sight: Sight): Address | null {
  return sight.verdict !== "gone" && rm.groups.has(sight.group) ? sight.address : null;
}

/** Looked at by every step, so it is made without the lists that it stands for; no name and no host has a space in it. */
function keyOf(rm: Rm): string {
  let key = "";
  for (const sight of rm.sights.values()) {
    const address = addressToDial(rm, sight);
    if (address !== null) key += `${sight.group} ${sight.replica} ${sight.bootId} ${address.host} ${address.port};`;
  }
  key += ";";
  for (const { host, address } of rm.hosts.values()) if (address !== null) key += `${host} ${address.host} ${address.port};`;
  return key;
}
