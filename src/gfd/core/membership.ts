import { presentSince } from "../../detection/absence.js";
import { isMember, sameKnobs, sameStanding } from "../../detection/observation.js";
import type { HostObservation } from "../../vocabulary/message-detection.js";
import type { GfdEffect } from "./event.js";
import type { GfdState, Publication, WatchedHost } from "./state.js";

/**
 * The LFD's words under the GFD's verdict of the host. An unreachable host is uncertain: its replicas keep the verdict they had, for
 * nobody has seen them end; a `gone` never comes from silence (PROTOCOL section 8).
 */
export function observeHost(host: WatchedHost): HostObservation {
  return host.verdict === host.snapshot.verdict ? host.snapshot : { ...host.snapshot, verdict: host.verdict };
}

/** Complete: each host that the RM named has sent a complete snapshot in this boot, or was waited for long enough. Absence is no verdict. */
export function isComplete(state: GfdState, nowMs: number): boolean {
  return settleLeftMs(state, nowMs) <= 0;
}

/** How much longer it may take until the membership is complete by waiting alone, in milliseconds; Infinity before the RM has said whom to expect. */
export function settleLeftMs(state: GfdState, nowMs: number): number {
  if (state.expected === null) return Number.POSITIVE_INFINITY;
  let leftMs = 0;
  // An LFD that speaks ends its own waiting; one that fell silent meanwhile is waited for from when it was last heard.
  for (const host of state.hosts.values()) if (!host.snapshot.complete) leftMs = Math.max(leftMs, hostLeftMs(state, host, nowMs));
  if (state.expected.every((hostId) => state.hosts.has(hostId))) return leftMs;
  return Math.max(leftMs, state.times.gatheringTimeoutMs - presentSince(state.presence, state.bootedAt, nowMs));
}

function hostLeftMs(state: GfdState, host: WatchedHost, nowMs: number): number {
  return state.times.gatheringTimeoutMs - presentSince(state.presence, host.lastHeardAt, nowMs);
}

/** Counted replicas that answer. Those of an unreachable host are still counted: it is uncertain, and their last verdict stands. */
export function memberCountOf(hosts: readonly HostObservation[]): number {
  let memberCount = 0;
  for (const host of hosts) for (const replica of host.replicas) if (isMember(replica)) memberCount += 1;
  return memberCount;
}

export function onSubscribed(state: GfdState, nowMs: number, connection: number, effects: GfdEffect[]): void {
  state.subscribers.add(connection);
  const publication = state.published ?? compose(state, nowMs);
  if (state.published === null) {
    state.version += 1;
    state.published = publication;
    state.publishedAtMs = nowMs;
  }
  send(state, connection, publication, effects);
}

/** At once when a verdict, a member or a knob changed; otherwise, for indexes and counters, each `reportIntervalMs`. Full each time. */
export function publish(state: GfdState, nowMs: number, effects: GfdEffect[]): void {
  const publication = compose(state, nowMs);
  const { published } = state;
  if (published !== null && sameDecisions(published, publication)) {
    if (nowMs < state.publishedAtMs + state.times.reportIntervalMs || sameSnapshots(published, publication)) return;
  }
  state.version += 1;
  state.published = publication;
  state.publishedAtMs = nowMs;
  for (const connection of state.subscribers) send(state, connection, publication, effects);
}

/** When unpublished reports are due; Infinity when there are none. */
export function publishDueMs(state: GfdState, nowMs: number): number {
  const { published } = state;
  if (published === null || sameSnapshots(published, compose(state, nowMs))) return Number.POSITIVE_INFINITY;
  return state.publishedAtMs + state.times.reportIntervalMs;
}

function compose(state: GfdState, nowMs: number): Publication {
  return { complete: isComplete(state, nowMs), knobs: state.knobs, hosts: [...state.hosts.values()].map(observeHost) };
}

function send(state: GfdState, connection: number, publication: Publication, effects: GfdEffect[]): void {
  effects.push({
    kind: "send",
    connection,
    message: {
      kind: "membership",
      bootId: state.bootId,
      version: state.version,
      memberCount: memberCountOf(publication.hosts),
      ...publication,
    },
  });
}

function sameDecisions(a: Publication, b: Publication): boolean {
  return (
    a.complete === b.complete &&
    sameKnobs(a.knobs, b.knobs) &&
    a.hosts.length === b.hosts.length &&
    a.hosts.every((host, position) => {
      const other = b.hosts[position];
      return other !== undefined && host.hostId === other.hostId && sameStanding(host, other);
    })
  );
}

/** Snapshots are replaced, never changed in place. */
function sameSnapshots(a: Publication, b: Publication): boolean {
  return a.hosts.length === b.hosts.length && a.hosts.every((host, position) => host.replicas === b.hosts[position]?.replicas);
}
