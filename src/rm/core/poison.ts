import { type Epoch, epochText } from "../../vocabulary/epoch.js";
import type { BootId } from "../../vocabulary/ids.js";
import { parseIdentityKey, type RequestIdentity } from "../../vocabulary/session.js";
import type { LeaderEnd } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { type GroupRecord, groupRecord, type ProcessEnd, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import type { GroupState, Rm, Sight } from "./state.js";

const ENDS_KNOWN_MAX = 64;
/** So many views back an answer is still told from a death; a request that is older is not refused. */
const ENDS_MAX = 32;
/** A request that fells processes is sent again at once: the second death follows soon after the first. */
const DEATHS_MAX = 32;

/**
 * S6i: a process died while it executed a request, or hung in it and was ended for that. The second one makes the request poison: the next
 * start entry names it. Suspicion alone counts for nothing here: where a busy machine starves two replicas for a moment, whatever they
 * happen to execute is innocent, and what others have executed and answered would be refused. For the same reason deaths count once a view:
 * replicas that are killed together execute the same request, which another may have answered; who executes it in a later view shows that
 * it had no answer. A process that was paused on purpose hangs for another reason.
 */
export function noteDeath(rm: Rm, sight: Sight, effects: RmEffect[]): void {
  const group = rm.groups.get(sight.group);
  const { executing: request, bootId } = sight;
  if (group === undefined || request === null || bootId === null) return;
  noteEnd(rm, group, bootId, request);
  if (sight.paused) return;
  const earlier = group.deaths.filter((death) => death.request === request);
  // Told of again and again: it counts for the view in which it was told first.
  if (earlier.some((death) => death.bootId === bootId)) return;
  const view = groupRecord(rm.store.stored, sight.group)?.activeView ?? null;
  const wasPoison = isPoison(group, request);
  group.deaths = [...group.deaths, { request, bootId, epoch: view === null ? "" : epochText(view.epoch) }].slice(-DEATHS_MAX);
  if (earlier.length > 0) keepEnds(rm, group);
  if (wasPoison || !isPoison(group, request) || parseIdentityKey(request) === null) return;
  announce(effects, "poison", `two processes died or hung at request ${request}: it is refused unless it may have been answered before`, {
    group: sight.group,
    replica: sight.replica,
    data: { request },
  });
}

function isPoison(group: GroupState, request: string): boolean {
  return new Set(group.deaths.flatMap((death) => (death.request === request ? [death.epoch] : []))).size > 1;
}

export function poisonOf(group: GroupState): RequestIdentity[] {
  const requests = [...new Set(group.deaths.map(({ request }) => request))];
  return requests.filter((request) => isPoison(group, request)).flatMap((request) => parseIdentityKey(request) ?? []);
}

/**
 * S6i: that two processes die at a request by chance, after an earlier leader has answered it, cannot be told from here alone. So each Lead
 * says how the leaders so far have ended, and the new one, whose log tells since which epoch the request has been there, decides.
 */
export function leaderEndsOf(rm: Rm, group: GroupState): LeaderEnd[] {
  const record = groupRecord(rm.store.draft, group.group);
  return record === undefined ? [] : known(group, record).map(({ epoch, executing }) => ({ epoch, executing }));
}

/** The record with the leader of the next view, and with all that is known of those before. */
export function withLeader(group: GroupState, record: GroupRecord, epoch: Epoch, bootId: BootId): GroupRecord {
  const kept = withEnds(group, record);
  return { ...kept, leaderEnds: [...kept.leaderEnds, { epoch, bootId, executing: null }].slice(-ENDS_MAX) };
}

/**
 * Before a process is started again: its host, which tells of the one before until then, forgets it. True when what it died at is in the store, for
 * a Replication Manager that follows.
 */
export function keepsDeaths(rm: Rm, group: GroupState, stored: GroupRecord): boolean {
  if (isKept(group, stored)) return true;
  const record = groupRecord(rm.store.draft, group.group);
  if (record !== undefined && !isKept(group, record)) rm.store.draft = withGroup(rm.store.draft, withEnds(group, record));
  return false;
}

function isKept({ deaths }: GroupState, record: GroupRecord): boolean {
  return deaths.length === 0 || record.deaths === deaths;
}

function noteEnd(rm: Rm, group: GroupState, bootId: BootId, key: string): void {
  if (group.ends.has(bootId)) return;
  group.ends.set(bootId, key);
  forgetOldest(group.ends);
  const record = groupRecord(rm.store.draft, group.group);
  // The view before the last: its leader hung, and was ended when the next view was active.
  if (record?.leaderEnds.slice(0, -1).some((end) => end.bootId === bootId) === true) keepEnds(rm, group);
}

/** Written at once where a request begins to look like poison; otherwise with the next view, which a failover need not wait for twice. */
function keepEnds(rm: Rm, group: GroupState): void {
  const record = groupRecord(rm.store.draft, group.group);
  if (record === undefined) return;
  const isNew = record.leaderEnds.some((end) => end.executing === null && group.ends.has(end.bootId));
  if (isNew || !isKept(group, record)) rm.store.draft = withGroup(rm.store.draft, withEnds(group, record));
}

/** The record with all that is known of how processes ended. */
function withEnds(group: GroupState, record: GroupRecord): GroupRecord {
  const { deaths } = group;
  return { ...record, leaderEnds: known(group, record), ...(deaths.length === 0 ? {} : { deaths }) };
}

function known(group: GroupState, record: GroupRecord): ProcessEnd[] {
  return record.leaderEnds.map((end) => ({ ...end, executing: end.executing ?? group.ends.get(end.bootId) ?? null }));
}

function forgetOldest(ends: Map<BootId, string>): void {
  for (const bootId of ends.keys()) {
    if (ends.size <= ENDS_KNOWN_MAX) return;
    ends.delete(bootId);
  }
}
