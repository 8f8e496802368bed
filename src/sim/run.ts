import { checkLinearizability } from "../checker/linearizability.js";
import { modelNamed } from "../checker/models/index.js";
import { checkAddedOnce, checkAppendedOnce, checkPaidOnce } from "../checker/exactly-once.js";
import type { EffectsResult } from "../checker/effects.js";
import type { OperationRecord } from "../checker/history.js";
import { REPLICA_TIMINGS } from "../server/core/state.js";
import { compareEpochs } from "../vocabulary/epoch.js";
import { sealQuorum, type View } from "../vocabulary/view.js";
import { createLedger, type Ledger } from "./checkers/ledger.js";
import { checkWeakReads } from "./checkers/s7-weak-reads.js";
import { checkState } from "./checkers/s9-determinism.js";
import { checkEnd, createWatch, watchStore } from "./checkers/watch.js";
import { drained } from "./drained.js";
import type { Scene } from "./scene.js";
import { faultKinds } from "./fault-kinds.js";
import { serveBesideHang } from "./hanging-disk.js";
import { createInstallation, type Installation } from "./installation.js";
import { startInstallation } from "./supervision.js";
import type { Plan } from "./plan.js";
import { beginStorm, endStorm } from "./storm.js";
import type { TraceLine } from "./trace.js";
import { drawPlan } from "./swarm.js";
import { type Clients, startClients } from "./workload.js";
import { createWorld, mark, type Running, runUntil, type Violation, violate, type World } from "./world.js";

export interface RunOptions {
  /** Gets every line of the timeline as it happens. */
  readonly print?: (text: string, line: TraceLine) => void;
  /** In place of what the seed would draw. */
  readonly plan?: Plan;
}

export interface RunResult {
  readonly seed: number;
  readonly plan: Plan;
  readonly violation: Violation | null;
  /** Enough happened for the run to say anything. */
  readonly counted: boolean;
  /** Acknowledged work may be lost, and the group says so instead of serving. */
  readonly closed: boolean;
  readonly digest: string;
  readonly virtualMs: number;
  /** From the end of the storm until the group was whole again; null when it was not. */
  readonly recoveryMs: number | null;
  readonly completedCount: number;
  readonly viewCount: number;
  readonly marks: ReadonlyMap<string, number>;
  /** What the clients saw. */
  readonly records: readonly OperationRecord[];
  /** The end of the timeline, of a run that fails. */
  readonly tail: readonly string[];
}

const COMPLETED_MIN = 200;
const FAULT_KINDS_MIN = 3;
/** So long after the storm everything must be as it was wanted. */
const RECOVERY_MS = 60_000;
/** So soon after the storm everything that the network held back has arrived, an order to kill among it. */
const HELD_BACK_MS = 100;
const CLOSING_MS = 30_000;
const ENOUGH_MS = 10_000;
const EXPLORED_MAX = 200_000;
const TAIL_LINES = 200;
/** After the storm clients ask less often: what is of interest then is recovery. */
const LEISURE = 20;

/** One life of an installation, decided by its seed alone: a quiet beginning, a storm of faults, recovery, and the questions at the end. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const life = lifeOf(seed, options);
  for (;;) {
    const turn = life.next();
    if (turn.done === true) return turn.value;
    await drained();
  }
}

/** As `runSeed`, for who has more to do than to let promises settle wherever an asynchronous handler makes it yield. */
export function* lifeOf(seed: number, options: RunOptions = {}): Running<RunResult> {
  const plan = options.plan ?? drawPlan(seed);
  const world = createWorld(seed, plan.settings, options.print ?? null);
  const ledger = createLedger(world, plan.spec.group, plan.spec.durability, { ...REPLICA_TIMINGS, ...plan.timings });
  const installation = createInstallation(world, plan, createWatch(ledger));
  watchStore(ledger, installation);
  startInstallation(installation);
  const clients = startClients(installation);
  const scene: Scene = { installation, ledger, clients: () => clients.processes(), over: false };
  beginStorm(scene);
  yield* runUntil(world, plan.stormUntilMs);
  endStorm(scene);
  clients.leisure = LEISURE;
  const { closed, recoveryMs } = yield* recover(installation, ledger, clients);
  if (world.violation === null) checkEnd(ledger);
  if (world.violation === null) checkWeakReads(ledger, plan, clients.weakReads);
  if (world.violation === null) judgeHistory(world, plan, clients.records(), closed);
  return {
    seed,
    plan,
    violation: world.violation,
    counted: isCounted(world, ledger, clients),
    closed,
    digest: world.trace.digest(),
    virtualMs: world.nowMs,
    recoveryMs,
    completedCount: clients.completedCount,
    viewCount: ledger.views.length,
    marks: world.marks,
    records: clients.records(),
    // Wording some hundred lines takes longer than a good part of a run that passes.
    tail: world.violation === null ? [] : world.trace.tail(TAIL_LINES),
  };
}

