import { unreachable } from "../../vocabulary/assert.js";
import type { Message } from "../../vocabulary/message.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import { adoptView } from "./activation.js";
import { keepBook } from "./address-book.js";
import { answerStored, onAdmin } from "./admin.js";
import * as answers from "./answers.js";
import { type GroupRecord, groupRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { sayDamage } from "./damage.js";
import type { RmEvent, RmPeer } from "./event.js";
import { planFirstView, strangerWithState } from "./first-view.js";
import { planHandOver } from "./hand-over.js";
import { killShed } from "./kill.js";
import { keepLinks } from "./links.js";
import { planChange, sendLearners, tellRoomShort, tellStyleWait } from "./membership.js";
import { noteStandstills, tellStalled } from "./stalled.js";
import { healthOf, onFault, onMembership } from "./observation.js";
import { endKills, onOrderDone, resendOrders, watchHandKills } from "./order.js";
import { sendToServer } from "./outbox.js";
import { probeGfd, probeLeader } from "./probe.js";
import { tellRemovalWait } from "./removal.js";
import { keepCount, keepRunning } from "./replicas.js";
import { forgetTold, keepDetectors, keepHosts, keepKnobs, knobsOf } from "./settings.js";
import { createSight, seeRecords } from "./sight.js";
import { type GroupState, nextWakeMs, type Rm, wakeAt } from "./state.js";
import { publishStatus } from "./status.js";
import { beginTerm, flushDraft, lookUpDoubts, onLaterTerm, onStoreDoubt, onStoreRead, onStoreSwapped, rules, watchTerm } from "./term.js";
import { tellTransfers } from "./transfers.js";
import { beginChange, driveChange, sendLead, sendSeal } from "./view-change.js";

export { nextWakeMs };

const ROUNDS_MAX = 4;

/** Takes in one event, and then whatever follows for every group: wanted against observed. */
export function step(rm: Rm, nowMs: number, event: RmEvent, effects: RmEffect[]): void {
  if (rm.store.phase === "ended") return;
  take(rm, nowMs, event, effects);
  rm.wakeMs = Number.POSITIVE_INFINITY;
  // S1d: while a write has an unknown outcome nothing is decided.
  if (!rules(rm)) return;
  reconcile(rm, nowMs, effects);
  if (lookUpDoubts(rm, effects)) return;
  flushDraft(rm, effects);
  answerStored(rm, effects);
  publishStatus(rm, nowMs, effects);
  watchTerm(rm, nowMs, effects);
}

function take(rm: Rm, nowMs: number, event: RmEvent, effects: RmEffect[]): void {
  switch (event.kind) {
    case "start":
      rm.startedMs = nowMs;
      return beginTerm(rm, nowMs, effects);
    case "wake":
      return;
    case "store-read":
      return onStoreRead(rm, event.ticket, event.record, effects);
    case "store-swapped":
      return onStoreSwapped(rm, event.ticket, event.revision, effects);
    case "store-refused":
      return onStoreDoubt(rm, event.ticket, event.reason, effects);
    case "store-unknown":
      return onStoreDoubt(rm, event.ticket, null, effects);
    case "opened":
      return onOpened(rm, nowMs, event.peer, effects);
    case "closed":
      return onClosed(rm, nowMs, event.peer, effects);
    case "received":
      return onReceived(rm, nowMs, event.peer, event.message, effects);
    case "admin":
      return onAdmin(rm, nowMs, event.connection, event.ticket, event.command, effects);
    default:
      return unreachable(event);
  }
}

function onOpened(rm: Rm, nowMs: number, peer: RmPeer, effects: RmEffect[]): void {
  rm.statusDirty = true;
  switch (peer.kind) {
    case "gfd":
      rm.gfd.linkOpen = true;
      rm.gfd.linkBootId = peer.bootId;
      rm.gfd.pid = peer.pid;
      rm.gfd.askedMs = null;
      rm.gfd.nextAskMs = nowMs;
      forgetTold(rm, null);
      effects.push({ kind: "send", to: { kind: "gfd" }, message: { kind: "subscribe-membership" } });
      return;
    case "lfd": {
      const host = rm.hosts.get(peer.host);
      if (host === undefined) return;
      host.linkOpen = true;
      forgetTold(rm, peer.host);
      return resendOrders(rm, peer.host, effects);
    }
    case "gateway":
      rm.gateways.set(peer.connection, peer.pid);
      return;
    case "server":
      return onServerOpened(rm, nowMs, peer, effects);
    default:
      return unreachable(peer);
  }
}

function onServerOpened(rm: Rm, nowMs: number, peer: Extract<RmPeer, { kind: "server" }>, effects: RmEffect[]): void {
  const group = rm.groups.get(peer.group);
  if (group === undefined) return;
  let sight = rm.sights.get(peer.replica);
  if (sight === undefined) {
    sight = createSight(peer.group, peer.replica, rm.config.hostId, nowMs);
    rm.sights.set(peer.replica, sight);
  }
  sight.linkBootId = peer.bootId;
  sight.linkIncarnation = peer.incarnation;
  sight.linkSinceMs = nowMs;
  sight.probeSentMs = null;
  sight.direct = null;
  const record = groupRecord(rm.store.stored, peer.group);
  if (record !== undefined) sendToServer(rm, peer.replica, { kind: "configure", group: peer.group, knobs: knobsOf(record) }, effects);
  sendToServer(rm, peer.replica, { kind: "address-book", group: peer.group, book: group.book }, effects);
  if (record?.activeView?.leader === peer.replica) group.learnersSent = null;
  if (rules(rm)) resumeChange(rm, nowMs, group, peer, effects);
}

/** What was sent on the connection before may be lost. */
function resumeChange(rm: Rm, nowMs: number, group: GroupState, peer: Extract<RmPeer, { kind: "server" }>, effects: RmEffect[]): void {
  const { change } = group;
  if (change === null) return;
  if (change.phase === "sealing" && nowMs >= change.attemptMs) {
    for (const member of change.asked) if (member.replica === peer.replica) sendSeal(rm, change, member, group, effects);
  }
  if (change.phase === "leading" && change.view?.leader === peer.replica && change.leaderBootId === peer.bootId)
    sendLead(rm, group, change, effects);
  if (change.phase === "activating") change.resendMs = nowMs;
}

function onClosed(rm: Rm, nowMs: number, peer: RmPeer, effects: RmEffect[]): void {
  rm.statusDirty = true;
  switch (peer.kind) {
    case "gfd":
      rm.gfd.linkOpen = false;
      return;
    case "lfd": {
      const host = rm.hosts.get(peer.host);
      if (host !== undefined) host.linkOpen = false;
      return endKills(rm, peer.host, effects);
    }
    case "gateway":
      rm.gateways.delete(peer.connection);
      return;
    case "server": {
      const sight = rm.sights.get(peer.replica);
      if (sight === undefined || sight.linkBootId !== peer.bootId) return;
      sight.linkBootId = null;
      sight.linkIncarnation = null;
      sight.linkSinceMs = nowMs;
      return;
    }
    default:
      return unreachable(peer);
  }
}

/** Messages that have no business here are dropped: nothing from the network is trusted to be what it should be. */
function onReceived(rm: Rm, nowMs: number, peer: RmPeer, message: Message, effects: RmEffect[]): void {
  switch (peer.kind) {
    case "gfd":
      rm.gfd.askedMs = null;
      if (message.kind === "membership") onMembership(rm, nowMs, peer.bootId, message, effects);
      if (message.kind === "fault") onFault(rm, nowMs, message, effects);
      return;
    case "lfd":
      if (message.kind === "order-done") onOrderDone(rm, nowMs, peer.host, message.ticket, message.error, effects);
      if (message.kind === "later-term") onLaterTerm(rm, nowMs, message.term);
      return;
    case "gateway":
      if (message.kind === "admin-request") onAdmin(rm, nowMs, peer.connection, message.ticket, message.command, effects);
      return;
    case "server":
      return onServerMessage(rm, nowMs, peer, message, effects);
    default:
      return unreachable(peer);
  }
}

function onServerMessage(rm: Rm, nowMs: number, peer: Extract<RmPeer, { kind: "server" }>, message: Message, effects: RmEffect[]): void {
  if ("group" in message && message.group !== peer.group) return;
  const sight = rm.sights.get(peer.replica);
  if (sight !== undefined) {
    sight.heardMs = nowMs;
    sight.probeSentMs = null;
  }
  switch (message.kind) {
    case "report":
      return answers.onReport(rm, peer, message.report);
    case "damage-found":
      return sayDamage(rm, peer, message, effects);
    case "sealed":
      return answers.onSealed(rm, nowMs, peer, message);
    case "seal-refused":
      return answers.onSealRefused(rm, nowMs, peer, message, effects);
    case "led":
      return answers.onLed(rm, nowMs, peer, message);
    case "lead-failed":
      return answers.onLeadFailed(rm, nowMs, peer, message, effects);
    case "activated":
      return answers.onActivated(rm, nowMs, peer, message, effects);
    case "activate-refused":
      return answers.onActivateRefused(rm, nowMs, peer, message, effects);
    case "hand-over-ready":
    case "hand-over-failed":
      return answers.onHandOverAnswer(rm, nowMs, message, effects);
    default:
      return;
  }
}

function reconcile(rm: Rm, nowMs: number, effects: RmEffect[]): void {
  seeRecords(rm, nowMs);
  keepHosts(rm);
  keepLinks(rm, effects);
  probeGfd(rm, nowMs, effects);
  keepDetectors(rm, effects);
  watchHandKills(rm, nowMs, effects);
  for (const group of rm.groups.values()) {
    const record = groupRecord(rm.store.stored, group.group);
    if (record === undefined || group.halted !== null) continue;
    reconcileGroup(rm, nowMs, group, record, effects);
  }
}

function reconcileGroup(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  if (checkStore(rm, group, record, effects)) return;
  for (const replica of [...group.tolerated.keys()]) if (healthOf(rm, nowMs, replica) === "alive") group.tolerated.delete(replica);
  keepBook(rm, nowMs, group, effects);
  // A change that ends may leave room for the next one: nothing else would wake the core for it.
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { change } = group;
    decide(rm, nowMs, group, record, effects);
    if (group.change === change || group.halted !== null) break;
    if (round === ROUNDS_MAX - 1) wakeAt(rm, nowMs, nowMs);
  }
  keepKnobs(rm, group, record, effects);
  keepCount(rm, nowMs, group, effects);
  keepRunning(rm, nowMs, group, record, effects);
  killShed(rm, nowMs, group, record, effects);
}

