import { type Epoch, epochText } from "../../vocabulary/epoch.js";
import type { BootId } from "../../vocabulary/ids.js";
import { parseIdentityKey } from "../../vocabulary/session.js";
import type { LeaderEnd } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import { type GroupRecord, groupRecord, type ProcessEnd, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import type { GroupState, Rm, Sight } from "./state.js";

const KEYS_MAX = 64;
/** So many views back an answer is still told from a death; a request that is older is not refused. */
const ENDS_MAX = 32;

/**
 * S6i: a process died while it executed a request, or hung in it and was ended for that. The second one makes the request poison: the next
 * start entry names it. Suspicion alone counts for nothing here: where a busy machine starves two replicas for a moment, whatever they
 * happen to execute is innocent, and what others have executed and answered would be refused. For the same reason deaths count once a view:
 * replicas that are killed together execute the same request, which another may have answered; who executes it in a later view shows that
 * it had no answer. A process that was paused on purpose hangs for another reason.
 */
export function noteDeath(rm: Rm, sight: Sight, effects: RmEffect[]): void {
  const group = rm.groups.get(sight.group);
  const key = sight.executing;
  if (group === undefined || key === null || sight.bootId === null) return;
  noteEnd(rm, group, sight.bootId, key);
  if (sight.paused) return;
  const view = groupRecord(rm.store.stored, sight.group)?.activeView ?? null;
  const epoch = view === null ? "" : epochText(view.epoch);
  const deaths = group.deaths.get(key) ?? [];
  // Told of again and again: it counts for the view in which it was told first.
  if (deaths.some((death) => death.bootId === sight.bootId)) return;
  const isAnotherView = deaths.every((death) => death.epoch !== epoch);
  deaths.push({ bootId: sight.bootId, epoch });
  if (deaths.length > 1) keepEnds(rm, group);
  group.deaths.set(key, deaths);
  forgetOldest(group.deaths);
  const identity = parseIdentityKey(key);
  if (!isAnotherView || new Set(deaths.map((death) => death.epoch)).size !== 2 || identity === null) return;
  group.poison = [...group.poison, identity].slice(-KEYS_MAX);
  announce(effects, "poison", `two processes died or hung at request ${key}: it is refused unless it may have been answered before`, {
    group: sight.group,
    replica: sight.replica,
    data: { request: key },
  });
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
  return { ...record, leaderEnds: [...known(group, record), { epoch, bootId, executing: null }].slice(-ENDS_MAX) };
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
  if (record === undefined || record.leaderEnds.every((end) => end.executing !== null || !group.ends.has(end.bootId))) return;
  rm.store.draft = withGroup(rm.store.draft, { ...record, leaderEnds: known(group, record) });
}

function known(group: GroupState, record: GroupRecord): ProcessEnd[] {
  return record.leaderEnds.map((end) => ({ ...end, executing: end.executing ?? group.ends.get(end.bootId) ?? null }));
}

function forgetOldest(deaths: Map<string, unknown>): void {
  for (const key of deaths.keys()) {
    if (deaths.size <= KEYS_MAX) return;
    deaths.delete(key);
  }
}
