/**
 * The replica core: one group's log, view changes, sessions and reads, on one replica. Events change the state; `drained`, the last event
 * of a turn, derives everything that follows from it (one write, one append to each follower, commits, answers).
 */
import { unreachable } from "../../vocabulary/assert.js";
import type { ExecutionCompletion } from "../../vocabulary/execution.js";
import { onActivate, onLead, settleLead } from "./activation.js";
import { onOpenSession, onRequest, onResumeSession } from "./admission.js";
import { applyCommitted, onApplied, onSpeculated } from "./apply.js";
import { onBackupRead, onReadBackup, settleBackups } from "./backup.js";
import { onSnapshotPersisted, settleCheckpoint, settleCheckpointTurn } from "./checkpoint.js";
import { onSnapshotAck, onSnapshotRead } from "./donor.js";
import type { ReplicaEffect } from "./effect.js";
import type { Peer, ReplicaEvent } from "./event.js";
import { peek } from "./fifo.js";
import { acknowledge, onAppend, takeHeld } from "./follower.js";
import { onHandOver, settleHandOver } from "./hand-over.js";
import { checkInvariants } from "./invariants.js";
import type { Leading } from "./leading-state.js";
import { advanceLine } from "./line.js";
import { persisted, takeWrite } from "./log.js";
import { isClient, membersMessage, pushMembers, takeBook } from "./members.js";
import { attachLink, detachLink, onLearners } from "./peers.js";
import { advanceCommit } from "./quorum.js";
import { nextReadMs, onConfirm, onConfirmed, onQuery, onQueryAnswered, settleReads } from "./reads.js";
import { onSlice, onSliceStored, onSnapshotInstalled, onSnapshotRejected, settleReceiving } from "./receiver.js";
import { onRecovered } from "./recovery.js";
import { feedPeers, nextFeedMs, onAppendAck, onAppendRefused } from "./replication.js";
import { pushReport, reportOf } from "./report.js";
import { answerSeals, onSeal } from "./seal.js";
import { houseKeep, nextHousekeepingMs } from "./session-requests.js";
import { onPromisePersisted } from "./stance.js";
import { type Replica, send, takeTicket, type Turn } from "./state.js";
import { onStateLoaded, settleWarmth } from "./warmth.js";

export { checkAll } from "./invariants.js";
export { reportOf } from "./report.js";
export { createReplica } from "./state.js";

/**
 * Takes one event. Effects are pushed to `effects` and are to be performed after the turn's `drained` event.
 * Throws InvariantViolation when a rule of the system is broken: the process is to end.
 */
export function step(replica: Replica, nowMs: number, event: ReplicaEvent, effects: ReplicaEffect[]): void {
  if (replica.phase === "ended") return;
  const turn: Turn = { replica, nowMs, effects };
  switch (event.kind) {
    case "recovered":
      return onRecovered(replica, event);
    case "connection-opened":
      return onConnectionOpened(turn, event.connection, event.peer, event.outbound);
    case "connection-closed":
      return onConnectionClosed(turn, event.connection);
    case "message-received":
      if (replica.phase === "running" && replica.connections.has(event.connection)) onMessage(turn, event.connection, event.message);
      return;
    case "client-message-received":
      if (replica.phase === "running" && replica.connections.has(event.connection)) onClientMessage(turn, event);
      return;
    case "entries-persisted":
      return persisted(replica.log, event.ticket);
    case "promise-persisted":
      onPromisePersisted(replica, event.ticket);
      return takeHeld(turn, (connection, message) => {
        if (replica.connections.has(connection)) onMessage(turn, connection, message);
      });
    case "executions-completed":
      for (const completion of event.completions) onCompletion(turn, completion);
      return;
    case "snapshot-persisted":
      return onSnapshotPersisted(turn, event.ticket, event.sizeBytes, event.checksum);
    case "snapshot-read":
      if (onBackupRead(turn, event.ticket, event.bytes)) return;
      return onSnapshotRead(turn, event.ticket, event.bytes);
    case "slice-stored":
      return onSliceStored(turn, event.ticket);
    case "snapshot-installed":
      return onSnapshotInstalled(turn, event.ticket, event.record, event.table);
    case "snapshot-rejected":
      return onSnapshotRejected(turn, event.ticket, event.reason);
    case "state-loaded":
      return onStateLoaded(turn, event.ticket);
    case "disk-failed":
      // S5e: what was not synced before is not trusted after.
      effects.push({ kind: "end-process", reason: `the disk failed: ${event.reason}`, discard: false });
      replica.phase = "ended";
      return;
    case "woken":
      return;
    case "drained":
      if (replica.phase === "running") settle(turn);
      return;
    default:
      return unreachable(event);
  }
}

function onConnectionOpened(turn: Turn, connection: number, peer: Peer, outbound: boolean): void {
  const { replica } = turn;
  const details = { peer, outbound, sessions: new Set<never>() };
  replica.connections.set(connection, details);
  if (isClient(details)) send(turn, connection, membersMessage(replica));
  if (peer.role === "rm") send(turn, connection, { kind: "report", report: reportOf(replica) });
  if (outbound && replica.stance.kind === "leading" && peer.replica !== null) {
    attachLink(turn, replica.stance, connection, peer.replica, peer.incarnation);
  }
}

function onConnectionClosed(turn: Turn, connection: number): void {
  const { replica } = turn;
  replica.connections.delete(connection);
  replica.backups.delete(connection);
  if (replica.stance.kind === "leading") detachLink(replica, replica.stance, connection);
}

