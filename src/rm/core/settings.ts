import type { HostId } from "../../vocabulary/ids.js";
import { type DetectorKnobs, type GroupKnobs, type GroupSpec, snapshotKnobsOf } from "../../vocabulary/spec.js";
import { type About, announce } from "./announce.js";
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

export function knobsOf({ spec }: Pick<GroupRecord, "spec">): GroupKnobs {
  const { minimumReplicas, handlerTimeoutMs, style } = spec;
  return { ...snapshotKnobsOf(spec), minimumReplicas, handlerTimeoutMs, style };
}

function sameKnobs(a: GroupSpec, b: GroupSpec): boolean {
  return JSON.stringify(knobsOf({ spec: a })) === JSON.stringify(knobsOf({ spec: b }));
}

/** Settings of the group that its servers take while they run. */
export function keepKnobs(rm: Rm, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const { knobsTold } = group;
  // A spec never changes, another takes its place: nearly every step ends here.
  if (knobsTold === record.spec) return;
  group.knobsTold = record.spec;
  if (knobsTold !== null && sameKnobs(knobsTold, record.spec)) return;
  const knobs = knobsOf(record);
  for (const sight of rm.sights.values()) {
    if (sight.group === group.group) sendToServer(rm, sight.replica, { kind: "configure", group: group.group, knobs }, effects);
  }
}

type Changeable = Partial<Omit<GroupSpec, "group" | "service" | "durability" | "handlerTimeoutMs" | "onLoss"> & DetectorKnobs>;

const CHANGEABLE: readonly (keyof Changeable)[] = [
  ...(["replicas", "style", "quorum", "minimumReplicas", "checkpointEntries", "checkpointBytes"] as const),
  ...(["checkpointIntervalMs", "transferBytesPerSecond", "heartbeatIntervalMs", "suspicionTimeoutMs"] as const),
];

/** Of which settings the store has another value than the configuration; of one that an earlier release did not write it says nothing. */
export function settingsKept(stored: Changeable, wanted: Changeable): { readonly stored: string; readonly wanted: string } | null {
  const names = CHANGEABLE.filter((name) => stored[name] !== undefined && wanted[name] !== undefined && stored[name] !== wanted[name]);
  if (names.length === 0) return null;
  const text = (from: Changeable): string => names.map((name) => `${name} ${from[name]}`).join(", ");
  return { stored: text(stored), wanted: text(wanted) };
}

/** Whoever has changed the file and starts again hears that it was not for this. */
export function tellKept(whose: string, kept: ReturnType<typeof settingsKept>, about: About, effects: RmEffect[]): void {
  if (kept === null) return;
  const text = `${whose} keeps ${kept.stored} of the control store; the configuration says ${kept.wanted}, which \`troupe set\` would change it to`;
  announce(effects, "settings-kept", text, about);
}
