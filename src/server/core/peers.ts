/** Links between the replicas of a group, and what a leader knows of each of its peers. */
import { sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import type { ControlMessage } from "../../vocabulary/message-control.js";
import { holdsIncarnation, type Member } from "../../vocabulary/view.js";
import type { Leading, Progress } from "./leading-state.js";
import { lastIndex } from "./log.js";
import type { Replica, Turn } from "./state.js";

export function createProgress(replica: Replica, peer: Member, startIndex: number, member: boolean): Progress {
  return {
    replica: peer.replica,
    incarnation: peer.incarnation,
    member,
    connection: null,
    feed: { kind: "probing", prevIndex: -1 },
    shipment: null,
    shipmentDueMs: Number.NEGATIVE_INFINITY,
    shippedIndex: 0,
    shippedAtBytes: 0,
    // A sealed member most often ends where we do: the first append brings the start entry at once.
    nextIndex: Math.max(startIndex, replica.log.base.index + 1),
    ackedIndex: 0,
    sentAtMs: Number.NEGATIVE_INFINITY,
    sentCommit: -1,
    sentActive: false,
    viewSent: false,
    confirmedRound: 0,
    lost: false,
    transferredBytes: 0,
    transferSizeBytes: 0,
  };
}

/** The leader dials: one link to each peer. */
export function linkPeers(turn: Turn, leading: Leading): void {
  turn.effects.push({ kind: "link", replicas: [...leading.peers.keys()], book: turn.replica.book });
}

/** Who does not lead holds links too: the next leader finds its own open, and a failover waits for no connection. */
export function linkMembers(turn: Turn): void {
  const { activeView, book, config } = turn.replica;
  const others = (activeView?.members ?? []).map((member) => member.replica).filter((replica) => replica !== config.replica);
  turn.effects.push({ kind: "link", replicas: others, book });
}

/** Takes up links that are open already. */
export function attachLinks(turn: Turn, leading: Leading): void {
  for (const [connection, { outbound, peer }] of turn.replica.connections) {
    if (outbound && peer.replica !== null) attachLink(turn, leading, connection, peer.replica, peer.incarnation);
  }
}

export function attachLink(turn: Turn, leading: Leading, connection: number, replica: ReplicaId, incarnation: string | null): void {
  const progress = leading.peers.get(replica);
  // S5a: a replica counts, and is fed, only under the incarnation that was named.
  if (progress === undefined || progress.incarnation !== incarnation || progress.connection === connection) return;
  progress.connection = connection;
  progress.feed = { kind: "probing", prevIndex: -1 };
  progress.shipment = null;
  // Also where the entries are gone from memory it is asked first: its refusal says what it has of a transfer that was cut.
  const fromIndex = progress.ackedIndex > 0 ? progress.ackedIndex + 1 : leading.startIndex;
  progress.nextIndex = Math.max(fromIndex, turn.replica.log.base.index + 1);
  progress.viewSent = false;
  progress.sentCommit = -1;
  progress.sentActive = false;
  progress.sentAtMs = Number.NEGATIVE_INFINITY;
  turn.replica.reportDirty = true;
}

export function detachLink(replica: Replica, leading: Leading, connection: number): void {
  for (const progress of leading.peers.values()) {
    if (progress.connection !== connection) continue;
    progress.connection = null;
    replica.reportDirty = true;
  }
}

/** Whom a message on this connection is from, if the leader has to do with it. */
export function peerOn(leading: Leading, connection: number): Progress | null {
  for (const progress of leading.peers.values()) if (progress.connection === connection) return progress;
  return null;
}

/** S5b: learners are fed, and counted nowhere. */
export function onLearners(turn: Turn, message: Extract<ControlMessage, { readonly kind: "learners" }>): void {
  const { replica } = turn;
  const leading = replica.stance;
  if (leading.kind !== "leading" || !sameEpoch(leading.view.epoch, message.epoch)) return;
  const wanted = new Map(message.learners.map((learner) => [learner.replica, learner]));
  for (const [id, progress] of leading.peers) {
    if (!progress.member && wanted.get(id)?.incarnation !== progress.incarnation) leading.peers.delete(id);
  }
  for (const learner of message.learners) {
    const known = leading.peers.has(learner.replica) || learner.replica === replica.config.replica;
    if (known || holdsIncarnation(leading.view, learner.replica, learner.incarnation)) continue;
    leading.peers.set(learner.replica, createProgress(replica, learner, lastIndex(replica.log) + 1, false));
  }
  replica.reportDirty = true;
  linkPeers(turn, leading);
  attachLinks(turn, leading);
}
