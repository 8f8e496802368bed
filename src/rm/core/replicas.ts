import { type GroupName, type HostId, type ReplicaId, replicaId } from "../../vocabulary/ids.js";
import { memberOf } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { type GroupRecord, groupRecord, type ReplicaRecord, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import { healthOf, isDown, memberHealth } from "./observation.js";
import { placeOrder } from "./order.js";
import { placeReplica } from "./placement.js";
import { keepsDeaths } from "./poison.js";
import { noteStartOrdered, startIsDue } from "./relaunch.js";
import { type GroupState, type Rm, type Sight, wakeAt } from "./state.js";
import { neededAnswers } from "./succession.js";

/** As many replicas as the spec wants: new ones are placed, superfluous ones are marked to leave. One a step. */
export function keepCount(rm: Rm, nowMs: number, group: GroupState, effects: RmEffect[]): void {
  const record = groupRecord(rm.store.draft, group.group);
  if (record === undefined) return;
  const wanted = record.replicas.filter((replica) => !replica.leaving);
  if (wanted.length < record.spec.replicas) addReplica(rm, nowMs, record, effects);
  if (wanted.length > record.spec.replicas) dismissReplica(rm, nowMs, record, wanted, effects);
}

function addReplica(rm: Rm, nowMs: number, record: GroupRecord, effects: RmEffect[]): void {
  const host = placeReplica(rm, nowMs, record);
  if (host === null) return;
  const group = record.spec.group;
  let number = record.nextReplicaNumber;
  while (isKnownElsewhere(rm, nameOf(group, number), host)) number += 1;
  const replica = nameOf(group, number);
  const replicas = [...record.replicas, { replica, host, leaving: false }];
  rm.store.draft = withGroup(rm.store.draft, { ...record, replicas, nextReplicaNumber: number + 1 });
  announce(effects, "placed", `${replica} is placed on ${host}: ${record.spec.replicas} replicas are wanted`, { group, replica, host });
}

/** A store that was rebuilt does not know of all names that were given out; hosts may. */
function isKnownElsewhere(rm: Rm, replica: ReplicaId, host: HostId): boolean {
  const sight = rm.sights.get(replica);
  return sight !== undefined && sight.host !== host;
}

function nameOf(group: GroupName, number: number): ReplicaId {
  return replicaId(`${group}-${number}`);
}

/** The least missed leaves: not a member before a member, of each who is down before who is up, and the leader last; then the youngest. */
function dismissReplica(rm: Rm, nowMs: number, record: GroupRecord, wanted: readonly ReplicaRecord[], effects: RmEffect[]): void {
  const view = record.activeView;
  const worth = ({ replica }: ReplicaRecord): number => {
    const member = view === null ? undefined : memberOf(view, replica);
    const health = member === undefined ? healthOf(rm, nowMs, replica) : memberHealth(rm, nowMs, member);
    // `unknown`: its host has not told of it, and perhaps never will.
    const isUp = !isDown(health) && health !== "unknown";
    // Also of a leader that is down: in the middle of a failover the others are all that there is.
    if (member === undefined) return isUp ? 1 : 0;
    if (!isUp) return 2;
    return view?.leader === replica ? 4 : 3;
  };
  let least = wanted[0];
  for (const one of wanted) if (least !== undefined && worth(one) <= worth(least)) least = one;
  if (least === undefined) return;
  markLeaving(rm, record, least.replica);
  const text = `${least.replica} is to leave: ${record.spec.replicas} replicas are wanted, ${wanted.length} are there`;
  announce(effects, "leaving", text, { group: record.spec.group, replica: least.replica });
}

export function markLeaving(rm: Rm, record: GroupRecord, replica: ReplicaRecord["replica"]): void {
  const replicas = record.replicas.map((one) => (one.replica === replica ? { ...one, leaving: true } : one));
  rm.store.draft = withGroup(rm.store.draft, { ...record, replicas });
}

/** Starts what is dead and wanted, on its own host with its own data (S5c), and stops what has left. */
export function keepRunning(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  for (const one of record.replicas) {
    const member = record.activeView !== null && memberOf(record.activeView, one.replica) !== undefined;
    if (one.leaving && !member) discard(rm, nowMs, group, record, one, effects);
    else start(rm, nowMs, group, record, one, effects);
  }
}

function start(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, one: ReplicaRecord, effects: RmEffect[]): void {
  const sight = rm.sights.get(one.replica);
  const host = rm.hosts.get(one.host);
  // No relaunch while the servers of a restarted LFD may still register (PROTOCOL section 8).
  if (sight === undefined || host === undefined || host.verdict !== "alive" || !host.complete) return;
  if (isTooSoon(rm, nowMs, group, sight)) return;
  if (healthOf(rm, nowMs, one.replica) !== "gone" || !startIsDue(rm, nowMs, group, sight, effects)) return;
  if (!keepsDeaths(rm, group, record)) return;
  const { replica } = one;
  const about = { host: one.host, group: group.group, replica, purpose: "start" } as const;
  const ticket = placeOrder(rm, nowMs, about, (number) => ({ kind: "start-replica", ticket: number, spec: record.spec, replica }), effects);
  if (ticket === null) return;
  const first = sight.bootId === null && sight.goneBootId === null;
  const ending = sight.reason === "" ? "" : `; its last process: ${sight.reason}`;
  const text = first ? `${replica} is started on ${one.host}` : `${replica} is started again on ${one.host}, with its data${ending}`;
  announce(effects, first ? "start-ordered" : "relaunched", text, { group: group.group, replica, host: one.host });
  noteStartOrdered(nowMs, group, sight, ticket);
}

/** A start takes the processor from a failover, and from the clients that come to the new leader with all that they could not send. */
function isTooSoon(rm: Rm, nowMs: number, group: GroupState, sight: Sight): boolean {
  const { change } = group;
  const changing = change !== null && change.base !== null && change.attempt > 0;
  // Without those that are down it cannot succeed: then they are what it waits for.
  if (changing && change.phase === "sealing") {
    const up = change.asked.filter((member) => memberHealth(rm, nowMs, member) !== "gone");
    if (up.length < neededAnswers(change)) return false;
  }
  const diedMs = sight.verdict === "gone" ? sight.verdictSinceMs : Number.NEGATIVE_INFINITY;
  const untilMs = Math.max(diedMs, changing ? change.beganMs : diedMs) + rm.config.timing.startDelayMs;
  if (nowMs < untilMs) wakeAt(rm, nowMs, untilMs);
  return nowMs < untilMs;
}

/** S5c: nothing of a replica is set aside before a view without it is active, which the store says here. */
function discard(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, one: ReplicaRecord, effects: RmEffect[]): void {
  if (record.activeView === null ? group.change !== null : group.activeEpoch === null) return;
  const { replica } = one;
  // Done, and on its way to the store.
  if (groupRecord(rm.store.draft, group.group)?.replicas.every((kept) => kept.replica !== replica)) return;
  placeOrder(
    rm,
    nowMs,
    { host: one.host, group: group.group, replica, purpose: "discard" },
    (ticket) => ({ kind: "kill-replica", ticket, replica, bootId: null, discard: true, reason: "it left the group" }),
    effects,
  );
}
