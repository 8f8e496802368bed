/** Reads (S7): what they saw is answered once a round begun after they came is confirmed by w, and the index they saw is committed. */
import { assert } from "../../vocabulary/assert.js";
import { compareEpochs } from "../../vocabulary/epoch.js";
import type { ExecutionCompletion } from "../../vocabulary/execution.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { ReplicationMessage } from "../../vocabulary/message-replication.js";
import type { Reply } from "../../vocabulary/session.js";
import { isPassive } from "../../vocabulary/style.js";
import { fail, redirect, sendReply } from "./answer.js";
import { fifoSize, peek, push, shift } from "./fifo.js";
import type { Leading, Read, ReadLine } from "./leading-state.js";
import { enterReady } from "./line.js";
import { lastIndex } from "./log.js";
import { quorumValue } from "./quorum.js";
import { isInstalling } from "./receiver.js";
import { senderOf } from "./replication.js";
import { type Replica, send, type Turn } from "./state.js";

type Query = Extract<ClientMessage, { readonly kind: "query" }>;

/** Rounds on their way at once. */
const ROUNDS_AHEAD_MAX = 4;

/** What may be answered here and now without the leader's word. */
function mayRead(replica: Replica, message: Query): boolean {
  if (message.consistency === "linearizable" || isInstalling(replica) || replica.activeView === null) return false;
  // A cold backup has no state to read.
  if (replica.warmth !== "warm") return false;
  return message.consistency === "any" || replica.appliedIndex >= message.atLeastIndex;
}

/** Every queue is bounded, in bytes as well: answers of megabytes may wait for a quorum that is away. */
function hasRoom({ bounds, execution, readsWaiting }: Replica, leading: Leading | null, sizeBytes: number): boolean {
  const { waiting, waitingBytes } = leading?.reads ?? { waiting: null, waitingBytes: 0 };
  const bytes = execution.queryingBytes + waitingBytes;
  return (
    readsWaiting + (waiting === null ? 0 : fifoSize(waiting)) < bounds.queriesWaitingMax &&
    (bytes === 0 || bytes + sizeBytes <= bounds.queriesWaitingBytesMax)
  );
}

export function onQuery(turn: Turn, connection: number, message: Query, wallMs: number): void {
  const { replica, effects } = turn;
  const { execution, stance } = replica;
  const waiter = { connection, ticket: message.ticket };
  const leading = stance.kind === "leading" && stance.serving ? stance : null;
  if (leading === null && !mayRead(replica, message)) return redirect(turn, waiter);
  const sizeBytes = message.query.length + message.input.length;
  if (!hasRoom(replica, leading, sizeBytes)) return fail(turn, waiter, "overloaded", "Too many queries wait.");
  const { consistency } = message;
  const atLeastIndex = consistency === "session" ? message.atLeastIndex : 0;
  const inLine = leading !== null;
  const read: Read = { connection, ticket: message.ticket, consistency, atLeastIndex, round: 0, answer: null, dropped: false, inLine };
  if (leading !== null) {
    if (consistency === "linearizable") {
      read.round = leading.reads.round + 1;
      leading.reads.wanted = true;
    }
    push(leading.reads.waiting, read);
  }
  const ticket = execution.nextTicket++;
  push(execution.querying, { ticket, read, sizeBytes });
  execution.queryingBytes += sizeBytes;
  replica.readsWaiting++;
  const { query, input } = message;
  effects.push({ kind: "execution", command: { kind: "query", ticket, query, input, nowMs: wallMs } });
}

/** The index that a read saw, no lower. */
function seenIndex(turn: Turn): number {
  const { replica } = turn;
  const { stance } = replica;
  if (stance.kind !== "leading" || !isPassive(stance.view.style) || !stance.serving) return replica.appliedIndex;
  // S7: where state runs ahead it is the last appended index: all that ran before the query gets its index now.
  enterReady(turn, stance);
  return lastIndex(replica.log);
}

