import type { AdminOutcome } from "../../vocabulary/admin.js";
import type { Epoch } from "../../vocabulary/epoch.js";
import type { BootId, ClusterId, GroupName, HostId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import type { DetectorKnobs, GroupSpec } from "../../vocabulary/spec.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { Address, AddressBook, Member, View } from "../../vocabulary/view.js";
import { emptyContent, type RequestDeath } from "./content.js";
import type { Order } from "./order-record.js";
import { createStoreState, type StoreState } from "./store-state.js";
import { RM_TIMING, type RmTiming } from "./timing.js";

export interface RmConfig {
  readonly clusterId: ClusterId;
  readonly bootId: BootId;
  readonly pid: number;
  readonly hostId: HostId;
  /** Hosts that there are to be. Default: none is known before it reports. */
  readonly hosts?: readonly HostId[];
  /** Groups of the configuration: made when the store does not know them. */
  readonly groups: readonly GroupSpec[];
  /** Of the configuration: they hold until the store has others. */
  readonly detectors: { readonly lfd: DetectorKnobs; readonly gfd: DetectorKnobs };
  readonly timing: RmTiming;
  /** Texts of the `damage-found` events of earlier lives: they are not said again. Default: none. */
  readonly damagesSaid?: readonly string[];
}

/** What is known of the process of one replica. */
export interface Sight {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  host: HostId;
  incarnation: Incarnation | null;
  bootId: BootId | null;
  pid: number | null;
  address: Address | null;
  verdict: Verdict;
  reason: string;
  counted: boolean;
  paused: boolean;
  executing: string | null;
  /** By way of LFD and GFD. */
  relayed: ReplicaReport | null;
  /** By the RM's own link; from the process of `linkBootId`. */
  direct: ReplicaReport | null;
  linkBootId: BootId | null;
  linkIncarnation: Incarnation | null;
  linkSinceMs: number;
  /** The RM's own question to a leader that no detector vouches for, since when it is unanswered. */
  probeSentMs: number | null;
  heardMs: number;
  /** When this process was first seen. */
  bornMs: number;
  /** `gone` is certain, and for good: an older snapshot that arrives late does not raise this process from the dead. */
  goneBootId: BootId | null;
  /** What that process was; with `memory` its state ended with it, whatever is being started in its place. */
  goneIncarnation: Incarnation | null;
  /** A complete report of its host does not name it: it is not running. */
  absent: boolean;
  verdictSinceMs: number;
  detectionMs: number | null;
}

export interface HostSight {
  readonly host: HostId;
  bootId: BootId;
  pid: number;
  address: Address | null;
  verdict: Verdict;
  complete: boolean;
  knobs: DetectorKnobs;
  /** Of replicas whose names the store has given to other hosts: they count as evidence only (S1e). */
  strays: ReplicaReport[];
  /** The GFD whose word this is. */
  toldBy: BootId | null;
  linkOpen: boolean;
}

export interface GfdSight {
  linkOpen: boolean;
  linkBootId: BootId | null;
  pid: number;
  bootId: BootId | null;
  version: number;
  complete: boolean;
  knobs: DetectorKnobs | null;
  /** The RM's own heartbeats to it: when the first unanswered one was sent, and when the next one is due. */
  askedMs: number | null;
  nextAskMs: number;
  sequence: number;
}

export interface SealAnswer {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly bootId: BootId;
  readonly lastEpoch: Epoch;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly atMs: number;
}

/** What a view change is to bring about, besides a view whose members answer. */
export interface ChangeAim {
  readonly cause: "failover" | "restart" | "shed" | "admission" | "removal" | "style" | "quorum" | "hand-over" | "first-view" | "loss";
  readonly reason: string;
  readonly admit: Member | null;
  readonly remove: ReplicaId | null;
  readonly leader: ReplicaId | null;
}

/** One attempt at a time: each has an epoch of its own (S1b). */
export interface ViewChange {
  phase: "sealing" | "leading" | "writing" | "activating";
  aim: ChangeAim;
  epoch: Epoch;
  /** The last active view (S3c); null before the first. */
  base: View | null;
  /** Who is sealed: the members of `base`, or the founders. */
  asked: readonly Member[];
  answers: Map<ReplicaId, SealAnswer>;
  /** Answers of incarnations that `base` does not name: they count only where acknowledged work is given up on purpose (loss). */
  strangers: Map<ReplicaId, SealAnswer>;
  /** Unreachable in an earlier attempt of this change. */
  excluded: Set<ReplicaId>;
  /** Failed to lead in an earlier attempt: chosen again only as the unique best. */
  failedLeaders: Set<ReplicaId>;
  view: View | null;
  leaderBootId: BootId | null;
  /** Of the first attempt. */
  readonly beganMs: number;
  attempt: number;
  detectMs: number | null;
  verdictAtMs: number | null;
  attemptMs: number;
  quorumMs: number | null;
  sealedMs: number | null;
  ledMs: number | null;
  writtenMs: number | null;
  resendMs: number;
  deadlineMs: number;
  waitingSaid: boolean;
  refusalSaid: boolean;
}

export interface HandOver {
  readonly epoch: Epoch;
  readonly target: ReplicaId;
  readonly reason: string;
  readonly sinceMs: number;
}

/** The log of a member as it was when it was last seen to grow, or not to be behind, of one process. */
export interface Standstill {
  readonly bootId: BootId;
  readonly persistedIndex: number;
  readonly sinceMs: number;
  /** When it was last looked at. */
  readonly lookMs: number;
}

export interface Kill {
  readonly replica: ReplicaId;
  readonly life: string;
  readonly dueMs: number;
}

export interface Damping {
  failures: number;
  untilMs: number;
}

/** The starts of one replica's process. */
export interface Starts {
  pendingTicket: number | null;
  /** The life (pid, boot id) that was found dead when the last start was ordered. */
  afterLife: string | null;
  orderedMs: number | null;
  shortLives: number;
  dueMs: number | null;
  crashLoop: boolean;
  lastReason: string;
}

export interface GroupState {
  readonly group: GroupName;
  counter: number;
  /** S1b: who has told in this term what it has promised; null once they were enough for a first Seal. */
  heard: Set<Incarnation> | null;
  change: ViewChange | null;
  /** No new attempt before. */
  retryMs: number;
  failures: number;
  /** The epoch whose leader is known to serve, and its process. */
  activeEpoch: Epoch | null;
  activeBootId: BootId | null;
  /** S1e: the store is older than what this says; nothing is changed any more. */
  halted: string | null;
  /** Why the store may be older than the group, and whether it has been looked up since: another Replication Manager may rule by now. */
  doubt: { readonly evidence: string; lookedUp: boolean } | null;
  waiting: string | null;
  lossSaid: string | null;
  /** By hand: whatever the members of the view of this epoch held and is not there any more. */
  lossAccepted: Epoch | null;
  firstSeenMs: number | null;
  /** Founders that did not answer the last attempt at the first view. */
  silentFounders: ReadonlySet<ReplicaId>;
  /** Suspected members that a view change kept because they answered: no reason for another until the verdict changes. */
  tolerated: Map<ReplicaId, BootId>;
  toleratedMs: number;
  admissions: Map<ReplicaId, Damping>;
  admittedMs: Map<ReplicaId, number>;
  learnersSent: string | null;
  /** What was announced of transfers under way: the size, and how many quarters of it had come. */
  readonly transfersSaid: Map<ReplicaId, { readonly sizeBytes: number; readonly parts: number }>;
  handOver: HandOver | null;
  handOverMs: number;
  handOverFailures: number;
  /** None is tried before. */
  handOverRetryMs: number;
  kills: Kill[];
  starts: Map<ReplicaId, Starts>;
  /** S6i: goes into the store with the next view, and before a process is started again. */
  deaths: readonly RequestDeath[];
  /** What processes that are gone were executing; of leaders it goes into the store (S6i). */
  ends: Map<BootId, string>;
  unreachableSince: Map<ReplicaId, number>;
  /** Members whose log is shorter than the leader's, since when it has not grown. */
  readonly standstills: Map<ReplicaId, Standstill>;
  /** Who was last said to hold up the group without that it can go on without them. */
  stalledSaid: string;
  book: AddressBook;
  bookKey: string;
  /** The spec whose knobs the servers were last told. */
  knobsTold: GroupSpec | null;
  /** Whom a change of style was last said to wait for. */
  styleWaitSaid: string;
  /** Who was last said to leave later, and for whom it waits. */
  removalWaitSaid: string;
  /** Since when a member that is to leave has waited with none that could replace it up; null: none waits so. */
  noReplacementMs: number | null;
  /** Who was said to stay outside for want of room. */
  roomShortSaid: Set<ReplicaId>;
}

export interface PendingAnswer {
  readonly connection: number;
  readonly ticket: number;
  readonly outcome: AdminOutcome;
}

/** The whole state of the core: plain data, changed only by `step`. */
export interface Rm {
  readonly config: RmConfig;
  readonly store: StoreState;
  readonly gfd: GfdSight;
  readonly hosts: Map<HostId, HostSight>;
  readonly sights: Map<ReplicaId, Sight>;
  readonly groups: Map<GroupName, GroupState>;
  readonly gateways: Map<number, number>;
  readonly orders: Map<number, Order>;
  /** Orders that failed, by purpose and replica, are not given again before this time. */
  readonly orderPauses: Map<string, number>;
  nextTicket: number;
  nextChangeId: number;
  pendingAnswers: PendingAnswer[];
  readonly damagesSaid: Set<string>;
  linksKey: string;
  /** What each LFD, and the GFD under the empty name, was last told. */
  detectorsSaid: Map<string, string>;
  statusVersion: number;
  statusKey: string;
  statusSentMs: number;
  statusDirty: boolean;
  startedMs: number;
  /** The highest term that an LFD says another rules in. */
  laterTerm: number;
  /** Recomputed by every step. */
  wakeMs: number;
}

/** `timing` may be given in part, for tests. */
export function createRm(
  config: Omit<RmConfig, "timing" | "detectors"> & Partial<Pick<RmConfig, "detectors">> & { readonly timing?: Partial<RmTiming> },
): Rm {
  const detectors = config.detectors ?? { lfd: DEFAULTS.lfd, gfd: DEFAULTS.gfd };
  const empty = emptyContent(config.clusterId, config.bootId, detectors);
  return {
    config: { ...config, detectors, timing: { ...RM_TIMING, ...config.timing } },
    store: createStoreState(empty),
    gfd: {
      linkOpen: false,
      linkBootId: null,
      pid: 0,
      bootId: null,
      version: 0,
      complete: false,
      knobs: null,
      askedMs: null,
      nextAskMs: 0,
      sequence: 0,
    },
    hosts: new Map(),
    sights: new Map(),
    groups: new Map(),
    gateways: new Map(),
    orders: new Map(),
    orderPauses: new Map(),
    nextTicket: 1,
    nextChangeId: 1,
    pendingAnswers: [],
    damagesSaid: new Set(config.damagesSaid),
    linksKey: "",
    detectorsSaid: new Map(),
    statusVersion: 0,
    statusKey: "",
    statusSentMs: Number.NEGATIVE_INFINITY,
    statusDirty: true,
    startedMs: 0,
    laterTerm: 0,
    wakeMs: Number.POSITIVE_INFINITY,
  };
}

export function createGroup(group: GroupName, term: number, deaths: readonly RequestDeath[]): GroupState {
  return {
    group,
    counter: 0,
    heard: new Set(),
    change: null,
    retryMs: 0,
    failures: 0,
    activeEpoch: null,
    activeBootId: null,
    halted: null,
    doubt: null,
    waiting: null,
    lossSaid: null,
    lossAccepted: null,
    firstSeenMs: null,
    silentFounders: new Set(),
    tolerated: new Map(),
    toleratedMs: 0,
    admissions: new Map(),
    admittedMs: new Map(),
    learnersSent: null,
    transfersSaid: new Map(),
    handOver: null,
    handOverMs: Number.NEGATIVE_INFINITY,
    handOverFailures: 0,
    handOverRetryMs: 0,
    kills: [],
    starts: new Map(),
    deaths,
    ends: new Map(),
    unreachableSince: new Map(),
    standstills: new Map(),
    stalledSaid: "",
    book: { version: [term, 0], entries: [] },
    bookKey: "",
    knobsTold: null,
    styleWaitSaid: "",
    removalWaitSaid: "",
    noReplacementMs: null,
    roomShortSaid: new Set(),
  };
}

/** The core wants to be stepped at `atMs` at the latest. Never at or before now: what is due is done in this step. */
export function wakeAt(rm: Rm, nowMs: number, atMs: number): void {
  const wakeMs = atMs <= nowMs ? nowMs + 1 : atMs;
  if (wakeMs < rm.wakeMs) rm.wakeMs = wakeMs;
}

export function nextWakeMs(rm: Rm): number {
  return rm.wakeMs;
}
