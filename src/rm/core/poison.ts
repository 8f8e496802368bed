import { parseIdentityKey } from "../../vocabulary/session.js";
import { announce } from "./announce.js";
import type { RmEffect } from "./effect.js";
import type { Rm, Sight } from "./state.js";

const KEYS_MAX = 64;

/**
 * S6i: a process died, or hung, while it executed a request. The second one makes the request poison: the next start entry names it.
 * A process that was paused on purpose hangs for another reason.
 */
export function noteDeath(rm: Rm, sight: Sight, effects: RmEffect[]): void {
  const group = rm.groups.get(sight.group);
  const key = sight.executing;
  if (group === undefined || key === null || sight.bootId === null || sight.paused) return;
  const boots = group.deaths.get(key) ?? [];
  if (boots.includes(sight.bootId)) return;
  boots.push(sight.bootId);
  group.deaths.set(key, boots);
  forgetOldest(group.deaths);
  const identity = parseIdentityKey(key);
  if (boots.length !== 2 || identity === null) return;
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
