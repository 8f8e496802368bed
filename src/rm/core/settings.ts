import type { HostId } from "../../vocabulary/ids.js";
import { type DetectorKnobs, type GroupKnobs, type GroupSpec, snapshotKnobsOf } from "../../vocabulary/spec.js";
import type { GroupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { sendToGfd, sendToLfd, sendToServer } from "./outbox.js";
import type { GroupState, Rm } from "./state.js";

const GFD = "";

/** Hosts that are named, or were seen once, are expected by the GFD from then on, so that it knows when it has heard of all. */
export function keepHosts(rm: Rm): void {
  const known = rm.store.draft.hosts;
  const named = [...new Set([...(rm.config.hosts ?? []), ...rm.hosts.keys()])];
  const found = named.filter((host) => !known.includes(host));
  if (found.length > 0) rm.store.draft = { ...rm.store.draft, hosts: [...known, ...found].sort() };
}

/** Detectors are told their settings when they connect and when these change; what is in effect they report themselves. */
export function keepDetectors(rm: Rm, effects: RmEffect[]): void {
  const { detectors, hosts, term } = rm.store.stored;
  for (const host of rm.hosts.values()) {
    tell(rm, host.host, `${host.bootId} ${knobsText(detectors.lfd)}`, () =>
      sendToLfd(rm, host.host, { kind: "configure-detector", knobs: detectors.lfd, term }, effects),
    );
  }
  tell(rm, GFD, `${rm.gfd.linkBootId} ${knobsText(detectors.gfd)} ${hosts.join(" ")}`, () => {
    sendToGfd(rm, { kind: "expect-hosts", hosts }, effects);
    return sendToGfd(rm, { kind: "configure-detector", knobs: detectors.gfd }, effects);
  });
}

function knobsText({ heartbeatIntervalMs, suspicionTimeoutMs }: DetectorKnobs): string {
  return `${heartbeatIntervalMs} ${suspicionTimeoutMs}`;
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

/** A spec never changes, another takes its place: the text of its knobs is made once, though every step compares it. */
const knobsKeys = new WeakMap<GroupSpec, string>();

function knobsKeyOf(record: GroupRecord): string {
  const known = knobsKeys.get(record.spec);
  if (known !== undefined) return known;
  const key = JSON.stringify(knobsOf(record));
  knobsKeys.set(record.spec, key);
  return key;
}

/** Settings of the group that its servers take while they run. */
export function keepKnobs(rm: Rm, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const key = knobsKeyOf(record);
  if (key === group.knobsKey) return;
  group.knobsKey = key;
  const knobs = knobsOf(record);
  for (const sight of rm.sights.values()) {
    if (sight.group === group.group) sendToServer(rm, sight.replica, { kind: "configure", group: group.group, knobs }, effects);
  }
}
