import type { HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { Message } from "../../vocabulary/message.js";
import type { RmEffect } from "./effect.js";
import type { Rm } from "./state.js";

/** False when no link to the replica is open: whoever sends sends again when one opens. */
export function sendToServer(rm: Rm, replica: ReplicaId, message: Message, effects: RmEffect[]): boolean {
  const sight = rm.sights.get(replica);
  if (sight === undefined || sight.linkBootId === null) return false;
  effects.push({ kind: "send", to: { kind: "server", replica }, message });
  return true;
}

export function sendToLfd(rm: Rm, host: HostId, message: Message, effects: RmEffect[]): boolean {
  if (rm.hosts.get(host)?.linkOpen !== true) return false;
  effects.push({ kind: "send", to: { kind: "lfd", host }, message });
  return true;
}

export function sendToGfd(rm: Rm, message: Message, effects: RmEffect[]): boolean {
  if (!rm.gfd.linkOpen) return false;
  effects.push({ kind: "send", to: { kind: "gfd" }, message });
  return true;
}
