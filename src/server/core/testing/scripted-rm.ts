/** A Replication Manager as small as the rules allow (S1, S3, S4), for random tests: it looks at answers and decides one thing at a time. */
import { compareEpochs, type Epoch, sameEpoch } from "../../../vocabulary/epoch.js";
import type { ReplicaId } from "../../../vocabulary/ids.js";
import type { ControlMessage } from "../../../vocabulary/message-control.js";
import type { ReplicaReport } from "../../../vocabulary/report.js";
import { quorumSize, type Style, STYLES } from "../../../vocabulary/style.js";
import { holdsIncarnation, type Member, sealQuorum, type View } from "../../../vocabulary/view.js";
import { type Group, GROUP, nextEpoch } from "./group.js";
import { below, type Chance, oneIn } from "./random.js";

type Sealed = Extract<ControlMessage, { readonly kind: "sealed" }>;

export interface ScriptedRm {
  attempt: { epoch: Epoch; answers: Map<ReplicaId, Sealed>; view: View | null; patience: number; joins: Member[] } | null;
  readonly reports: Map<ReplicaId, ReplicaReport>;
  changes: number;
  /** Neither heard nor reached. */
  readonly isolated: Set<ReplicaId>;
}

export function createRm(): ScriptedRm {
  return { attempt: null, reports: new Map(), changes: 0, isolated: new Set() };
}

function tell(
  group: Group,
  replica: ReplicaId,
  message: ControlMessage,
  deliver: (replica: ReplicaId, message: ControlMessage) => void,
): void {
  if (group.hosts.get(replica)?.alive === true) deliver(replica, message);
}

type Deliver = (replica: ReplicaId, message: ControlMessage) => unknown;

function hearAll(group: Group, rm: ScriptedRm, deliver: Deliver): void {
  for (const [replica, line] of group.rm) {
    if (rm.isolated.has(replica)) continue;
    for (const message of line.heard.splice(0)) {
      if (message.kind === "report") rm.reports.set(replica, message.report);
      if (message.kind === "sealed" && rm.attempt !== null && rm.attempt.view === null && sameEpoch(message.epoch, rm.attempt.epoch)) {
        rm.attempt.answers.set(replica, message);
      }
      if (message.kind === "lead-failed" && rm.attempt !== null && sameEpoch(message.epoch, rm.attempt.epoch)) rm.attempt = null;
      if (message.kind === "seal-refused" && rm.attempt !== null && sameEpoch(message.epoch, rm.attempt.epoch)) rm.attempt = null;
      if (message.kind !== "led" || rm.attempt?.view == null || !sameEpoch(message.epoch, rm.attempt.epoch)) continue;
      // S4b: the view is written, and then activated.
      group.view = rm.attempt.view;
      rm.attempt = null;
      rm.changes++;
      activateStored(group, deliver);
    }
  }
}

function activateStored(group: Group, deliver: Deliver): void {
  const { view } = group;
  if (view === null) return;
  const leader = group.hosts.get(view.leader);
  if (leader?.alive !== true || !holdsIncarnation(view, view.leader, leader.config.incarnation)) return;
  tell(group, view.leader, { kind: "activate", view, bootId: leader.replica.config.bootId }, deliver);
}

function leadsActive(group: Group, rm: ScriptedRm): boolean {
  const { view } = group;
  const stance = view === null ? undefined : group.hosts.get(view.leader)?.replica.stance;
  const alive = view !== null && !rm.isolated.has(view.leader) && group.hosts.get(view.leader)?.alive === true;
  return alive && stance?.kind === "leading" && stance.phase === "active" && sameEpoch(stance.view.epoch, view.epoch);
}

/** A change that was given up (with its RM) has left members that follow this view no more: only another change gets them on. */
function isLeftBehind(group: Group): boolean {
  const { view } = group;
  if (view === null) return false;
  return [...group.hosts.values()].some((host) => {
    const isMember = holdsIncarnation(view, host.config.replica, host.config.incarnation);
    return host.alive && isMember && compareEpochs(host.replica.promise, view.epoch) > 0;
  });
}

