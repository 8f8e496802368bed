import { createPresence, type Presence, type Stamp, stamp } from "../../detection/absence.js";
import type { Heartbeats } from "../../detection/heartbeat.js";
import type { BootId, HostId } from "../../vocabulary/ids.js";
import type { HostObservation } from "../../vocabulary/message-detection.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { Verdict } from "../../vocabulary/verdict.js";

export interface GfdTimes {
  /** After a start the GFD waits so long for the hosts that it was told to expect. */
  readonly gatheringTimeoutMs: number;
  /** Memberships that differ in reports alone are published at most this often. */
  readonly reportIntervalMs: number;
}

export const GFD_TIMES: GfdTimes = { gatheringTimeoutMs: 4_000, reportIntervalMs: 100 };

export interface WatchedHost {
  readonly hostId: HostId;
  /** Null: the LFD's connection is closed. */
  connection: number | null;
  /** The one that spoke for it last: numbers rise, and what comes on an earlier one is late. */
  newestConnection: number;
  heartbeats: Heartbeats;
  /** The LFD's own words, last heard. */
  snapshot: HostObservation;
  snapshotVersion: number;
  lastHeardAt: Stamp;
  verdict: Verdict;
}

export interface GfdState {
  readonly bootId: BootId;
  readonly times: GfdTimes;
  readonly presence: Presence;
  readonly bootedAt: Stamp;
  knobs: DetectorKnobs;
  readonly hosts: Map<HostId, WatchedHost>;
  /** Told by the RM; null until then, and nothing is complete before. */
  expected: readonly HostId[] | null;
  readonly subscribers: Set<number>;
  version: number;
  published: Publication | null;
  publishedAtMs: number;
  heartbeatAtMs: number;
  wakeMs: number;
}

export interface Publication {
  readonly complete: boolean;
  readonly knobs: DetectorKnobs;
  readonly hosts: readonly HostObservation[];
}

export interface GfdStart {
  readonly bootId: BootId;
  readonly knobs: DetectorKnobs;
  readonly nowMs: number;
  readonly times?: GfdTimes;
}

/** Nothing is loaded: the GFD keeps no durable state, LFDs tell it everything and the RM whom to expect (DESIGN section 2). */
export function createGfd(start: GfdStart): GfdState {
  const presence = createPresence();
  return {
    bootId: start.bootId,
    times: start.times ?? GFD_TIMES,
    presence,
    bootedAt: stamp(presence, start.nowMs),
    knobs: start.knobs,
    hosts: new Map(),
    expected: null,
    subscribers: new Set(),
    version: 0,
    published: null,
    publishedAtMs: Number.NEGATIVE_INFINITY,
    heartbeatAtMs: start.nowMs,
    wakeMs: Number.POSITIVE_INFINITY,
  };
}
