import { sameStanding } from "../../detection/observation.js";
import type { HostObservation, ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { LfdEffect } from "./event.js";
import { type LfdState, processOf, type WatchedReplica } from "./state.js";

/** Full and versioned, never a delta: whoever missed ten of them needs only the last. */
export function observeHost(state: LfdState): HostObservation {
  return {
    hostId: state.hostId,
    bootId: state.bootId,
    pid: state.pid,
    address: state.address,
    verdict: "alive",
    complete: isComplete(state),
    knobs: state.knobs,
    replicas: [...state.replicas.values()].map(observeReplica),
  };
}

/** PROTOCOL section 8: all that the table on disk names have registered, have certainly ended, or were waited for long enough. */
export function isComplete(state: LfdState): boolean {
  for (const watched of state.replicas.values()) if (watched.life.kind === "expected" && !watched.life.timedOut) return false;
  return true;
}

function observeReplica(watched: WatchedReplica): ReplicaObservation {
  // A process that ended before it registered is told from the next one by its pid alone; any other by its boot id.
  const pid = processOf(watched)?.pid ?? (watched.bootId === null ? watched.lastPid : null);
  return {
    group: watched.group,
    replica: watched.replica,
    incarnation: watched.incarnation,
    bootId: watched.bootId,
    pid,
    address: watched.address,
    verdict: watched.verdict,
    counted: watched.counted,
    paused: watched.paused,
    reason: watched.reason,
    executing: watched.executing,
    report: watched.report,
  };
}

/** Sends the snapshot when something in it was decided anew, and otherwise only each `reportIntervalMs`. */
export function publish(state: LfdState, nowMs: number, effects: LfdEffect[]): void {
  if (state.gfdConnection === null || state.address === null) return;
  const host = observeHost(state);
  const changed = state.published === null || !sameStanding(state.published, host);
  if (!changed && (nowMs < reportDueMs(state) || sameReports(state.published, host))) return;
  state.snapshotVersion += 1;
  state.published = host;
  state.publishedAtMs = nowMs;
  effects.push({ kind: "send", connection: state.gfdConnection, message: { kind: "host-snapshot", version: state.snapshotVersion, host } });
}

function reportDueMs(state: LfdState): number {
  return state.publishedAtMs + state.times.reportIntervalMs;
}

/** Reports are replaced, never changed in place: identity tells whether a newer one has come. */
function sameReports(a: HostObservation | null, b: HostObservation): boolean {
  return a?.replicas.every((replica, position) => replica.report === b.replicas[position]?.report) ?? false;
}
