import type { ControlMessage } from "../../vocabulary/message.js";
import { announce } from "./announce.js";
import type { RmEffect } from "./effect.js";
import type { RmPeer } from "./event.js";
import type { Rm } from "./state.js";

type DamageFound = Extract<ControlMessage, { kind: "damage-found" }>;
/** What a server may make the RM remember, however often it is told. */
const DAMAGES_MAX = 1_000;
const WORDS_MAX = 1_000;

/** S5c: a replica set damaged data aside. Servers say so on each connection; it is one event, also across restarts of the RM. */
export function sayDamage(rm: Rm, peer: Extract<RmPeer, { kind: "server" }>, message: DamageFound, effects: RmEffect[]): void {
  if (message.replica !== peer.replica) return;
  const [where, what, keptIn] = [message.where, message.what, message.keptIn].map((words) => words.slice(0, WORDS_MAX));
  const text = `the data of ${peer.replica} cannot be used (${where}: ${what}); it is kept in ${keptIn} until a person deletes it (when the group is whole again), and ${peer.replica} comes back as a new incarnation, rebuilt from its peers`;
  if (rm.damagesSaid.has(text) || rm.damagesSaid.size >= DAMAGES_MAX) return;
  rm.damagesSaid.add(text);
  announce(effects, "damage-found", text, { group: peer.group, replica: peer.replica });
}
