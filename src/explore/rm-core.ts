/**
 * The Replication Manager's real core in the exploration: a turn is a `step` of it. One form for states that behave alike: time stands still
 * between turns, whatever was before is long ago, and what is only for people, for the detectors, or for the start of processes is left out.
 */
import { type ControlContent, emptyContent, groupRecord } from "../rm/core/content.js";
import type { RmEffect } from "../rm/core/effect.js";
import type { RmEvent } from "../rm/core/event.js";
import { createStoreState, type StoreState } from "../rm/core/store-state.js";
import { createRm, type GroupState, type Rm as RealRm, type Sight, type ViewChange } from "../rm/core/state.js";
import { step } from "../rm/core/step.js";
import { compareEpochs, EPOCH_ZERO } from "../vocabulary/epoch.js";
import type { ReplicaReport } from "../vocabulary/report.js";
import type { View } from "../vocabulary/view.js";
import { GROUP, type Life, replicaOf } from "./life.js";
import { createObjectTable, numberOf, objectAt } from "./object-table.js";
import { copyOf, freeze } from "./plain-data.js";
import { awaitsOf, CLUSTER_ID, DETECTORS, HOST, type Order, ownerOf, specOf } from "./rm-state.js";
import type { Scope } from "./scope.js";

/** What was asked of the store and is not answered. */
export interface StoreAsk {
  readonly kind: "read" | "swap";
  readonly expectedRevision: number;
  readonly content: ControlContent | null;
}

export interface CoreRm {
  readonly kind: "core";
  readonly rm: number;
  /** See `awaitsOf`. */
  readonly awaits: number;
  readonly phase: "away" | "ruling" | "ended";
  readonly attempt: { readonly view: View | null } | null;
  readonly state: RealRm;
  readonly keepsReports: boolean;
  readonly ask: StoreAsk | null;
  /** A write whose outcome was unknown, and that may still come (S1d). */
  readonly late: StoreAsk | null;
  /** The processes that it is connected to, by replica - 1; null: it knows of none that runs. */
  readonly lives: readonly (Life | null)[];
}

const NOW_MS = 10_000_000;
/** Longer than every wait: when time passes, all that is due becomes due. */
const LEAP_MS = 1_000_000;
const LONG_AGO_MS = 0;

/** An RM that is not started. */
export function createCoreRm(rm: number, scope: Scope): CoreRm {
  const replicas = scope.members + scope.spares;
  const state = createRm({
    clusterId: CLUSTER_ID,
    bootId: ownerOf(rm),
    pid: 1,
    hostId: HOST,
    groups: [specOf(replicas, scope.style)],
    detectors: DETECTORS,
    // That one ends itself when another has taken over is here a crash, which may come at any moment.
    timing: { storeWatchMs: Number.POSITIVE_INFINITY },
  });
  freeze(state.config);
  freeze(state.store.stored);
  return {
    kind: "core",
    rm,
    awaits: 0,
    phase: "away",
    attempt: null,
    state,
    keepsReports: scope.keepsReports,
    ask: null,
    late: null,
    lives: Array.from({ length: replicas }, () => null),
  };
}

/** What came of some turns of an RM. */
export interface RmOutcome {
  readonly rm: CoreRm;
  readonly orders: readonly Order[];
  /** Beginnings of attempts. */
  readonly attempts: number;
}

const SENT = new Set(["seal", "lead", "activate", "learners"]);

/** Its turns for these events, one after the other. `changes`: what the world around it has changed. */
export function turnOf(before: CoreRm, events: readonly RmEvent[], changes: Partial<Pick<CoreRm, "ask" | "late" | "lives">>): RmOutcome {
  return turnAt(before, NOW_MS, events, changes);
}

/** Time passes until all that it waits for is due. */
export function leapOf(before: CoreRm): RmOutcome {
  return turnAt(before, NOW_MS + LEAP_MS, [{ kind: "wake" }], {});
}

export function mayLeap(rm: CoreRm): boolean {
  return rm.phase !== "ended" && Number.isFinite(rm.state.wakeMs);
}

function turnAt(before: CoreRm, nowMs: number, events: readonly RmEvent[], changes: Partial<CoreRm>): RmOutcome {
  const state = copyOf(before.state);
  const effects: RmEffect[] = [];
  for (const event of events) step(state, nowMs, event, effects);
  let ask = changes.ask === undefined ? before.ask : changes.ask;
  const orders: Order[] = [];
  for (const effect of effects) {
    if (effect.kind === "store-read") ask = { kind: "read", expectedRevision: 0, content: null };
    if (effect.kind === "store-swap") ask = { kind: "swap", expectedRevision: effect.expectedRevision, content: kept(effect.content) };
    if (effect.kind !== "send" || effect.to.kind !== "server" || !SENT.has(effect.message.kind)) continue;
    if (effect.message.kind === "learners" && effect.message.learners.length === 0) continue;
    orders.push({ to: replicaOf(effect.to.replica), message: effect.message as Order["message"] });
  }
  const counterBefore = before.state.groups.get(GROUP)?.counter ?? 0;
  settle(state, nowMs, before.keepsReports);
  const group = state.groups.get(GROUP);
  const change = group?.change ?? null;
  const attempts = Math.max(0, (group?.counter ?? 0) - counterBefore);
  const rm: CoreRm = { ...before, ...changes, state, ask, phase: "ruling" };
  if (state.store.phase === "ended") return { rm: endOf(rm), orders: [], attempts };
  const awaits = change === null ? 0 : awaitsOf(change.epoch, change.phase === "sealing");
  const attempt = change === null ? null : { view: change.view };
  return { rm: { ...rm, awaits, attempt }, orders, attempts };
}

