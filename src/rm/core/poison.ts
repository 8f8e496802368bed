import { epochText } from "../../vocabulary/epoch.js";
import { parseIdentityKey } from "../../vocabulary/session.js";
import { announce } from "./announce.js";
import { groupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import type { Rm, Sight } from "./state.js";

const KEYS_MAX = 64;

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
  if (group === undefined || key === null || sight.bootId === null || sight.paused) return;
  const view = groupRecord(rm.store.stored, sight.group)?.activeView ?? null;
  const epoch = view === null ? "" : epochText(view.epoch);
  const deaths = group.deaths.get(key) ?? [];
  // Told of again and again: it counts for the view in which it was told first.
  if (deaths.some((death) => death.bootId === sight.bootId)) return;
  const isAnotherView = deaths.every((death) => death.epoch !== epoch);
  deaths.push({ bootId: sight.bootId, epoch });
  group.deaths.set(key, deaths);
  forgetOldest(group.deaths);
  const identity = parseIdentityKey(key);
  if (!isAnotherView || new Set(deaths.map((death) => death.epoch)).size !== 2 || identity === null) return;
  group.poison = [...group.poison, identity].slice(-KEYS_MAX);
  announce(effects, "poison", `two processes died or hung at request ${key}: it will be refused`, {
    group: sight.group,
    replica: sight.replica,
    data: { request: key },
  });
}

function forgetOldest(deaths: Map<string, unknown>): void {
  for (const key of deaths.keys()) {
    if (deaths.size <= KEYS_MAX) return;
    deaths.delete(key);
  }
}
