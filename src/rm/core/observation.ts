import type { BootId, HostId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import type { DetectionMessage } from "../../vocabulary/message.js";
import type { HostObservation, ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { ReplicaReport, RoomShort } from "../../vocabulary/report.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { Member } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { placeOf } from "./content.js";
import type { RmEffect } from "./effect.js";
import { noteDeath } from "./poison.js";
import { createSight } from "./sight.js";
import type { HostSight, Rm, Sight } from "./state.js";

type Membership = Extract<DetectionMessage, { kind: "membership" }>;
type Fault = Extract<DetectionMessage, { kind: "fault" }>;

/** A full snapshot of one boot of the GFD: never an older version, never another boot than the one that is connected (PROTOCOL section 8). */
export function onMembership(rm: Rm, nowMs: number, from: BootId, message: Membership, effects: RmEffect[]): void {
  if (message.bootId !== from) return;
  const { gfd } = rm;
  if (gfd.bootId !== message.bootId) {
    gfd.bootId = message.bootId;
    gfd.version = 0;
  }
  if (message.version < gfd.version) return;
  gfd.version = message.version;
  gfd.complete = message.complete;
  gfd.knobs = message.knobs;
  for (const host of message.hosts) observeHost(rm, nowMs, host, effects);
  // Silent for as long as a GFD waits for a host after its start.
  const isSilent = (host: HostSight): boolean => message.complete && host.toldBy !== message.bootId;
  for (const host of rm.hosts.values())
    if (isSilent(host)) judgeHost(host, "suspected", "the GFD has not heard of it since its start", effects);
  forgetRemoved(rm);
  rm.statusDirty = true;
}

/** What was on its way when a replica was removed brought it back into sight: its host has no such replica, and neither has the store. */
function forgetRemoved(rm: Rm): void {
  for (const { replica, absent, linkBootId } of rm.sights.values()) {
    if (!absent || linkBootId !== null) continue;
    if (placeOf(rm.store.draft, replica) === null) rm.sights.delete(replica);
  }
}

function observeHost(rm: Rm, nowMs: number, seen: HostObservation, effects: RmEffect[]): void {
  const strays = seen.replicas.filter(({ replica }) => isStray(rm, seen.hostId, replica));
  const now = { ...hostOf(seen), strays: strays.flatMap(({ report }) => report ?? []), toldBy: rm.gfd.bootId };
  const host = rm.hosts.get(seen.hostId);
  if (host === undefined) {
    rm.hosts.set(seen.hostId, { ...now, linkOpen: false });
    announce(effects, "host-found", `host ${seen.hostId} reports`, { host: seen.hostId });
  } else {
    judgeHost(host, seen.verdict, "", effects);
    Object.assign(host, now);
  }
  const named = new Set<ReplicaId>();
  for (const replica of seen.replicas) {
    if (strays.includes(replica)) continue;
    named.add(replica.replica);
    observeReplica(rm, nowMs, seen.hostId, replica, effects);
  }
  for (const sight of rm.sights.values()) {
    // Absence is no verdict, unless the host is alive and says that it has told of all it knows.
    if (sight.host === seen.hostId) sight.absent = seen.complete && seen.verdict === "alive" && !named.has(sight.replica);
  }
}

/** Once a store was lost a name may be given out again: what another host tells is of an earlier replica of that name. */
function isStray(rm: Rm, host: HostId, replica: ReplicaId): boolean {
  const place = placeOf(rm.store.draft, replica);
  return place !== null && place !== host;
}

function hostOf(seen: HostObservation): Omit<HostSight, "linkOpen" | "toldBy" | "strays"> {
  const { hostId, bootId, pid, address, verdict, complete, knobs } = seen;
  return { host: hostId, bootId, pid, address, verdict, complete, knobs };
}

function judgeHost(host: HostSight, verdict: Verdict, reason: string, effects: RmEffect[]): void {
  if (host.verdict === verdict) return;
  host.verdict = verdict;
  const why = reason === "" ? "" : `: ${reason}`;
  announce(effects, `host-${verdict}`, `the fault detector of host ${host.host} is ${verdict}${why}`, { host: host.host });
}

function observeReplica(rm: Rm, nowMs: number, host: HostId, seen: ReplicaObservation, effects: RmEffect[]): void {
  let sight = rm.sights.get(seen.replica);
  if (sight === undefined) {
    sight = createSight(seen.group, seen.replica, host, nowMs);
    rm.sights.set(seen.replica, sight);
  }
  if (seen.bootId !== sight.bootId || (seen.bootId === null && seen.pid !== sight.pid)) beginLife(sight, nowMs);
  sight.host = host;
  sight.bootId = seen.bootId;
  sight.pid = seen.pid;
  if (seen.incarnation !== null) sight.incarnation = seen.incarnation;
  // A restarted LFD does not know the address until the server registers again; the server has not moved.
  if (seen.address !== null) {
    // It cannot have been connected to before.
    if (sight.address === null && sight.linkBootId === null) sight.linkSinceMs = nowMs;
    sight.address = seen.address;
  }
  sight.counted = seen.counted;
  // Of one that has ended it is told no more: how it was when it ended counts.
  if (seen.verdict !== "gone") sight.paused = seen.paused;
  sight.executing = seen.executing;
  if (seen.report !== null && seen.report.bootId === seen.bootId) sight.relayed = seen.report;
  const stale = seen.bootId !== null && seen.bootId === sight.goneBootId;
  judge(rm, nowMs, sight, stale ? "gone" : seen.verdict, seen.reason, null, effects);
  // S6i: what it was executing in the end is told here; the fault comes ahead of that, and what was told before may have been answered since.
  if (seen.verdict === "gone") noteDeath(rm, sight, effects);
}

function beginLife(sight: Sight, nowMs: number): void {
  sight.bornMs = nowMs;
  sight.address = null;
  sight.verdict = "alive";
  sight.verdictSinceMs = nowMs;
  sight.detectionMs = null;
  sight.executing = null;
  sight.paused = false;
  sight.relayed = null;
}

/** A verdict that the GFD pushes ahead of its next snapshot. */
export function onFault(rm: Rm, nowMs: number, message: Fault, effects: RmEffect[]): void {
  if (message.replica === null) {
    const host = rm.hosts.get(message.hostId);
    if (host !== undefined && (message.bootId === null || message.bootId === host.bootId))
      judgeHost(host, message.verdict, message.reason, effects);
    return;
  }
  const sight = rm.sights.get(message.replica);
  if (sight === undefined || sight.host !== message.hostId) return;
  if (message.bootId !== sight.bootId) return sayHowEnded(sight, message, effects);
  judge(rm, nowMs, sight, message.verdict, message.reason, message.detectionMs, effects);
}

/** Of a process that is not the one known last. Of one that no snapshot has told of yet, the snapshot that follows will tell. */
function sayHowEnded(sight: Sight, { bootId, verdict, reason }: Fault, effects: RmEffect[]): void {
  if (verdict !== "gone" || bootId === null || bootId !== sight.goneBootId) return;
  const { group, replica, host } = sight;
  announce(effects, "ended", `the last process of ${replica} ended: ${reason}`, { group, replica, host });
}

function judge(
  rm: Rm,
  nowMs: number,
  sight: Sight,
  verdict: Verdict,
  reason: string,
  detectionMs: number | null,
  effects: RmEffect[],
): void {
  if (verdict === "gone" && sight.bootId !== null) {
    sight.goneBootId = sight.bootId;
    sight.goneIncarnation = sight.incarnation;
  }
  sight.reason = reason;
  if (verdict === sight.verdict) return;
  const before = sight.verdict;
  sight.verdict = verdict;
  sight.verdictSinceMs = nowMs;
  sight.detectionMs = detectionMs;
  rm.statusDirty = true;
  const text =
    verdict === "alive" ? `replica ${sight.replica} is alive again (was ${before})` : `replica ${sight.replica} is ${verdict}: ${reason}`;
  announce(effects, verdict, text, {
    group: sight.group,
    replica: sight.replica,
    host: sight.host,
    ...(detectionMs === null ? {} : { data: { detectMs: detectionMs } }),
  });
}

export type Health = Verdict | "unknown";

/** The process that is there now: the one that is connected, unless it is known to be gone, else the one observed. */
export function currentBoot(sight: Sight): BootId | null {
  return sight.linkBootId !== null && sight.linkBootId !== sight.goneBootId ? sight.linkBootId : sight.bootId;
}

export function currentIncarnation(sight: Sight): Incarnation | null {
  return sight.linkBootId !== null && sight.linkBootId !== sight.goneBootId ? sight.linkIncarnation : sight.incarnation;
}

/** The best verdict on a replica's process. `unknown`: no detector has said anything of it yet. */
export function healthOf(rm: Rm, nowMs: number, replica: ReplicaId): Health {
  const sight = rm.sights.get(replica);
  if (sight === undefined) return "unknown";
  const linked = sight.linkBootId !== null && sight.linkBootId !== sight.goneBootId;
  const unanswered = nowMs >= probeDueMs(rm, nowMs, sight);
  if (linked && sight.linkBootId !== sight.bootId) return unanswered ? "suspected" : "alive";
  if (!linked && sight.absent) return "gone";
  if (!linked && sight.bootId === null && sight.pid === null && sight.verdict !== "gone") return "unknown";
  return sight.verdict === "alive" && unanswered ? "suspected" : sight.verdict;
}

/** A GFD that is stopped keeps its connection. */
export function gfdAnswers(rm: Rm, nowMs: number): boolean {
  const { linkOpen, askedMs } = rm.gfd;
  return linkOpen && (askedMs === null || nowMs < askedMs + rm.config.timing.probeMs);
}

/** Has the GFD that is there now heard of all hosts, or waited for them long enough? */
export function hasGathered(rm: Rm, nowMs: number): boolean {
  return gfdAnswers(rm, nowMs) && rm.gfd.complete && rm.gfd.bootId === rm.gfd.linkBootId;
}

/**
 * Does a detector that is itself well watch this replica? A GFD that is stopped says nothing of anybody, and what a former one has said of a
 * host that the present one has not heard of counts no more.
 */
export function isVouchedFor(rm: Rm, nowMs: number, sight: Sight): boolean {
  const host = rm.hosts.get(sight.host);
  return gfdAnswers(rm, nowMs) && host !== undefined && isThere(rm, host);
}

/** By the word of the GFD that is there now, or was last. */
export function isThere(rm: Rm, host: HostSight): boolean {
  return host.verdict === "alive" && host.toldBy === rm.gfd.linkBootId;
}

/**
 * When the RM's own probe of a replica that nobody vouches for will have been unanswered for long enough (PROTOCOL section 8): a question
 * on an open link, or a link that does not open again. Infinity when no probe runs.
 */
function probeDueMs(rm: Rm, nowMs: number, sight: Sight): number {
  if (isVouchedFor(rm, nowMs, sight)) return Number.POSITIVE_INFINITY;
  const sinceMs = sight.linkBootId === null ? Math.max(sight.linkSinceMs, rm.startedMs) : (sight.probeSentMs ?? Number.POSITIVE_INFINITY);
  return sinceMs + rm.config.timing.probeMs;
}

/** The time of a verdict by the RM's own probe that is yet to come. */
export function probeWakeMs(rm: Rm, nowMs: number, sight: Sight): number {
  const dueMs = probeDueMs(rm, nowMs, sight);
  return dueMs > nowMs ? dueMs : Number.POSITIVE_INFINITY;
}

/** S5a: a member whose replica runs as another incarnation is gone, whatever that process says. */
export function memberHealth(rm: Rm, nowMs: number, member: Member): Health {
  const sight = rm.sights.get(member.replica);
  const incarnation = sight === undefined ? null : currentIncarnation(sight);
  if (incarnation !== null && incarnation !== member.incarnation) return "gone";
  return healthOf(rm, nowMs, member.replica);
}

export function isDown(health: Health): boolean {
  return health === "gone" || health === "suspected";
}

/** The report of the process that is there now; its own word over what the detectors relay. */
export function reportOf(sight: Sight | undefined): ReplicaReport | null {
  if (sight === undefined) return null;
  const boot = currentBoot(sight);
  if (sight.direct !== null && sight.direct.bootId === boot) return sight.direct;
  return sight.relayed !== null && sight.relayed.bootId === boot ? sight.relayed : null;
}

/** While nobody has requests, this is all that moves. */
function transferOf({ learners }: ReplicaReport): number {
  return learners.reduce((sum, learner) => sum + learner.transferSizeBytes + learner.transferredBytes, 0);
}

/** The report with the freshest figures, for people and for a learner's progress: all of them only grow. */
export function figuresOf(sight: Sight): ReplicaReport | null {
  const boot = currentBoot(sight);
  const relayed = sight.relayed?.bootId === boot ? sight.relayed : null;
  const direct = sight.direct?.bootId === boot ? sight.direct : null;
  if (relayed === null || direct === null) return direct ?? relayed;
  const newer =
    relayed.executedCount > direct.executedCount ||
    relayed.persistedIndex > direct.persistedIndex ||
    relayed.commitIndex > direct.commitIndex ||
    transferOf(relayed) > transferOf(direct);
  return newer ? relayed : direct;
}

/** What its disk lacks, as the process that is there now says by way of its LFD; null while there is room. */
export function roomShortOf(sight: Sight): RoomShort | null {
  const { relayed } = sight;
  return relayed !== null && relayed.bootId === currentBoot(sight) ? (relayed.roomShort ?? null) : null;
}