/** S1e: true when nothing of the group may be changed, because a server knows more than the store. */
function checkStore(rm: Rm, group: GroupState, record: GroupRecord, effects: RmEffect[]): boolean {
  const heed = (report: ReplicaReport | null): void => {
    if (report === null || report.group !== group.group) return;
    const evidence = answers.laterThanStored(rm, group, report.replica, report.activeView, report.promise);
    if (evidence !== null) answers.doubtStore(group, evidence);
  };
  for (const sight of rm.sights.values()) heed(sight.relayed);
  for (const host of rm.hosts.values()) host.strays.forEach(heed);
  const stranger = record.activeView === null ? strangerWithState(rm, record) : null;
  if (stranger !== null) answers.doubtStore(group, `${stranger} holds state, the store says that the group never had a view`);
  if (group.doubt?.lookedUp === true) answers.haltGroup(rm, group, group.doubt.evidence, effects);
  return group.doubt !== null;
}

function decide(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, effects: RmEffect[]): void {
  const view = record.activeView;
  if (group.change === null && view !== null && group.activeEpoch === null) adoptView(nowMs, group, view);
  if (group.change !== null) return driveChange(rm, nowMs, group, record, effects);
  if (view === null) {
    if (nowMs < group.retryMs) return wakeAt(rm, nowMs, group.retryMs);
    const first = planFirstView(rm, nowMs, group, record);
    if (first !== null) beginChange(rm, nowMs, group, record, first.aim, first.asked, effects);
    return;
  }
  noteStandstills(rm, nowMs, group, view);
  const aim = planChange(rm, nowMs, group, record, view);
  if (aim !== null) return beginChange(rm, nowMs, group, record, aim, view.members, effects);
  tellStyleWait(rm, group, record, view, effects);
  tellRoomShort(rm, group, record, view, effects);
  tellRemovalWait(rm, nowMs, group, record, view, effects);
  tellStalled(rm, nowMs, group, view, effects);
  probeLeader(rm, nowMs, group, view, effects);
  planHandOver(rm, nowMs, group, record, view, effects);
  sendLearners(rm, nowMs, group, record, view, effects);
  tellTransfers(rm, group, view, effects);
}
