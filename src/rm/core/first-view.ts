import { EPOCH_ZERO, sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import type { Member } from "../../vocabulary/view.js";
import { type GroupRecord, groupRecord, withGroup } from "./content.js";
import { currentIncarnation, healthOf, isDown, reportOf } from "./observation.js";
import { pendingOrder } from "./order.js";
import { type ChangeAim, type GroupState, type Rm, wakeAt } from "./state.js";

interface FirstView {
  readonly aim: ChangeAim;
  readonly asked: readonly Member[];
}

/**
 * S1e: over an absent chain, and only over incarnations that reported an empty log and no promise. They are written down as founders
 * before anything is asked of them, so that an attempt that is interrupted can be made again although they have promised by then.
 * Returns what to begin, or null while something is awaited (`group.waiting` says what).
 */
export function planFirstView(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord): FirstView | null {
  const ready = readyReplicas(rm, nowMs, record);
  const { replicas } = record.spec;
  group.waiting = `the first view waits for ${replicas} replicas; ready so far: ${ready.length}`;
  if (!allHostsTold(rm)) return null;
  if (ready.length === 0) return null;
  group.firstSeenMs ??= nowMs;
  const lateMs = group.firstSeenMs + rm.config.timing.firstViewMs;
  const isLate = nowMs >= lateMs;
  const least = Math.max(record.spec.minimumReplicas, Math.floor(replicas / 2) + 1);
  if (ready.length < replicas) {
    if (!isLate) wakeAt(rm, nowMs, lateMs);
    if (!isLate || ready.length < least) return null;
  }
  // Whose disk hangs answers no Seal, though it lives: where enough others do, it is late as well.
  const answering = ready.filter((member) => !group.silentFounders.has(member.replica));
  const asked = (isLate && answering.length >= least ? answering : ready).slice(0, replicas);
  if (!asked.every((member) => isFounder(record, member))) {
    writeFounders(rm, record, asked);
    return null;
  }
  const names = asked.map((member) => member.replica).join(", ");
  return { aim: { cause: "first-view", reason: `the first view, of ${names}`, admit: null, remove: null, leader: null }, asked };
}

/** Before every host has told of all it knows, a replica with state may be overlooked. */
function allHostsTold(rm: Rm): boolean {
  const hosts = [...rm.hosts.values()];
  return rm.gfd.linkOpen && rm.gfd.complete && hosts.length > 0 && hosts.every((host) => host.complete || host.verdict !== "alive");
}

function readyReplicas(rm: Rm, nowMs: number, record: GroupRecord): Member[] {
  const ready: Member[] = [];
  for (const { replica, leaving } of record.replicas) {
    const sight = rm.sights.get(replica);
    if (leaving || sight === undefined || sight.linkBootId === null || isDown(healthOf(rm, nowMs, replica))) continue;
    // Whoever wakes meanwhile would be a member of the view when the order reaches it.
    if (pendingOrder(rm, replica, "kill") !== undefined) continue;
    const incarnation = currentIncarnation(sight);
    const report = reportOf(sight);
    if (incarnation === null || report === null || report.incarnation !== incarnation) continue;
    const member = { replica, incarnation };
    const blank = report.blank && report.lastIndex === 0 && sameEpoch(report.promise, EPOCH_ZERO) && report.activeView === null;
    if (blank || isFounder(record, member)) ready.push(member);
  }
  return ready;
}

function isFounder(record: GroupRecord, member: Member): boolean {
  return record.founders.some((founder) => founder.replica === member.replica && founder.incarnation === member.incarnation);
}

function writeFounders(rm: Rm, record: GroupRecord, asked: readonly Member[]): void {
  const draft = groupRecord(rm.store.draft, record.spec.group);
  if (draft === undefined || asked.every((member) => isFounder(draft, member))) return;
  const named = new Set(asked.map((member) => member.replica));
  const founders = [...draft.founders.filter((founder) => !named.has(founder.replica)), ...asked];
  rm.store.draft = withGroup(rm.store.draft, { ...draft, founders });
}

/** S1e: a member holds state although the store knows of no view: the store is not the one that this group was made in. */
export function strangerWithState(rm: Rm, record: GroupRecord): ReplicaId | null {
  const reports = [...[...rm.sights.values()].map(reportOf), ...[...rm.hosts.values()].flatMap(({ strays }) => strays)];
  for (const report of reports) {
    if (report === null || report.group !== record.spec.group) continue;
    if (report.activeView !== null || (!isFounder(record, report) && !report.blank)) return report.replica;
  }
  return null;
}