function isCounted(world: World, ledger: Ledger, clients: Clients): boolean {
  const kinds = faultKinds(world.marks);
  return (
    !world.marks.has("undecided") && clients.completedCount >= COMPLETED_MIN && ledger.views.length >= 2 && kinds.length >= FAULT_KINDS_MIN
  );
}

interface Recovery {
  /** The group stays closed, as it must when acknowledged work may be lost. */
  readonly closed: boolean;
  readonly recoveryMs: number | null;
}

const UNRECOVERED: Recovery = { closed: false, recoveryMs: null };

/** Liveness. */
function* recover(installation: Installation, ledger: Ledger, clients: Clients): Running<Recovery> {
  const { world } = installation;
  yield* runUntil(world, world.nowMs + HELD_BACK_MS);
  if (world.violation !== null) return UNRECOVERED;
  yield* serveBesideHang(installation, ledger, clients);
  if (world.violation !== null) return UNRECOVERED;
  const fromMs = world.nowMs;
  yield* runUntil(world, fromMs + RECOVERY_MS, () => isWhole(installation, ledger) || isLost(ledger));
  if (world.violation !== null) return UNRECOVERED;
  if (!isWhole(installation, ledger)) {
    if (isLost(ledger)) {
      yield* stayClosed(installation, ledger);
      return { closed: true, recoveryMs: null };
    }
    violate(world, "liveness", `not whole ${RECOVERY_MS} ms after the storm: ${describe(installation)}`);
    return UNRECOVERED;
  }
  const recoveryMs = world.nowMs - fromMs;
  yield* askTheLastQuestions(installation, ledger, clients);
  return { closed: false, recoveryMs };
}

function* askTheLastQuestions(installation: Installation, ledger: Ledger, clients: Clients): Running<void> {
  const { world } = installation;
  // Clients go on for a while, and a run whose storm left them little goes on until there is enough to judge; then they end what they have begun.
  yield* runUntil(world, world.nowMs + 500);
  clients.leisure = 1;
  yield* runUntil(world, world.nowMs + ENOUGH_MS, () => clients.completedCount >= COMPLETED_MIN);
  clients.stopping = true;
  yield* runUntil(world, world.nowMs + CLOSING_MS, () => clients.openCount === 0);
  if (clients.openCount > 0) violate(world, "liveness", `${clients.openCount} calls are still open ${CLOSING_MS} ms after recovery`);
  let read = false;
  clients.readClosing(() => {
    read = true;
  });
  yield* runUntil(world, world.nowMs + CLOSING_MS, () => read);
  if (!read) violate(world, "liveness", `the final reads are not answered: ${describe(installation)}`);
  yield* runUntil(world, world.nowMs + CLOSING_MS, () => areEqual(ledger));
  if (world.violation === null && !areEqual(ledger)) violate(world, "convergence", describe(installation));
  for (const server of ledger.running.values()) checkState(ledger, server);
}

