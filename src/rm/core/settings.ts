import type { HostId } from "../../vocabulary/ids.js";
import { snapshotKnobsOf, type GroupKnobs } from "../../vocabulary/spec.js";
import type { GroupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { sendToGfd, sendToLfd, sendToServer } from "./outbox.js";
import type { GroupState, Rm } from "./state.js";

const GFD = "";

/** Hosts that were seen once are expected by the GFD from then on, so that it knows when it has heard of all. */
export function keepHosts(rm: Rm): void {
  const known = rm.store.draft.hosts;
  const found = [...rm.hosts.keys()].filter((host) => !known.includes(host));
  if (found.length > 0) rm.store.draft = { ...rm.store.draft, hosts: [...known, ...found].sort() };
}

/** Detectors are told their settings when they connect and when these change; what is in effect they report themselves. */
export function keepDetectors(rm: Rm, effects: RmEffect[]): void {
  const { detectors, hosts } = rm.store.stored;
  for (const host of rm.hosts.values()) {
    tell(rm, host.host, JSON.stringify([host.bootId, detectors.lfd]), () =>
      sendToLfd(rm, host.host, { kind: "configure-detector", knobs: detectors.lfd }, effects),
    );
  }
  tell(rm, GFD, JSON.stringify([rm.gfd.linkBootId, detectors.gfd, hosts]), () => {
    sendToGfd(rm, { kind: "expect-hosts", hosts }, effects);
    return sendToGfd(rm, { kind: "configure-detector", knobs: detectors.gfd }, effects);
  });
}

function tell(rm: Rm, name: string, key: string, send: () => boolean): void {
  if (rm.detectorsSaid.get(name) !== key && send()) rm.detectorsSaid.set(name, key);
}

/** A new connection has been told nothing. */
export function forgetTold(rm: Rm, host: HostId | null): void {
  rm.detectorsSaid.delete(host ?? GFD);
}

export function knobsOf(record: GroupRecord): GroupKnobs {
  const { minimumReplicas, handlerTimeoutMs, style } = record.spec;
  return { ...snapshotKnobsOf(record.spec), minimumReplicas, handlerTimeoutMs, style };
}

/** Settings of the group that its servers take while they run. */
export function keepKnobs(rm: Rm, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const knobs = knobsOf(record);
  const key = JSON.stringify(knobs);
  if (key === group.knobsKey) return;
  group.knobsKey = key;
  for (const sight of rm.sights.values()) {
    if (sight.group === group.group) sendToServer(rm, sight.replica, { kind: "configure", group: group.group, knobs }, effects);
  }
}