function beginChange(group: Group, rm: ScriptedRm, joins: Member[], deliver: Deliver): void {
  const { view } = group;
  const epoch = nextEpoch(group);
  rm.attempt = { epoch, answers: new Map(), view: null, patience: 60, joins };
  const targets = view === null ? [...group.hosts.keys()] : view.members.map((member) => member.replica);
  for (const replica of targets) tell(group, replica, { kind: "seal", group: GROUP, epoch, base: view }, deliver);
}

function order(a: Sealed, b: Sealed): number {
  return compareEpochs(b.lastEpoch, a.lastEpoch) || b.lastIndex - a.lastIndex;
}

/** S3: enough answers, by incarnation, of the last active view; the leader is one of the best. */
function maybeLead(group: Group, rm: ScriptedRm, chance: Chance, deliver: Deliver): void {
  const { attempt } = rm;
  if (attempt === null || attempt.view !== null) return;
  const { view } = group;
  const counted = [...attempt.answers.values()].filter(
    (sealed) => view === null || holdsIncarnation(view, sealed.replica, sealed.incarnation),
  );
  const needed = view === null ? group.hosts.size : sealQuorum(view);
  if (counted.length < needed || (view === null && !counted.every((sealed) => sealed.blank))) return;
  if (counted.length < (view?.members.length ?? needed) && !oneIn(chance, 6)) return;
  counted.sort(order);
  const [best] = counted;
  if (best === undefined) return;
  const equal = counted.filter((sealed) => order(sealed, best) === 0);
  const leader = equal[below(chance, equal.length)] ?? best;
  const members: Member[] = counted.map(({ replica, incarnation }) => ({ replica, incarnation }));
  for (const join of attempt.joins) if (members.every((member) => member.replica !== join.replica)) members.push(join);
  const style: Style = STYLES[below(chance, STYLES.length)] ?? "warm-passive";
  const quorum = quorumSize(members.length, "majority");
  const next: View = {
    group: GROUP,
    generation: 1,
    epoch: attempt.epoch,
    members,
    leader: leader.replica,
    style,
    quorum,
    durability: "disk",
  };
  attempt.view = next;
  attempt.patience = 60;
  const message = {
    kind: "lead",
    view: next,
    bootId: leader.bootId,
    poison: [],
    leaderEnds: [],
    book: { version: next.epoch, entries: [] },
  } as const;
  tell(group, leader.replica, message, deliver);
}

/** Feeds whoever is outside, and has it admitted once it is near. */
function maybeAdmit(group: Group, rm: ScriptedRm, deliver: Deliver): void {
  const { view } = group;
  if (view === null) return;
  const learners: Member[] = [];
  for (const host of group.hosts.values()) {
    const { replica, incarnation } = host.config;
    if (host.alive && view.members.every((member) => member.replica !== replica)) learners.push({ replica, incarnation });
  }
  const away = view.members.filter((member) => group.hosts.get(member.replica)?.config.incarnation !== member.incarnation);
  if (away.length > 0) return beginChange(group, rm, [], deliver);
  if (learners.length === 0) return;
  tell(group, view.leader, { kind: "learners", group: GROUP, epoch: view.epoch, learners }, deliver);
  const known = rm.reports.get(view.leader)?.learners ?? [];
  const ready = learners.filter((learner) => known.some((other) => other.withinBound && other.incarnation === learner.incarnation));
  if (ready.length > 0) beginChange(group, rm, ready, deliver);
}

export function tickRm(group: Group, rm: ScriptedRm, chance: Chance, deliver: Deliver, calm: boolean): void {
  hearAll(group, rm, deliver);
  if (rm.attempt !== null) {
    maybeLead(group, rm, chance, deliver);
    if (rm.attempt !== null && --rm.attempt.patience <= 0) rm.attempt = null;
    return;
  }
  if (group.view === null) return beginChange(group, rm, [], deliver);
  if (!leadsActive(group, rm)) {
    if (oneIn(chance, 2)) activateStored(group, deliver);
    else beginChange(group, rm, [], deliver);
    return;
  }
  if (isLeftBehind(group)) beginChange(group, rm, [], deliver);
  else if (oneIn(chance, 4)) maybeAdmit(group, rm, deliver);
  else if (!calm && oneIn(chance, 60)) beginChange(group, rm, [], deliver);
}

/** S1a: a new RM knows only what is stored, and has a term of its own. */
export function restartRm(group: Group, rm: ScriptedRm): void {
  rm.attempt = null;
  group.term++;
  group.counter = 0;
}