export function onQueryAnswered(turn: Turn, completion: Extract<ExecutionCompletion, { readonly kind: "query-answered" }>): void {
  const { replica } = turn;
  const querying = shift(replica.execution.querying);
  assert(querying !== undefined && querying.ticket === completion.ticket, "S7", () => `query ${completion.ticket} out of order`);
  replica.readsWaiting--;
  replica.execution.queryingBytes -= querying.sizeBytes;
  const { read } = querying;
  if (read.dropped) return;
  const { reply } = completion;
  const index = seenIndex(turn);
  // A leader's reads wait in its line; others are answered at once.
  if (!read.inLine) return sendReply(turn, read, index, reply);
  if (replica.stance.kind !== "leading") return;
  const { reads } = replica.stance;
  read.answer = { index, reply: hasRoomFor(replica, reads, reply) ? reply : null };
  reads.waitingBytes += read.answer.reply?.bytes.length ?? 0;
}

/** How large answers are is known only now: those that came in one turn were let in together, and a thousand may be of megabytes each. */
function hasRoomFor({ bounds }: Replica, { waitingBytes }: ReadLine, { bytes }: Reply): boolean {
  return waitingBytes === 0 || waitingBytes + bytes.length <= bounds.queriesWaitingBytesMax;
}

function beginRound(turn: Turn, leading: Leading): void {
  const { reads } = leading;
  reads.round++;
  reads.wanted = false;
  reads.sentAtMs = turn.nowMs;
  for (const peer of leading.peers.values()) {
    if (peer.member && peer.connection !== null)
      send(turn, peer.connection, { kind: "confirm", epoch: leading.view.epoch, round: reads.round });
  }
}

/** Begins rounds for the reads that came, and answers those that may be. */
export function settleReads(turn: Turn, leading: Leading): void {
  const { replica, nowMs } = turn;
  const { reads } = leading;
  if (reads.wanted && reads.round - reads.confirmedRound < ROUNDS_AHEAD_MAX) beginRound(turn, leading);
  if (reads.round > reads.confirmedRound) {
    if (nowMs - reads.sentAtMs >= replica.timings.appendHeartbeatMs && fifoSize(reads.waiting) > 0) beginRound(turn, leading);
    const rounds = [reads.round];
    for (const peer of leading.peers.values()) if (peer.member) rounds.push(peer.confirmedRound);
    reads.confirmedRound = Math.max(reads.confirmedRound, quorumValue(rounds, leading.view.quorum));
  }
  for (let read = peek(reads.waiting); read?.answer != null; read = peek(reads.waiting)) {
    if (read.round > reads.confirmedRound || read.answer.index > replica.commitIndex) break;
    assert(leading.phase === "active", "S4c", () => "a read answered in a view that is not active");
    const { index, reply } = read.answer;
    if (reply === null || index < read.atLeastIndex) redirect(turn, read);
    else sendReply(turn, read, index, reply);
    reads.waitingBytes -= reply?.bytes.length ?? 0;
    shift(reads.waiting);
  }
}

export function nextReadMs(turn: Turn, leading: Leading): number {
  const isOpen = leading.reads.round > leading.reads.confirmedRound && fifoSize(leading.reads.waiting) > 0;
  return isOpen ? leading.reads.sentAtMs + turn.replica.timings.appendHeartbeatMs : Number.POSITIVE_INFINITY;
}

/** S2a, S7: a member that has promised more confirms nothing below. */
export function onConfirm(turn: Turn, connection: number, message: Extract<ReplicationMessage, { readonly kind: "confirm" }>): void {
  if (compareEpochs(message.epoch, turn.replica.promise) < 0) return;
  send(turn, connection, { kind: "confirmed", epoch: message.epoch, round: message.round });
}

export function onConfirmed(turn: Turn, connection: number, message: Extract<ReplicationMessage, { readonly kind: "confirmed" }>): void {
  const sender = senderOf(turn, connection, message.epoch);
  if (sender === null || message.round > sender.leading.reads.round) return;
  sender.peer.confirmedRound = Math.max(sender.peer.confirmedRound, message.round);
}