/** Nothing is left of it but what may still come to the store. */
function endOf(rm: CoreRm): CoreRm {
  const store: StoreState = { ...createStoreState(EMPTY), phase: "ended" };
  const state: RealRm = { ...rm.state, store, wakeMs: Number.POSITIVE_INFINITY };
  for (const table of [state.sights, state.groups, state.hosts, state.detectorsSaid]) table.clear();
  return { ...rm, state, ask: null, phase: "ended", awaits: 0, attempt: null, lives: [] };
}

const EMPTY = freeze(emptyContent(CLUSTER_ID, ownerOf(0), DETECTORS));
const contents = createObjectTable<ControlContent>();

/** One object for equal contents: the core compares its draft with what is stored by identity. */
function kept(content: ControlContent): ControlContent {
  return objectAt(contents, numberOf(contents, freeze(content)));
}

/** Brings the state into the one form. */
function settle(state: RealRm, nowMs: number, keepsReports: boolean): void {
  settleTimes(state, nowMs - NOW_MS);
  const { store, gfd } = state;
  store.stored = kept(store.stored);
  store.draft = kept(store.draft);
  store.written = store.written === null ? null : kept(store.written);
  // The last word of a store's refusal is for people, unless there is none.
  if (store.refusal !== null) store.refusal = "refused";
  store.ticket = 1;
  state.nextTicket = 2;
  state.nextChangeId = 1;
  state.orders.clear();
  state.orderPauses.clear();
  state.linksKey = "";
  state.statusVersion = 0;
  state.statusKey = "";
  state.statusSentMs = LONG_AGO_MS;
  state.statusDirty = false;
  gfd.sequence = 0;
  gfd.askedMs = null;
  gfd.nextAskMs = Number.POSITIVE_INFINITY;
  const view = groupRecord(store.stored, GROUP)?.activeView ?? null;
  for (const sight of state.sights.values()) settleSight(sight, view, keepsReports);
  for (const group of state.groups.values()) settleGroup(group);
}

/**
 * Of a report nothing is kept that is no news to the store: what it says of a view is weighed when it comes (S1e) and never again; a promise that
 * the stored view has reached is none that lies ahead.
 */
function settleSight(sight: Sight, view: View | null, keepsReports: boolean): void {
  if (view !== null && !keepsReports) sight.direct = null;
  if (sight.direct !== null && view !== null) {
    const { promise } = sight.direct;
    sight.direct = {
      ...sight.direct,
      activeView: null,
      blank: false,
      promise: compareEpochs(promise, view.epoch) > 0 ? promise : EPOCH_ZERO,
    };
  }
  sight.reason = "";
  sight.heardMs = LONG_AGO_MS;
  sight.bornMs = LONG_AGO_MS;
  sight.linkSinceMs = LONG_AGO_MS;
  sight.verdictSinceMs = LONG_AGO_MS;
  sight.detectionMs = null;
}

function settleGroup(group: GroupState): void {
  group.waiting = null;
  group.lossSaid = null;
  group.kills = [];
  group.starts.clear();
  group.deaths = [];
  group.failures = Math.min(group.failures, 2);
  if (group.change !== null) settleChange(group.change);
}

function settleChange(change: ViewChange): void {
  change.aim = { ...change.aim, reason: "" };
  change.detectMs = null;
  change.verdictAtMs = null;
  change.sealedMs = null;
  change.ledMs = null;
  change.writtenMs = null;
  change.attempt = 1;
  change.waitingSaid = false;
  change.refusalSaid = false;
  for (const answers of [change.answers, change.strangers])
    for (const [replica, answer] of answers) answers.set(replica, { ...answer, commitIndex: 0, atMs: LONG_AGO_MS });
}

/** Names of times at which something is due: what is due now is due, as if it had been long ago. */
const DUE = new Set(["retryMs", "resendMs", "deadlineMs", "untilMs"]);

function settledMs(name: string, ms: number, passedMs: number): number {
  const settled = ms - passedMs;
  return settled < NOW_MS || (settled === NOW_MS && DUE.has(name)) ? LONG_AGO_MS : settled;
}

/** Every field that is a time (`...Ms`), wherever it is: `passedMs` have passed, and what was before is long ago. */
function settleTimes(part: object, passedMs: number): void {
  if (Object.isFrozen(part)) return;
  const fields: [unknown, unknown][] = part instanceof Map ? [...part] : Object.entries(part);
  for (const [key, value] of fields) {
    if (typeof value === "object" && value !== null) {
      const isTimes = value instanceof Map && typeof key === "string" && (key.endsWith("Ms") || key.endsWith("Since"));
      if (isTimes) for (const [name, ms] of value as Map<string, number>) value.set(name, settledMs(name, ms, passedMs));
      else settleTimes(value, passedMs);
    } else if (typeof value === "number" && typeof key === "string" && key.endsWith("Ms")) {
      (part as Record<string, unknown>)[key] = settledMs(key, value, passedMs);
    }
  }
}

/** A report without figures that are for people, or for choices among equals. */
export function plainReport(report: ReplicaReport): ReplicaReport {
  return freeze({
    ...report,
    role: "follower",
    style: null,
    lastEpoch: EPOCH_ZERO,
    lastIndex: report.blank ? report.lastIndex : 0,
    persistedIndex: 0,
    commitIndex: 0,
    appliedIndex: 0,
    executedCount: 0,
    learners: report.learners.map((learner) => ({ ...learner, ackedIndex: 0, transferredBytes: 0, transferSizeBytes: 0 })),
  });
}
