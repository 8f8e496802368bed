import { createPresence, type Presence, type Stamp, stamp } from "../../detection/absence.js";
import { createHeartbeats, type Heartbeats } from "../../detection/heartbeat.js";
import { createPulseHistory, type PulseFinding, type PulseHistory } from "../../detection/pulse.js";
import type { BootId, GroupName, HostId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { HostObservation } from "../../vocabulary/message-detection.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import type { DetectorKnobs, GroupSpec } from "../../vocabulary/spec.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { Address } from "../../vocabulary/view.js";
import type { KernelView } from "./event.js";
import type { LfdTable, TableRow } from "./table.js";

/** Times that are no knobs. */
export interface LfdTimes {
  /** A server is suspected when it has not registered so long after its start: by then it has read its whole snapshot, and its log. */
  readonly startTimeoutMs: number;
  /** How long a restarted LFD waits for the servers that its table names. */
  readonly adoptionTimeoutMs: number;
  readonly stoppedGraceMs: number;
  /** Snapshots that differ in reports alone are sent at most this often. */
  readonly reportIntervalMs: number;
}

export const LFD_TIMES: LfdTimes = {
  startTimeoutMs: 60_000,
  adoptionTimeoutMs: 3_000,
  stoppedGraceMs: DEFAULTS.stoppedGraceMs,
  reportIntervalMs: 100,
};

/** An order that waits for its answer. */
export interface OrderSource {
  readonly connection: number;
  readonly ticket: number;
}

export interface ProcessName {
  readonly pid: number;
  readonly startTime: number;
}

/** Where one process of a replica is in its life, as far as this LFD knows. */
export type Life =
  /** The order is taken; the server is started once the table that names it is on disk. */
  | { readonly kind: "saving"; readonly version: number }
  | { readonly kind: "spawning" }
  | { readonly kind: "starting"; readonly process: ProcessName; readonly since: Stamp }
  /** Named by the table of an earlier life of the LFD. `process` is null when that LFD died while starting it. */
  | { readonly kind: "expected"; readonly process: ProcessName | null; readonly since: Stamp; readonly timedOut: boolean }
  /** `connection` null: closed, and /proc still has the process. */
  | { readonly kind: "registered"; readonly process: ProcessName; readonly connection: number | null; readonly since: Stamp }
  /** Certain. */
  | { readonly kind: "ended"; readonly reason: string };

export interface Killing {
  discard: boolean;
  readonly reason: string;
  readonly sources: OrderSource[];
  signalledAtMs: number;
  /** Folder set aside; the row leaves the table with this version. 0: not yet. */
  removedAtVersion: number;
}

export interface WatchedReplica {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  spec: GroupSpec | null;
  life: Life;
  incarnation: Incarnation | null;
  bootId: BootId | null;
  address: Address | null;
  report: ReplicaReport | null;
  executing: string | null;
  counted: boolean;
  paused: boolean;
  verdict: Verdict;
  /** Names the kind of evidence: the reason is worded once for each cause, not at each tick. */
  cause: string;
  reason: string;
  heartbeats: Heartbeats;
  pulses: PulseHistory;
  pulse: PulseFinding;
  kernel: KernelView | null;
  stoppedSince: Stamp | null;
  /** CPU time at the last heartbeat answer. */
  answeredCpuMs: number;
  observeAtMs: number;
  /** Of the process that runs or ran last: names a life that ended before it could tell its boot id. */
  lastPid: number | null;
  /** The one before it, if it had registered: how it ended its parent may hear only now. */
  former: { readonly pid: number; readonly bootId: BootId } | null;
  killing: Killing | null;
  starting: OrderSource[];
}

export interface LfdState {
  readonly hostId: HostId;
  readonly bootId: BootId;
  readonly pid: number;
  readonly times: LfdTimes;
  address: Address | null;
  knobs: DetectorKnobs;
  readonly presence: Presence;
  readonly replicas: Map<ReplicaId, WatchedReplica>;
  tableVersion: number;
  savedVersion: number;
  /** Orders to stop or continue a process that were carried out; answered once the table with this version is on disk. */
  signalled: { readonly source: OrderSource; readonly version: number }[];
  /** A change that the next `save-table` of this step must hold. */
  tableChanged: boolean;
  heartbeatAtMs: number;
  wakeMs: number;
  gfdConnection: number | null;
  /** Of Replication Managers, by connection, as far as they have said so. */
  readonly terms: Map<number, number>;
  /** The highest that was ever heard of. */
  laterTerm: number;
  snapshotVersion: number;
  published: HostObservation | null;
  publishedAtMs: number;
}

export interface LfdStart {
  readonly hostId: HostId;
  readonly bootId: BootId;
  readonly pid: number;
  readonly knobs: DetectorKnobs;
  readonly table: LfdTable | null;
  readonly nowMs: number;
  readonly times?: LfdTimes;
}

export function createLfd(start: LfdStart): LfdState {
  const state: LfdState = {
    hostId: start.hostId,
    bootId: start.bootId,
    pid: start.pid,
    times: start.times ?? LFD_TIMES,
    address: null,
    knobs: start.knobs,
    presence: createPresence(),
    replicas: new Map(),
    tableVersion: 0,
    savedVersion: 0,
    signalled: [],
    tableChanged: false,
    heartbeatAtMs: start.nowMs,
    wakeMs: start.nowMs,
    gfdConnection: null,
    terms: new Map(),
    laterTerm: 0,
    snapshotVersion: 0,
    published: null,
    publishedAtMs: Number.NEGATIVE_INFINITY,
  };
  for (const row of start.table?.rows ?? []) state.replicas.set(row.replica, recall(state, row, start.nowMs));
  return state;
}

export function createReplica(group: GroupName, replica: ReplicaId, spec: GroupSpec | null, life: Life): WatchedReplica {
  return {
    group,
    replica,
    spec,
    life,
    incarnation: null,
    bootId: null,
    address: null,
    report: null,
    executing: null,
    counted: false,
    paused: false,
    verdict: "alive",
    cause: "",
    reason: "",
    heartbeats: createHeartbeats(),
    pulses: createPulseHistory(),
    pulse: { kind: "well" },
    kernel: null,
    stoppedSince: null,
    answeredCpuMs: 0,
    observeAtMs: 0,
    lastPid: null,
    former: null,
    killing: null,
    starting: [],
  };
}

/** A replica of the table: the process may have outlived the LFD that started it, and will register again. */
function recall(state: LfdState, row: TableRow, nowMs: number): WatchedReplica {
  const process = row.pid === null ? null : { pid: row.pid, startTime: row.startTime };
  const life: Life = row.ended
    ? { kind: "ended", reason: "ended before this LFD started" }
    : { kind: "expected", process, since: stamp(state.presence, nowMs), timedOut: false };
  const watched = createReplica(row.group, row.replica, row.spec, life);
  watched.incarnation = row.incarnation;
  watched.bootId = row.bootId;
  watched.counted = row.counted;
  watched.paused = row.paused;
  // As it was left: found running, it has been continued by another hand meanwhile.
  if (row.paused) watched.kernel = { state: "stopped", startTime: row.startTime, cpuMs: 0 };
  return watched;
}

/** The pid and start time to signal or look at; null when there is no process or none is known. */
export function processOf(watched: WatchedReplica): ProcessName | null {
  switch (watched.life.kind) {
    case "starting":
    case "registered":
    case "expected":
      return watched.life.process;
    case "saving":
    case "spawning":
    case "ended":
      return null;
  }
}

export function tableOf(state: LfdState): LfdTable {
  const rows = [...state.replicas.values()].filter((watched) => (watched.killing?.removedAtVersion ?? 0) === 0).map(rowOf);
  return { formatVersion: 1, rows };
}

function rowOf(watched: WatchedReplica): TableRow {
  const process = processOf(watched);
  return {
    group: watched.group,
    replica: watched.replica,
    spec: watched.spec,
    pid: process?.pid ?? null,
    startTime: process?.startTime ?? 0,
    bootId: watched.bootId,
    incarnation: watched.incarnation,
    counted: watched.counted,
    paused: watched.paused,
    ended: watched.life.kind === "ended",
  };
}