/** The view that was written is led, has the wanted size, and every member of it is there. */
function isWhole(installation: Installation, ledger: Ledger): boolean {
  const content = installation.store.content?.groups[0];
  const view = content?.activeView ?? null;
  if (content === undefined || view === null || view.members.length !== content.spec.replicas || view.style !== content.spec.style)
    return false;
  return view.members.every((member) => {
    const server = ledger.running.get(member.incarnation);
    if (server === undefined || server.process.state !== "running") return false;
    return member.replica !== view.leader || (server.replica.stance.kind === "leading" && server.replica.stance.serving);
  });
}

/** More incarnations of the last view are lost than any quorum can do without. */
function isLost(ledger: Ledger): boolean {
  const view = ledger.views.at(-1);
  if (view === undefined) return false;
  // Asked at each step of the recovery.
  if (ledger.lost.size === 0) return false;
  const intact = view.members.filter((member) => !ledger.lost.has(member.incarnation));
  return intact.length < sealQuorum(view);
}

function* stayClosed(installation: Installation, ledger: Ledger): Running<void> {
  const { world } = installation;
  mark(world, "closed-by-loss");
  const views = ledger.views.length;
  yield* runUntil(world, world.nowMs + 5_000);
  for (const [i, view] of ledger.views.entries()) {
    const base = i < views ? undefined : ledger.views[i - 1];
    if (base !== undefined && !mayFollow(ledger, base, view))
      violate(world, "S5", `a view was written although too many incarnations of the one before are lost`);
  }
}

/** S3a: who answered the Seal and was lost after that has said what it held, and counts; so who answered a later one. */
function mayFollow(ledger: Ledger, base: View, view: View): boolean {
  const heard = base.members.filter(({ incarnation }) => {
    const sealed = ledger.sealed.get(incarnation);
    return !ledger.lost.has(incarnation) || (sealed !== undefined && compareEpochs(sealed, view.epoch) >= 0);
  });
  return heard.length >= sealQuorum(base);
}

function areEqual(ledger: Ledger): boolean {
  const view = ledger.views.at(-1);
  const members = view?.members.map((member) => ledger.running.get(member.incarnation)) ?? [];
  return members.every((server) => {
    if (server === undefined) return false;
    const { warmth, commitIndex, appliedIndex } = server.replica;
    // A backup that is cold has the log and no state.
    return ledger.committed.length === (warmth === "cold" && view?.style === "cold-passive" ? commitIndex : appliedIndex);
  });
}

function describe(installation: Installation): string {
  const group = installation.status?.groups[0];
  if (group === undefined) return "no status was ever published";
  const members = group.members.map(({ replica, role, verdict, appliedIndex }) => `${replica} ${role} ${verdict} at ${appliedIndex}`);
  return `epoch ${group.epoch.join(".")}, leader ${group.leader ?? "none"}, ${group.serving ? "serving" : `waiting: ${group.waiting ?? "?"}`}; ${members.join(", ")}`;
}

function judgeHistory(world: World, plan: Plan, records: readonly OperationRecord[], closed: boolean): void {
  if (plan.guest !== undefined) return;
  const model = modelNamed(plan.workload);
  if (model === undefined) throw new RangeError(plan.workload);
  const result = checkLinearizability(records, model, { exploredMax: EXPLORED_MAX });
  // Too many open ends to tell: the run says nothing, and does not count.
  if (result.verdict === "undecided") return mark(world, "undecided");
  if (result.verdict !== "linearizable") violate(world, `S7 ${result.verdict}`, result.explanations.map(({ text }) => text).join("\n"));
  // A group that is closed answers no final reads: what has had an effect in the end is not known.
  const effects = closed ? null : checkEffects(plan, records);
  if (effects !== null && effects.verdict !== "passed") violate(world, `S6 ${effects.verdict}`, effects.problems.join("\n"));
}

function checkEffects(plan: Plan, records: readonly OperationRecord[]): EffectsResult | null {
  switch (plan.workload) {
    case "counter":
      return checkAddedOnce(records);
    case "bank":
      return checkPaidOnce(records);
    case "append-list":
      return checkAppendedOnce(records);
    case "register":
    case "set":
      return null;
  }
}
