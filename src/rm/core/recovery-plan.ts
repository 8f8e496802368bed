import { compareEpochs, EPOCH_ZERO, type Epoch, epochText } from "../../vocabulary/epoch.js";
import type { BootId, ClusterId, HostId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import { quorumSize } from "../../vocabulary/style.js";
import { type Member, sealQuorum, type View } from "../../vocabulary/view.js";
import { type ControlContent, emptyContent, type GroupRecord, groupRecord } from "./content.js";
import type { Announcement } from "./effect.js";

/**
 * What `troupe recover` makes of a system that stands still: a control store from what the replicas' folders know (S1e), and, where work is
 * given up on purpose, the next generation (PROTOCOL section 4, loss). Nothing is decided by it that the folders do not prove.
 */
export interface FoundReplica {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation | null;
  /** Why its data cannot be used; null when it is whole. Of damaged data the figures are what could still be read. */
  readonly damage: string | null;
  readonly promise: Epoch;
  readonly activeView: View | null;
  readonly lastEpoch: Epoch;
  readonly lastIndex: number;
  /** What the start entries of its log name: views that were attempted, and perhaps active. */
  readonly begun: readonly View[];
}

export type FoundStore =
  | { readonly kind: "whole"; readonly content: ControlContent }
  | { readonly kind: "missing" }
  | { readonly kind: "damaged"; readonly reason: string }
  /** Another release wrote it, and only that one can go on with it. */
  | { readonly kind: "unsupported"; readonly reason: string };

export interface RecoveryInput {
  readonly clusterId: ClusterId;
  readonly owner: BootId;
  /** Of replicas that `hosts` does not place. */
  readonly host: HostId;
  readonly hosts: ReadonlyMap<ReplicaId, HostId>;
  readonly detectors: ControlContent["detectors"];
  readonly spec: GroupSpec;
  readonly store: FoundStore;
  readonly replicas: readonly FoundReplica[];
  /** Replicas that there should be folders of: as the host's own table says. */
  readonly expected: readonly ReplicaId[];
  /** The highest term that anything else tells of: earlier recoveries, events. Clients hold on to addresses of a higher term, too. */
  readonly knownTerm: number;
}

export type RecoveryPlan =
  /** There is nothing to do, or nothing may be done: why, in words. */
  { readonly kind: "nothing"; readonly why: string } | { readonly kind: "refused"; readonly why: string } | Recovery;

export interface Recovery {
  readonly kind: "rebuild" | "give-up";
  readonly content: ControlContent;
  /** What will be so, and what is given up: a line each. */
  readonly lines: readonly string[];
  readonly event: Announcement;
}

/** S1a: also above what a disk that is not here may have promised. */
const TERM_MARGIN = 1_000;

export function planRecovery(input: RecoveryInput, acceptsLoss: boolean): RecoveryPlan {
  if (input.store.kind === "unsupported") return { kind: "refused", why: input.store.reason };
  const stored = storedRecord(input);
  const base = latestOf([...knownViews(input), stored?.activeView ?? null]);
  if (base === null) return planWithoutView(input);
  const isTold = input.store.kind === "whole" && !isOlder(input, input.store.content, base);
  const doubts = isTold ? [] : doubtsAbout(input, base);
  const whole = survivorsOf(input, base);
  const isEnough = whole.length >= sealQuorum(base);
  if (acceptsLoss) {
    if (!isEnough || doubts.length > 0) return giveUp(input, base, doubts);
    const how = isTold ? "start the system with `troupe up`" : "run `troupe recover` without --accept-data-loss";
    return {
      kind: "refused",
      why: `Nothing has to be given up: ${namesOf(whole)} of view ${wordsOf(base)} are whole, and enough. So ${how}.`,
    };
  }
  if (doubts.length > 0)
    return {
      kind: "refused",
      why: `The control store cannot be rebuilt for certain, and nothing was changed: ${doubts.join("; ")}. Put that data back if there is a copy. As the last resort \`troupe recover --accept-data-loss\` goes on without it.`,
    };
  if (isTold) return { kind: "nothing", why: toldText(base, isEnough, whole) };
  return rebuild(input, base, isEnough);
}

function toldText(base: View, isEnough: boolean, whole: readonly Member[]): string {
  const text = `The control store is whole, and as new as what its replicas know: nothing was changed.`;
  if (isEnough) return text;
  return `${text} But of view ${wordsOf(base)} only ${namesOf(whole) || "nobody"} has its data, and ${sealQuorum(base)} are needed: \`troupe recover --accept-data-loss\` goes on without the others, as the last resort.`;
}

function storedRecord(input: RecoveryInput): GroupRecord | undefined {
  return input.store.kind === "whole" ? groupRecord(input.store.content, input.spec.group) : undefined;
}

/** Views that were active, or may have been: S4a, the start entry is on w of the members before the view is written. */
function knownViews({ replicas }: RecoveryInput): View[] {
  const known = replicas.flatMap(({ activeView }) => activeView ?? []);
  for (const { begun, damage } of replicas) {
    for (const view of begun) {
      const holders = replicas.filter((one) => one.damage === null && isMember(view, one) && holdsStart(one, view));
      if (damage === null && holders.length >= view.quorum) known.push(view);
    }
  }
  return known;
}

function holdsStart(found: FoundReplica, view: View): boolean {
  return found.begun.some((one) => compareEpochs(one.epoch, view.epoch) === 0);
}

function isMember(view: View, found: FoundReplica): boolean {
  return view.members.some((member) => member.replica === found.replica && member.incarnation === found.incarnation);
}

/** The generation comes first: what an older one did is not looked at any more, whatever its epoch. */
function compareViews(a: View, b: View): number {
  return a.generation - b.generation || compareEpochs(a.epoch, b.epoch);
}

function latestOf(views: readonly (View | null)[]): View | null {
  let latest: View | null = null;
  for (const view of views) if (view !== null && (latest === null || compareViews(view, latest) > 0)) latest = view;
  return latest;
}

/** S1e: a replica knows what the store does not. */
function isOlder(input: RecoveryInput, content: ControlContent, base: View): boolean {
  const stored = groupRecord(content, input.spec.group)?.activeView ?? null;
  if (stored === null || compareViews(base, stored) > 0) return true;
  const ofNow = input.replicas.filter(({ activeView }) => activeView === null || activeView.generation >= stored.generation);
  return ofNow.some(({ promise }) => promise[0] > content.term);
}

function survivorsOf({ replicas }: RecoveryInput, base: View): Member[] {
  return base.members.filter((member) => replicas.some((found) => found.damage === null && isIt(found, member)));
}

function isIt(found: FoundReplica, member: Member): boolean {
  return found.replica === member.replica && found.incarnation === member.incarnation;
}

/**
 * Why a view later than `base` may have been active. None can have been when w of the members of an active view have promised nothing later:
 * any n - w + 1 that were sealed for a later one include one of them (S1c, S2a, S3a). Nor when every replica can be read: w would hold its start.
 */
function doubtsAbout(input: RecoveryInput, base: View): string[] {
  const active = latestOf([...input.replicas.map(({ activeView }) => activeView), storedRecord(input)?.activeView ?? null]);
  const faithful = input.replicas.filter(
    (found) => found.damage === null && isMember(base, found) && compareEpochs(found.promise, base.epoch) <= 0,
  );
  if (active !== null && compareViews(active, base) === 0 && faithful.length >= base.quorum) return [];
  const attempted = input.replicas.flatMap(({ begun }) => begun.filter((view) => compareViews(view, base) > 0));
  const views = active === null ? [base, ...attempted] : [base, active, ...attempted];
  return unreadable(input, views).map((doubt) => `${doubt}, and may know of a later view`);
}

/** What cannot be read of all that should be there: folders, members of `views` as the incarnations that they were, what the host's table names. */
function unreadable({ replicas, expected }: RecoveryInput, views: readonly View[]): string[] {
  const doubts = new Set<string>();
  for (const { replica, damage } of replicas) if (damage !== null) doubts.add(`the data of ${replica} is damaged (${damage})`);
  const members = views.flatMap((view) => view.members.map((member) => ({ member, view })));
  for (const { member, view } of members) {
    const found = replicas.find((one) => one.replica === member.replica);
    if (found === undefined || (found.damage === null && !isIt(found, member)))
      doubts.add(`${member.replica} of view ${wordsOf(view)} has lost its data (incarnation ${member.incarnation.slice(0, 8)})`);
  }
  for (const replica of expected) {
    const isSeen = replicas.some((found) => found.replica === replica) || members.some(({ member }) => member.replica === replica);
    if (!isSeen) doubts.add(`there is no data of ${replica}, which ran here`);
  }
  return [...doubts];
}

/**
 * No replica that can be read knows of an active view. Those that have lost their data look the same as those that never had any, so only
 * the store itself can say that there was none (S1e).
 */
function planWithoutView(input: RecoveryInput): RecoveryPlan {
  const { replicas, store } = input;
  const promises = replicas.map(({ promise }) => promise);
  const isUnread = replicas.some(({ damage }) => damage !== null) || store.kind === "damaged";
  if (!isUnread && promises.every((promise) => compareEpochs(promise, EPOCH_ZERO) === 0))
    return { kind: "nothing", why: "No replica holds any state: there is nothing to rebuild. `troupe up` makes the group." };
  if (store.kind === "whole" && promises.every(([term]) => term <= store.content.term))
    return {
      kind: "nothing",
      why: "The control store is whole, and says that the group never had a view. `troupe up` makes its first one.",
    };
  const doubts = unreadable(
    input,
    replicas.flatMap(({ begun }) => begun),
  );
  const known = doubts.length > 0 ? `: ${doubts.join("; ")}` : "";
  return {
    kind: "refused",
    why: `No replica that can be read knows of an active view${known}. Either the group never had one, or all that knew of it have lost their data, and nothing here tells which. Put that data back if there is a copy; else nothing is left to go on from: restore a backup with \`troupe restore\`, or begin anew with \`troupe up --fresh\`.`,
  };
}

function rebuild(input: RecoveryInput, base: View, isEnough: boolean): RecoveryPlan {
  const lines = [
    `The last active view of group ${input.spec.group} is ${wordsOf(base)}, of ${namesOf(base.members)}, as its replicas know.`,
  ];
  if (!isEnough) lines.push(`Too few of them are whole for it to serve: see \`troupe recover --accept-data-loss\`.`);
  return finish(input, "rebuild", base, lines);
}

function giveUp(input: RecoveryInput, base: View, doubts: readonly string[]): RecoveryPlan {
  const pool = bestOf(input, base);
  const [first] = pool;
  if (first === undefined)
    return {
      kind: "refused",
      why: `No replica of group ${input.spec.group} has whole data left: there is nothing to go on from. Restore a backup with \`troupe restore\`, or begin anew with \`troupe up --fresh\`.`,
    };
  const members = pool.flatMap(({ replica, incarnation }) => (incarnation === null ? [] : [{ replica, incarnation }]));
  const generation = base.generation + 1;
  const epoch: Epoch = [nextTerm(input), 1];
  const view: View = {
    ...base,
    generation,
    epoch,
    members,
    leader: first.replica,
    quorum: quorumSize(members.length, specOf(input, base).quorum),
  };
  const lines = [
    `Group ${base.group} goes on as generation ${generation} from ${namesOf(members)}, through index ${first.lastIndex} of epoch ${epochText(first.lastEpoch)}.`,
    ...base.members.flatMap((member) => fateOf(input, member, members)),
    ...doubts.map((doubt) => `Not known: ${doubt}.`),
    "What was acknowledged and is only in what is given up is gone. Sessions of clients expire; what they sent and got no answer for is unknown.",
  ];
  return finish(input, "give-up", view, lines);
}

/** Those that hold most, of the last view; where nobody of it is left, of all that have not been left behind by a generation. */
function bestOf(input: RecoveryInput, base: View): FoundReplica[] {
  const whole = input.replicas.filter(({ damage, lastIndex, incarnation }) => damage === null && lastIndex > 0 && incarnation !== null);
  const members = whole.filter((found) => isMember(base, found));
  const pool = members.length > 0 ? members : whole.filter(({ activeView }) => activeView?.generation === base.generation);
  const order = (a: FoundReplica, b: FoundReplica): number => compareEpochs(b.lastEpoch, a.lastEpoch) || b.lastIndex - a.lastIndex;
  const [best] = [...pool].sort(order);
  return best === undefined ? [] : pool.filter((found) => order(found, best) === 0);
}

function fateOf(input: RecoveryInput, member: Member, carried: readonly Member[]): string[] {
  if (carried.some(({ replica }) => replica === member.replica)) return [];
  const found = input.replicas.find((one) => one.replica === member.replica);
  if (found === undefined)
    return [`Given up: what ${member.replica} held (incarnation ${member.incarnation.slice(0, 8)}): its data is not there.`];
  const reach = `index ${found.lastIndex} of epoch ${epochText(found.lastEpoch)}`;
  if (found.damage !== null) return [`Given up: what ${member.replica} held: ${found.damage}; it can be read through ${reach}.`];
  if (!isIt(found, member))
    return [
      `Given up: what ${member.replica} held (incarnation ${member.incarnation.slice(0, 8)}): it has begun anew, and reaches ${reach}.`,
    ];
  return [`${member.replica} is whole, through ${reach}: it holds nothing newer, and is rebuilt.`];
}

function nextTerm(input: RecoveryInput): number {
  const { store, replicas } = input;
  let term = Math.max(input.knownTerm, store.kind === "whole" ? store.content.term : 0);
  for (const { promise, activeView, lastEpoch } of replicas) term = Math.max(term, promise[0], lastEpoch[0], activeView?.epoch[0] ?? 0);
  return term + TERM_MARGIN;
}

/** The store's settings hold where it can be read; else what `up` was last told, in the style that the group was in. */
function specOf(input: RecoveryInput, view: View): GroupSpec {
  const spec = storedRecord(input)?.spec;
  return spec ?? { ...input.spec, style: view.style };
}

function finish(input: RecoveryInput, kind: "rebuild" | "give-up", activeView: View, lines: readonly string[]): RecoveryPlan {
  const { store, clusterId, owner, detectors, host, hosts } = input;
  const spec = specOf(input, activeView);
  const old = storedRecord(input);
  // What a host's table names, too: another replica of that name elsewhere would be taken for it.
  const known = [...input.replicas, ...activeView.members].map(({ replica }) => replica);
  const names = new Set([...known, ...input.expected]);
  for (const { replica } of old?.replicas ?? []) names.delete(replica);
  const added = [...names].sort().map((replica) => ({ replica, host: hosts.get(replica) ?? host, leaving: false }));
  const replicas = [...(old?.replicas ?? []), ...added];
  // Some that left long ago are only in views that were begun: a host may still tell of them.
  const named = [...replicas, ...input.replicas.flatMap(({ begun }) => begun.flatMap(({ members }) => members))];
  const nextReplicaNumber = Math.max(old?.nextReplicaNumber ?? 1, ...named.map(({ replica }) => numberOf(replica) + 1));
  // S6i: of leaders whose end is not known nothing is said; an older list would leave out the last ones.
  const record: GroupRecord = { spec, activeView, founders: [], leaderEnds: [], replicas, nextReplicaNumber };
  const from =
    store.kind === "whole"
      ? store.content
      : { ...emptyContent(clusterId, owner, detectors), hosts: [...new Set([host, ...hosts.values()])] };
  const groups = [...from.groups.filter((one) => one.spec.group !== spec.group), record];
  const content: ControlContent = { ...from, owner, term: nextTerm(input), groups };
  const text = `group ${spec.group}: ${kind === "give-up" ? "data loss was accepted" : "the control store was rebuilt"}: ${lines.join(" ")}`;
  const event: Announcement = {
    kind: kind === "give-up" ? "data-loss-accepted" : "store-rebuilt",
    group: spec.group,
    text,
    data: { term: content.term, generation: activeView.generation },
  };
  return { kind, content, lines, event };
}

function numberOf(replica: ReplicaId): number {
  return Number(/-(\d{1,9})$/.exec(replica)?.[1] ?? 0);
}

function namesOf(members: readonly Member[]): string {
  return members.map((member) => member.replica).join(", ");
}

function wordsOf(view: View): string {
  return `${epochText(view.epoch)} (generation ${view.generation})`;
}
