import { assert } from "../../vocabulary/assert.js";
import { compareEpochs } from "../../vocabulary/epoch.js";
import type { BootId, ClusterId, GroupName, HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { DetectorKnobs, GroupSpec } from "../../vocabulary/spec.js";
import { checkView, type LeaderEnd, type Member, sameView, type View } from "../../vocabulary/view.js";

/** One replica that the group has or is to have: where it lives, with its data folder. */
export interface ReplicaRecord {
  readonly replica: ReplicaId;
  readonly host: HostId;
  /** Wanted no more: leaves the view, then is stopped and its folder set aside. */
  readonly leaving: boolean;
}

/** The leader of a view as a process: what it was executing may become known after the next view. */
export interface ProcessEnd extends LeaderEnd {
  readonly bootId: BootId;
}

/** S6i: a process died while it executed a request, and was told of in the view of this epoch. */
export interface RequestDeath {
  readonly request: string;
  readonly bootId: BootId;
  readonly epoch: string;
}

export interface GroupRecord {
  readonly spec: GroupSpec;
  /** The end of the chain (S1); null before the first view. */
  readonly activeView: View | null;
  /**
   * S1e: the incarnations that reported an empty log and no promise when they were written down here, before anything was asked of
   * them. Only over them can the first view be made, however often its making is interrupted.
   */
  readonly founders: readonly Member[];
  /** S6i: of the last views, oldest first; that of the active view is not known before its leader has ended. */
  readonly leaderEnds: readonly ProcessEnd[];
  /** S6i: the last ones, oldest first. Absent: none. */
  readonly deaths?: readonly RequestDeath[];
  /** Who was asked to lead, and does not yet. Absent or null: nobody. */
  readonly leadWanted?: ReplicaId | null;
  readonly replicas: readonly ReplicaRecord[];
  readonly nextReplicaNumber: number;
}

/** All that the Replication Manager keeps. Written as a whole, by compare-and-swap on the revision. */
export interface ControlContent {
  readonly formatVersion: 1;
  readonly clusterId: ClusterId;
  /** S1a: raised by every start of a Replication Manager; `owner` tells apart two that raised it to the same number. */
  readonly term: number;
  readonly owner: BootId;
  readonly detectors: { readonly lfd: DetectorKnobs; readonly gfd: DetectorKnobs };
  readonly hosts: readonly HostId[];
  readonly groups: readonly GroupRecord[];
}

/** Revision 0 with null content: the store is empty. */
export interface StoreRecord {
  readonly revision: number;
  readonly content: ControlContent | null;
}

export function emptyContent(clusterId: ClusterId, owner: BootId, detectors: ControlContent["detectors"]): ControlContent {
  return {
    formatVersion: 1,
    clusterId,
    term: 0,
    owner,
    detectors,
    hosts: [],
    groups: [],
  };
}

export function groupRecord(content: ControlContent, group: GroupName): GroupRecord | undefined {
  return content.groups.find((record) => record.spec.group === group);
}

/** Wanted no more, or not known any more. */
export function isLeaving(record: GroupRecord, replica: ReplicaId): boolean {
  return record.replicas.find((one) => one.replica === replica)?.leaving ?? true;
}

/** The host that a replica was placed on; null when the content does not name it. */
export function placeOf(content: ControlContent, replica: ReplicaId): HostId | null {
  for (const { replicas } of content.groups) for (const one of replicas) if (one.replica === replica) return one.host;
  return null;
}

/** A copy in which one group is replaced. */
export function withGroup(content: ControlContent, record: GroupRecord): ControlContent {
  const groups = content.groups.map((old) => (old.spec.group === record.spec.group ? record : old));
  assert(groups.includes(record), "group-known", () => `no group ${record.spec.group} in the store's content`);
  return { ...content, groups };
}

/**
 * S1c: why `next` must not follow `current`, or null. Every store calls this inside its compare-and-swap, and the core asserts it before.
 * A new term changes nothing else; within a term, a view only succeeds the stored one, with an epoch of that term.
 */
export function refuseSuccession(current: ControlContent | null, next: ControlContent): string | null {
  if (current === null) return next.groups.some((group) => group.activeView !== null) ? "a view without a chain" : null;
  if (next.clusterId !== current.clusterId) return `content of another cluster (${next.clusterId})`;
  if (next.term > current.term) return refuseNewTerm(current, next);
  if (next.term !== current.term || next.owner !== current.owner) return `the term is ${current.term}, held by another Replication Manager`;
  for (const old of current.groups) {
    if (groupRecord(next, old.spec.group) === undefined) return `group ${old.spec.group} is missing`;
  }
  for (const record of next.groups) {
    const reason = refuseGroup(groupRecord(current, record.spec.group), record, next.term);
    if (reason !== null) return `group ${record.spec.group}: ${reason}`;
  }
  return null;
}

function refuseNewTerm(current: ControlContent, next: ControlContent): string | null {
  if (next.groups.length !== current.groups.length) return "a new term changes groups";
  for (const old of current.groups) {
    const record = groupRecord(next, old.spec.group);
    if (record === undefined || !sameView(record.activeView, old.activeView)) return "a new term changes a view";
  }
  return null;
}

function refuseGroup(old: GroupRecord | undefined, next: GroupRecord, term: number): string | null {
  const from = old?.activeView ?? null;
  const to = next.activeView;
  if (sameView(from, to)) return null;
  if (to === null) return "its view is missing";
  const invalid = checkView(to);
  if (invalid !== null) return invalid;
  if (to.group !== next.spec.group) return `a view of group ${to.group}`;
  if (to.epoch[0] !== term) return `epoch of term ${to.epoch[0]} in term ${term}`;
  if (from === null) {
    // S1e: over the founders only.
    const strangers = to.members.filter((member) => !holdsFounder(old?.founders ?? [], member));
    return strangers.length > 0
      ? `the first view names ${strangers.map((member) => member.replica).join(", ")}, not written down as blank`
      : null;
  }
  if (compareEpochs(to.epoch, from.epoch) <= 0) return "an epoch that is not newer";
  if (to.durability !== from.durability) return "another durability";
  if (to.generation !== from.generation && to.generation !== from.generation + 1) return "a generation that is left out";
  return null;
}

function holdsFounder(founders: readonly Member[], member: Member): boolean {
  return founders.some((founder) => founder.replica === member.replica && founder.incarnation === member.incarnation);
}
