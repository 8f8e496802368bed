import { type Epoch, sameEpoch } from "./epoch.js";
import type { BootId, GroupName, HostId, Incarnation, ReplicaId } from "./ids.js";
import type { Durability, Style } from "./style.js";

export interface Member {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
}

/** Who is in the group, who leads and in what style, in one epoch. Views form one chain in the control store (S1). */
export interface View {
  readonly group: GroupName;
  /** Changes only when acknowledged work may have been given up (PROTOCOL section 4, loss). From 1. */
  readonly generation: number;
  readonly epoch: Epoch;
  readonly members: readonly Member[];
  readonly leader: ReplicaId;
  readonly style: Style;
  /** w: how many members must have persisted an entry before it is committed. */
  readonly quorum: number;
  readonly durability: Durability;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * How the leader of an active view ended: the key of the request that it was executing when it died; null where nobody knows, as when it
 * has not died, or died at nothing (S6i).
 */
export interface LeaderEnd {
  readonly epoch: Epoch;
  readonly executing: string | null;
}

/** Where a process can be reached. Addresses are no part of a view. */
export interface AddressEntry {
  readonly replica: ReplicaId;
  readonly hostId: HostId;
  readonly address: Address;
  readonly bootId: BootId;
}

/** The RM's book of addresses, pushed with views; the higher version wins. Versions start anew with each RM term: [term, version]. */
export interface AddressBook {
  readonly version: Epoch;
  readonly entries: readonly AddressEntry[];
}

export function memberOf(view: View, replica: ReplicaId): Member | undefined {
  return view.members.find((member) => member.replica === replica);
}

/** S5a: a replica counts only under the incarnation that the view has admitted. */
export function holdsIncarnation(view: View, replica: ReplicaId, incarnation: Incarnation): boolean {
  return view.members.some((member) => member.replica === replica && member.incarnation === incarnation);
}

export function sameView(a: View | null, b: View | null): boolean {
  if (a === null || b === null) return a === b;
  return a.group === b.group && a.generation === b.generation && sameEpoch(a.epoch, b.epoch);
}

/** S3a: how many Seal answers a change needs so that they meet every quorum of the view. */
export function sealQuorum(view: View): number {
  return view.members.length - view.quorum + 1;
}

/** Why a view cannot be valid, or null. Checked where a view enters a process and before one is stored. */
export function checkView(view: View): string | null {
  const size = view.members.length;
  if (size === 0) return "a view has no members";
  if (new Set(view.members.map((member) => member.replica)).size !== size) return "a replica is named twice";
  if (new Set(view.members.map((member) => member.incarnation)).size !== size) return "an incarnation is named twice";
  if (memberOf(view, view.leader) === undefined) return `the leader ${view.leader} is not a member`;
  if (view.quorum < 1 || view.quorum > size) return `a quorum of ${view.quorum} in ${size} members`;
  if (2 * view.quorum <= size) return `two quorums of ${view.quorum} in ${size} members need not meet`;
  return null;
}