function onClientMessage(turn: Turn, event: Extract<ReplicaEvent, { readonly kind: "client-message-received" }>): void {
  const { connection, message } = event;
  const details = turn.replica.connections.get(connection);
  if (details === undefined || !isClient(details)) {
    turn.effects.push({ kind: "close", connection, reason: `a ${details?.peer.role ?? "stranger"} does not send ${message.kind}` });
    return;
  }
  switch (message.kind) {
    case "request":
      return onRequest(turn, connection, message, event.digest, event.wallMs, event.seed);
    case "query":
      return onQuery(turn, connection, message, event.wallMs);
    case "open-session":
      return onOpenSession(turn, connection, message);
    case "resume-session":
      return onResumeSession(turn, connection, message);
    case "read-backup":
      return onReadBackup(turn, connection, message);
    default:
      return unreachable(message);
  }
}

type PeerMessage = Extract<ReplicaEvent, { readonly kind: "message-received" }>["message"];

/** Messages between replicas come from servers, orders from the RM, and both for this group only. */
function isAllowed(turn: Turn, connection: number, message: PeerMessage): boolean {
  const { role } = turn.replica.connections.get(connection)?.peer ?? { role: null };
  const isReplication = "round" in message || "snapshotIndex" in message || message.kind.startsWith("append");
  if (role !== (isReplication ? "server" : "rm")) return false;
  return !("group" in message) || message.group === turn.replica.config.group;
}

function onMessage(turn: Turn, connection: number, message: PeerMessage): void {
  if (!isAllowed(turn, connection, message)) {
    turn.effects.push({ kind: "close", connection, reason: `${message.kind} is not for this peer to send, or for another group` });
    return;
  }
  switch (message.kind) {
    case "append":
      return onAppend(turn, connection, message);
    case "append-ack":
      return onAppendAck(turn, connection, message);
    case "append-refused":
      return onAppendRefused(turn, connection, message);
    case "confirm":
      return onConfirm(turn, connection, message);
    case "confirmed":
      return onConfirmed(turn, connection, message);
    case "snapshot-slice":
      return onSlice(turn, connection, message);
    case "snapshot-ack":
      return onSnapshotAck(turn, connection, message);
    case "seal":
      return onSeal(turn, connection, message);
    case "lead":
      return onLead(turn, connection, message);
    case "activate":
      return onActivate(turn, connection, message);
    case "hand-over":
      return onHandOver(turn, connection, message);
    case "learners":
      return onLearners(turn, message);
    case "configure":
      turn.replica.knobs = message.knobs;
      return;
    case "address-book":
      return takeBook(turn, message.book);
    default:
      // Answers that servers send, and orders for other components.
      turn.effects.push({ kind: "close", connection, reason: `a server does not take ${message.kind}` });
  }
}

function onCompletion(turn: Turn, completion: ExecutionCompletion): void {
  const { execution } = turn.replica;
  // S2c: what was dropped is not looked at.
  if (completion.ticket < execution.floorTicket) return;
  if (completion.kind === "query-answered") return onQueryAnswered(turn, completion);
  if (completion.kind === "executed" && peek(execution.speculating) !== undefined) return onSpeculated(turn, completion);
  onApplied(turn, completion);
}

/** S6c: admits once the whole log through the start entry is applied; clients are told at the end of the turn. */
function settleServing(turn: Turn, leading: Leading): void {
  const { replica } = turn;
  if (leading.serving || leading.phase !== "active" || replica.appliedIndex < leading.startIndex) return;
  leading.serving = true;
  replica.reportDirty = true;
  replica.membersDirty = true;
}

function settleLog(turn: Turn): void {
  const { replica, effects } = turn;
  const ticket = replica.nextTicket;
  const write = takeWrite(replica.log, ticket);
  if (write === null) return;
  takeTicket(replica);
  effects.push({ kind: "persist", ticket, truncateAfter: write.truncateAfter, entries: write.entries });
}

/** Derives all that follows from the turn's events. */
function settle(turn: Turn): void {
  const { replica } = turn;
  if (replica.stance.kind === "leading") settleLead(turn, replica.stance);
  if (replica.stance.kind === "leading") advanceCommit(turn, replica.stance);
  settleReceiving(turn);
  settleWarmth(turn);
  applyCommitted(turn);
  if (settleCheckpoint(turn)) applyCommitted(turn);
  settleBackups(turn);
  if (replica.stance.kind === "leading") {
    const leading = replica.stance;
    settleServing(turn, leading);
    settleHandOver(turn, leading);
    houseKeep(turn, leading);
    advanceLine(turn, leading);
  }
  settleLog(turn);
  if (replica.stance.kind === "leading") {
    feedPeers(turn, replica.stance);
    settleReads(turn, replica.stance);
  }
  acknowledge(turn);
  answerSeals(turn);
  pushMembers(turn);
  pushReport(turn);
  settleCheckpointTurn(turn);
  checkInvariants(replica);
}

/** When the shell is to send `woken`, on the clock of `nowMs`; Infinity: only when something happens. */
export function nextWakeMs(replica: Replica): number {
  const { stance: leading, turns } = replica;
  if (replica.phase !== "running") return Number.POSITIVE_INFINITY;
  if (leading.kind !== "leading") return turns.wakeMs;
  const turn: Turn = { replica, nowMs: 0, effects: [] };
  return Math.min(
    turns.wakeMs,
    nextFeedMs(turn, leading),
    nextReadMs(turn, leading),
    nextHousekeepingMs(leading),
    leading.phase === "synchronising" ? leading.leadUntilMs : Number.POSITIVE_INFINITY,
    leading.handOver?.untilMs ?? Number.POSITIVE_INFINITY,
  );
}
