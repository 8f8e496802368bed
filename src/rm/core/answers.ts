import { compareEpochs, EPOCH_ZERO, type Epoch, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { ControlMessage } from "../../vocabulary/message.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import { sameView, type View } from "../../vocabulary/view.js";
import { finishChange } from "./activation.js";
import { announce } from "./announce.js";
import { retryChange } from "./attempt.js";
import { groupRecord, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import type { RmPeer } from "./event.js";
import { failHandOver, handOverReady } from "./hand-over.js";
import type { GroupState, Rm, ViewChange } from "./state.js";
import { beginChange, countAnswer, writeView } from "./view-change.js";

type ServerPeer = Extract<RmPeer, { kind: "server" }>;
type Answer<Kind extends ControlMessage["kind"]> = Extract<ControlMessage, { kind: Kind }>;

/** S1e: a server knows what the store, as it was read, does not. The store is looked up again before that is believed (S1a). */
export function doubtStore(group: GroupState, evidence: string): void {
  if (group.halted === null) group.doubt ??= { evidence, lookedUp: false };
}

/** S1e: the store does not know what a server knows. From here on nothing of the group is changed. */
export function haltGroup(rm: Rm, group: GroupState, evidence: string, effects: RmEffect[]): void {
  if (group.halted !== null) return;
  group.halted = `the control store is older than the group: ${evidence}. Nothing is changed; put the right store back, or use \`troupe recover\``;
  group.waiting = group.halted;
  group.change = null;
  group.handOver = null;
  takeViewBack(rm, group);
  rm.statusDirty = true;
  announce(effects, "store-old", `group ${group.group}: ${group.halted}`, { group: group.group });
}

/** A view that was led, and is not on its way to the store yet, is written no more. */
function takeViewBack(rm: Rm, group: GroupState): void {
  const [stored, draft] = [groupRecord(rm.store.stored, group.group), groupRecord(rm.store.draft, group.group)];
  if (stored === undefined || draft === undefined || sameView(stored.activeView, draft.activeView)) return;
  rm.store.draft = withGroup(rm.store.draft, { ...draft, activeView: stored.activeView, leaderEnds: stored.leaderEnds });
}

/** Words for what `activeView` or `promise` tells of a store that lacks it, or null when the store is no older. */
export function laterThanStored(rm: Rm, group: GroupState, who: string, activeView: View | null, promise: Epoch | null): string | null {
  const stored = groupRecord(rm.store.stored, group.group)?.activeView ?? null;
  // Section 4, loss: what only an older generation knew was given up.
  if (activeView !== null && stored !== null && activeView.generation < stored.generation) return null;
  if (activeView !== null && compareEpochs(activeView.epoch, stored?.epoch ?? EPOCH_ZERO) > 0) {
    const known = stored === null ? "no view" : `view ${epochText(stored.epoch)}`;
    return `${who} knows that view ${epochText(activeView.epoch)} is active, the store says ${known}`;
  }
  if (promise === null) return null;
  const { term } = rm.store.stored;
  if (promise[0] > term) return `${who} has promised epoch ${epochText(promise)}, the store's term is ${term}`;
  if (promise[0] === term && promise[1] > begunCounter(group))
    return `${who} has promised epoch ${epochText(promise)}, and nobody has begun it since term ${term} was taken; a Replication Manager that is started again takes another`;
  return null;
}

/** Nothing is sealed before enough were heard: until then every promise of this term is of an earlier Replication Manager's. */
function begunCounter(group: GroupState): number {
  return group.heard === null ? group.counter : 0;
}

export function onReport(rm: Rm, peer: ServerPeer, report: ReplicaReport): void {
  const sight = rm.sights.get(peer.replica);
  const group = rm.groups.get(peer.group);
  if (
    sight === undefined ||
    group === undefined ||
    sight.linkBootId !== peer.bootId ||
    report.bootId !== peer.bootId ||
    report.group !== peer.group
  )
    return;
  sight.direct = report;
  rm.statusDirty = true;
  const evidence = laterThanStored(rm, group, peer.replica, report.activeView, report.promise);
  if (evidence !== null) return doubtStore(group, evidence);
  if (group.heard === null) return;
  group.heard.add(report.incarnation);
  if (group.change?.phase === "sealing") group.change.resendMs = group.change.attemptMs;
}

export function onSealed(rm: Rm, nowMs: number, peer: ServerPeer, message: Answer<"sealed">): void {
  const group = rm.groups.get(message.group);
  const change = currentChange(group, message.epoch, "sealing");
  if (group === undefined || change === null || message.replica !== peer.replica || message.bootId !== peer.bootId) return;
  const evidence = laterThanStored(rm, group, peer.replica, message.activeView, null);
  if (evidence !== null) return doubtStore(group, evidence);
  if (message.incarnation !== peer.incarnation) return;
  const { replica, incarnation, bootId, lastEpoch, lastIndex, commitIndex } = message;
  countAnswer(change, { replica, incarnation, bootId, lastEpoch, lastIndex, commitIndex, atMs: nowMs });
}

export function onSealRefused(rm: Rm, nowMs: number, peer: ServerPeer, message: Answer<"seal-refused">, effects: RmEffect[]): void {
  const group = rm.groups.get(message.group);
  const change = currentChange(group, message.epoch, "sealing");
  if (group === undefined || change === null) return;
  const evidence = laterThanStored(rm, group, peer.replica, message.activeView, message.promise);
  if (evidence !== null) return doubtStore(group, evidence);
  if (compareEpochs(message.promise, change.epoch) <= 0) {
    if (!change.refusalSaid)
      announce(effects, "seal-refused", `${peer.replica} refuses to be sealed: ${message.reason}`, {
        group: group.group,
        replica: peer.replica,
      });
    change.refusalSaid = true;
    return;
  }
  group.counter = Math.max(group.counter, message.promise[1]);
  retryChange(rm, nowMs, group, change, `${peer.replica} has promised ${epochText(message.promise)} already`, effects);
}

export function onLed(rm: Rm, nowMs: number, peer: ServerPeer, message: Answer<"led">): void {
  const group = rm.groups.get(message.group);
  const change = currentChange(group, message.epoch, "leading");
  if (group === undefined || change === null || change.view?.leader !== peer.replica || change.leaderBootId !== peer.bootId) return;
  claim(rm, peer, message.epoch, false);
  writeView(rm, nowMs, group, change);
}

/** The answer tells more than the last report: what the leader said before must not count against it. */
function claim(rm: Rm, peer: ServerPeer, leadsEpoch: Epoch, leadActive: boolean): void {
  const sight = rm.sights.get(peer.replica);
  if (sight !== undefined && sight.direct !== null && sight.direct.bootId === peer.bootId)
    sight.direct = { ...sight.direct, leadsEpoch, leadActive };
}

export function onLeadFailed(rm: Rm, nowMs: number, peer: ServerPeer, message: Answer<"lead-failed">, effects: RmEffect[]): void {
  const group = rm.groups.get(message.group);
  const change = currentChange(group, message.epoch, "leading");
  if (group === undefined || change === null || change.view?.leader !== peer.replica) return;
  const others = message.unreachable.filter((replica) => replica !== peer.replica);
  for (const replica of others) change.excluded.add(replica);
  if (others.length === 0) change.failedLeaders.add(peer.replica);
  retryChange(rm, nowMs, group, change, `${peer.replica} cannot lead: ${message.reason}`, effects);
}

export function onActivated(rm: Rm, nowMs: number, peer: ServerPeer, message: Answer<"activated">, effects: RmEffect[]): void {
  const group = rm.groups.get(message.group);
  const change = currentChange(group, message.epoch, "activating");
  if (group === undefined || change === null || change.view?.leader !== peer.replica) return;
  if (change.leaderBootId !== null && change.leaderBootId !== peer.bootId) return;
  claim(rm, peer, message.epoch, true);
  finishChange(rm, nowMs, group, change, peer.bootId, effects);
}

export function onActivateRefused(rm: Rm, nowMs: number, peer: ServerPeer, message: Answer<"activate-refused">, effects: RmEffect[]): void {
  const group = rm.groups.get(message.group);
  const change = currentChange(group, message.epoch, "activating");
  const record = groupRecord(rm.store.stored, message.group);
  if (group === undefined || change === null || record === undefined || record.activeView === null || change.view?.leader !== peer.replica)
    return;
  const reason = `${peer.replica} refuses to lead view ${epochText(message.epoch)}: ${message.reason}`;
  // S4d: a refusal is answered with a fresh epoch.
  beginChange(
    rm,
    nowMs,
    group,
    record,
    { cause: "restart", reason, admit: null, remove: null, leader: null },
    record.activeView.members,
    effects,
  );
}

export function onHandOverAnswer(
  rm: Rm,
  nowMs: number,
  message: Answer<"hand-over-ready"> | Answer<"hand-over-failed">,
  effects: RmEffect[],
): void {
  const group = rm.groups.get(message.group);
  const record = groupRecord(rm.store.stored, message.group);
  if (group === undefined || group.handOver === null || !sameEpoch(group.handOver.epoch, message.epoch) || record === undefined) return;
  if (message.kind === "hand-over-failed") return failHandOver(rm, nowMs, group, message.reason, effects);
  const view = record.activeView;
  const aim = view === null ? null : handOverReady(group, view);
  if (aim !== null && view !== null) beginChange(rm, nowMs, group, record, aim, view.members, effects);
}

/** Only an answer to the attempt that is under way counts: an older epoch's is void (S1b). */
function currentChange(group: GroupState | undefined, epoch: Epoch, phase: ViewChange["phase"]): ViewChange | null {
  const change = group?.change ?? null;
  return change !== null && group?.halted === null && change.phase === phase && sameEpoch(change.epoch, epoch) ? change : null;
}
