/** Opening and resuming sessions (S6a, S6f), and what the leader proposes for them and for keys as they age (S6e, S6g). */
import type { SessionId } from "../../vocabulary/ids.js";
import { LIMITS } from "../../vocabulary/limit.js";
import type { Reply } from "../../vocabulary/session.js";
import { fail, settleItem } from "./answer.js";
import { fifoSize, peekAt, push } from "./fifo.js";
import type { Item, Leading, TableItem } from "./leading-state.js";
import { highestSequence, keysBefore, resumeSession, type Session, sessionsBefore } from "./session-table.js";
import { type Replica, send, type Turn } from "./state.js";

/** Sessions in one proposal, and about so many keys. */
const PROPOSED_MAX = 1_000;
/** Looks at ages so many times within an expiry. */
const LOOKS_PER_EXPIRY = 10;

/**
 * S6e: a client's session lives as long as its connection. A gateway's connection carries the sessions of callers that come and go, so these
 * live by their use alone; its own, once forgotten, it opens anew.
 */
export function keepAlive({ connections, table }: Replica, connection: number, session: SessionId): void {
  const details = connections.get(connection);
  if (details?.peer.role === "client" && table.sessions.has(session)) details.sessions.add(session);
}

/** The replies that fit into one message; the client asks for the others again by their numbers. */
function keptReplies(session: Session): [number, number, Reply][] {
  const kept: [number, number, Reply][] = [];
  let roomBytes = LIMITS.payloadSizeBytesMax;
  for (const [sequence, { index, reply }] of session.replies) {
    if (reply === null || reply.bytes.length + 64 > roomBytes) continue;
    roomBytes -= reply.bytes.length + 64;
    kept.push([sequence, index, reply]);
  }
  return kept;
}

/** Applies a resumption: older copies of the session's requests are refused from here on (S6f). */
export function answerResumed(turn: Turn, id: SessionId, index: number, ageMs: number, item: Item | null): void {
  const { replica } = turn;
  const session = resumeSession(replica.table, id, ageMs);
  if (item === null) return;
  settleItem(turn, item, (waiter) => {
    if (session === null) return fail(turn, waiter, "session-expired", "The session is not known any more.");
    keepAlive(replica, waiter.connection, id);
    send(turn, waiter.connection, {
      kind: "session-resumed",
      ticket: waiter.ticket,
      index,
      session: id,
      resumption: session.resumption,
      highestSequence: highestSequence(session),
      replies: keptReplies(session),
    });
  });
}

/** S6e: the counter runs while the view is active, by this leader's monotonic time. */
export function ageAt(leading: Leading, nowMs: number): number {
  return leading.phase === "active" ? leading.ageBaseMs + Math.max(0, Math.floor(nowMs - leading.activeSinceMs)) : leading.ageBaseMs;
}

/** When `houseKeep` has something to look at again. */
export function nextHousekeepingMs(leading: Leading): number {
  return leading.serving ? leading.activeSinceMs + (leading.housekeepingAgeMs - leading.ageBaseMs) : Number.POSITIVE_INFINITY;
}

function connectedSessions({ connections }: Replica): Set<SessionId> {
  const connected = new Set<SessionId>();
  for (const connection of connections.values()) for (const session of connection.sessions) connected.add(session);
  return connected;
}

function busySessions(leading: Leading): Set<SessionId> {
  const busy = new Set<SessionId>(leading.closing);
  for (const item of leading.pending.values()) {
    if (item.kind === "request" && item.identity.kind === "session") busy.add(item.identity.session);
    if (item.kind === "table" && item.body.kind === "session-resumed") busy.add(item.body.session);
  }
  // That they were heard of is known to the table only when the entry is applied, which may take long where commits stall.
  for (const fifo of [leading.line, leading.logged]) {
    for (let at = 0; at < fifoSize(fifo); at++) {
      const item = peekAt(fifo, at);
      if (item?.kind === "table" && item.body.kind === "sessions-renewed") for (const session of item.body.sessions) busy.add(session);
    }
  }
  return busy;
}

/** S6e: those of connected clients that have not been heard of for a while. */
function agingSessions({ table, timings }: Replica, connected: ReadonlySet<SessionId>, ageMs: number): SessionId[] {
  const aging: SessionId[] = [];
  for (const session of connected) {
    if (aging.length >= PROPOSED_MAX) break;
    const { renewedAtAgeMs } = table.sessions.get(session) ?? { renewedAtAgeMs: ageMs };
    if (renewedAtAgeMs < ageMs - timings.sessionExpiryMs / 3) aging.push(session);
  }
  return aging;
}

/** S6e: first renews the sessions of connected clients, then, after one full grace as leader, proposes the expiry of the unheard. */
function proposeSessions({ replica }: Turn, leading: Leading, ageMs: number): void {
  const { table, timings } = replica;
  const connected = connectedSessions(replica);
  const renewed = agingSessions(replica, connected, ageMs);
  if (renewed.length > 0) {
    const item = propose(leading, { kind: "sessions-renewed", sessions: renewed });
    if (renewed.length >= PROPOSED_MAX) leading.moreBehind = item;
  }
  if (ageMs - leading.ageBaseMs < timings.sessionExpiryMs) return;
  const unheard = sessionsBefore(table, ageMs - timings.sessionExpiryMs, PROPOSED_MAX);
  if (unheard.length === 0) return;
  const busy = busySessions(leading);
  const expired = unheard.filter((session) => !connected.has(session) && !busy.has(session));
  if (expired.length === 0) return;
  for (const session of expired) leading.closing.add(session);
  const item = propose(leading, { kind: "sessions-expired", sessions: expired });
  if (unheard.length >= PROPOSED_MAX) leading.moreBehind = item;
}

function propose(leading: Leading, body: TableItem["body"]): TableItem {
  const item: TableItem = { kind: "table", key: null, body, waiters: [], index: 0 };
  push(leading.line, item);
  return item;
}

/** One proposal did not hold all that there was to propose, and it is applied: many sessions or keys must not wait for many looks. */
function hasMore({ issuedIndex }: Replica, { moreBehind }: Leading): boolean {
  return moreBehind !== null && moreBehind.index > 0 && moreBehind.index <= issuedIndex;
}

export function houseKeep(turn: Turn, leading: Leading): void {
  if (!leading.serving) return;
  const ageMs = ageAt(leading, turn.nowMs);
  if (ageMs < leading.housekeepingAgeMs && !hasMore(turn.replica, leading)) return;
  leading.moreBehind = null;
  const { timings } = turn.replica;
  const expiryMs = Math.min(timings.sessionExpiryMs, timings.keyExpiryMs);
  leading.housekeepingAgeMs = ageMs + Math.max(1, Math.floor(expiryMs / LOOKS_PER_EXPIRY));
  proposeSessions(turn, leading, ageMs);
  proposeKeys(turn, leading, ageMs - timings.keyExpiryMs);
}

/** S6g: not all at once, for an entry is applied in one turn. The leader draws the line, so that what an entry says does not depend on a bound. */
function proposeKeys({ replica }: Turn, leading: Leading, expiredAgeMs: number): void {
  const belowAgeMs = keysBefore(replica.table, expiredAgeMs, PROPOSED_MAX);
  if (belowAgeMs === null) return;
  const item = propose(leading, { kind: "keys-expired", belowAgeMs });
  if (belowAgeMs < expiredAgeMs) leading.moreBehind = item;
}
