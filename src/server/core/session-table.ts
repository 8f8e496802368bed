/**
 * What makes requests exactly once (S6): the sessions and keys that the replicated state knows, and the replies it remembers.
 * Changed only by entries, in log order, so it is equal on all replicas at equal index. (Raft, section 6.3 of the thesis, with a floor
 * and a set in place of a last number.) Both maps are ordered by age, oldest first, so that expiry looks only at what expires.
 */
import { assert } from "../../vocabulary/assert.js";
import { addNewest, createAgedMap, entriesOf, removeOldest, lookUp } from "./aged-map.js";
import { type SessionId, sessionId } from "../../vocabulary/ids.js";
import type { Reply, RequestIdentity } from "../../vocabulary/session.js";
import type { Remembered, Session, SessionTable } from "./session-record.js";
import { countIn, countOut, countReply, createTally, sizeBytes } from "./tally.js";
import { beforeKeyExpires, beforeSession, numberOf } from "./table-capture.js";

export type { Remembered, Session, SessionTable } from "./session-record.js";

/** What the table says of a request (S6b, S6g). */
export type Finding =
  | { readonly kind: "new" }
  | { readonly kind: "remembered"; readonly remembered: Remembered }
  | { readonly kind: "stale" }
  | { readonly kind: "reused" }
  | { readonly kind: "expired" };

/** The digest of a request that only its identity is known of (S6i): equal to any. */
export const DIGEST_UNKNOWN = 0;

const NEW: Finding = { kind: "new" };
const STALE: Finding = { kind: "stale" };
const REUSED: Finding = { kind: "reused" };
const EXPIRED: Finding = { kind: "expired" };

export function createTable(): SessionTable {
  return { sessions: new Map(), keys: createAgedMap(), tally: createTally(), capture: null };
}

function isSameRequest(remembered: Remembered, digest: number): boolean {
  return remembered.digest === digest || remembered.digest === DIGEST_UNKNOWN;
}

/** What is remembered of an identity, whatever its resumption and digest: for poison, which is named by its key (S6i). */
export function findByKey(table: SessionTable, identity: RequestIdentity): Remembered | null {
  if (identity.kind === "key") return lookUp(table.keys, identity.key)?.remembered ?? null;
  return table.sessions.get(identity.session)?.replies.get(identity.sequence) ?? null;
}

/** A request with this identity could still be executed. */
export function isOpen(table: SessionTable, identity: RequestIdentity): boolean {
  if (identity.kind === "key") return true;
  const session = table.sessions.get(identity.session);
  return session !== undefined && identity.sequence >= session.floor;
}

/** What the table says of a request, before it is executed. */
export function find(table: SessionTable, identity: RequestIdentity, digest: number): Finding {
  if (identity.kind === "key") {
    const record = lookUp(table.keys, identity.key);
    if (record === undefined) return NEW;
    return isSameRequest(record.remembered, digest) ? { kind: "remembered", remembered: record.remembered } : REUSED;
  }
  const session = table.sessions.get(identity.session);
  // S6a, S6f: an unknown session is an expired one, and so is what an older life of its client sent.
  if (session === undefined || session.resumption !== identity.resumption) return EXPIRED;
  if (identity.sequence < session.floor) return STALE;
  const remembered = session.replies.get(identity.sequence);
  if (remembered === undefined) return NEW;
  return isSameRequest(remembered, digest) ? { kind: "remembered", remembered } : REUSED;
}

/** S6b: an entry moves the floor, whatever becomes of its request; and it renews the session. */
export function raiseFloor(table: SessionTable, identity: RequestIdentity, ageMs: number): void {
  if (identity.kind !== "session") return;
  const session = table.sessions.get(identity.session);
  if (session === undefined || session.resumption !== identity.resumption) return;
  beforeSession(table, identity.session, session);
  renew(table, identity.session, ageMs);
  const floor = Math.min(identity.floor, identity.sequence);
  if (floor <= session.floor) return;
  if (floor - session.floor <= session.replies.size) {
    for (let sequence = session.floor; sequence < floor; sequence++) forgetReply(table, session, sequence);
  } else {
    for (const sequence of session.replies.keys()) if (sequence < floor) forgetReply(table, session, sequence);
  }
  session.floor = floor;
}

function forgetReply({ tally }: SessionTable, { replies }: Session, sequence: number): void {
  const remembered = replies.get(sequence);
  if (remembered === undefined) return;
  countOut(tally, null, remembered);
  replies.delete(sequence);
}

/** Whether a floor lets go of so many bytes of what is remembered at or above another floor. */
export function acknowledges(table: SessionTable, id: SessionId, fromFloor: number, floor: number, bytesMin: number): boolean {
  const session = table.sessions.get(id);
  let bytes = 0;
  for (const [sequence, remembered] of session?.replies ?? []) {
    if (sequence >= fromFloor && sequence < floor) bytes += sizeBytes(null, remembered);
    if (bytes >= bytesMin) return true;
  }
  return false;
}

/** Memory that is not in use around a reply, and may be kept with it. */
const SPARE_BYTES_MAX = 256;

/**
 * A reply is kept for minutes. It comes as a part of a message, of a log record or of an encoder's memory, all of which would be kept with
 * it: for small replies of large updates the whole log of those minutes.
 */
function setReply(remembered: Remembered, reply: Reply): void {
  const { refused, bytes } = reply;
  const isOwn = bytes.buffer.byteLength <= 2 * bytes.length + SPARE_BYTES_MAX;
  remembered.reply = isOwn ? reply : { refused, bytes: new Uint8Array(bytes) };
}

/** The reply of a request that was remembered without it. */
export function keepReply(table: SessionTable, identity: RequestIdentity, remembered: Remembered, reply: Reply): void {
  setReply(remembered, reply);
  // Meanwhile its client may have acknowledged it, or its session may have expired.
  if (findByKey(table, identity) === remembered) countReply(table.tally, identity.kind, remembered);
}

/** The request at `index` is executed once and for all; its reply is filled in when it is known. */
export function remember(table: SessionTable, identity: RequestIdentity, remembered: Remembered, ageMs: number): void {
  if (remembered.reply !== null) setReply(remembered, remembered.reply);
  if (identity.kind === "key") {
    assert(lookUp(table.keys, identity.key) === undefined, "S6g", () => `key ${identity.key} executed twice`);
    addNewest(table.keys, identity.key, { atAgeMs: ageMs, remembered });
    countIn(table.tally, identity.key, remembered);
    return;
  }
  const session = table.sessions.get(identity.session);
  assert(session !== undefined && identity.sequence >= session.floor, "S6b", () => `number ${identity.sequence} below the floor`);
  assert(!session.replies.has(identity.sequence), "S6b", () => `number ${identity.sequence} executed twice`);
  beforeSession(table, identity.session, session);
  session.replies.set(identity.sequence, remembered);
  countIn(table.tally, null, remembered);
}

/** S6a: the id holds the index of the entry that opened it. */
export function openSession(table: SessionTable, generation: number, index: number, nonce: string, ageMs: number): SessionId {
  const id = sessionId(generation, index, nonce);
  table.sessions.set(id, { resumption: 0, floor: 0, renewedAtAgeMs: ageMs, replies: new Map(), settledIn: numberOf(table) });
  return id;
}

/** S6f: null when it is not known. */
export function resumeSession(table: SessionTable, id: SessionId, ageMs: number): Session | null {
  const session = table.sessions.get(id);
  if (session === undefined) return null;
  beforeSession(table, id, session);
  session.resumption++;
  renew(table, id, ageMs);
  return session;
}

export function renew(table: SessionTable, id: SessionId, ageMs: number): void {
  const session = table.sessions.get(id);
  if (session === undefined || session.renewedAtAgeMs === ageMs) return;
  beforeSession(table, id, session);
  session.renewedAtAgeMs = ageMs;
  table.sessions.delete(id);
  table.sessions.set(id, session);
}

export function dropSession(table: SessionTable, id: SessionId): void {
  const session = table.sessions.get(id);
  if (session === undefined) return;
  beforeSession(table, id, session);
  for (const remembered of session.replies.values()) countOut(table.tally, null, remembered);
  table.sessions.delete(id);
}

export function highestSequence(session: Session): number {
  let highest = session.floor - 1;
  for (const sequence of session.replies.keys()) if (sequence > highest) highest = sequence;
  return Math.max(0, highest);
}

/** The longest unheard sessions that are at most as young as `renewedBeforeAgeMs`, oldest first. */
export function sessionsBefore(table: SessionTable, renewedBeforeAgeMs: number, countMax: number): SessionId[] {
  const found: SessionId[] = [];
  for (const [id, session] of table.sessions) {
    if (session.renewedAtAgeMs >= renewedBeforeAgeMs || found.length >= countMax) break;
    found.push(id);
  }
  return found;
}

/** S6g: keys are never evicted earlier. */
export function expireKeys(table: SessionTable, belowAgeMs: number): void {
  for (const [key, record] of entriesOf(table.keys)) {
    if (record.atAgeMs >= belowAgeMs) break;
    beforeKeyExpires(table, key, record);
    countOut(table.tally, key, record.remembered);
    removeOldest(table.keys, key);
  }
}

/**
 * S6g: where to draw the line, at most at `belowAgeMs`, so that about `countMax` keys are behind it: those of one millisecond go together.
 * Null when none is.
 */
export function keysBefore(table: SessionTable, belowAgeMs: number, countMax: number): number | null {
  let count = 0;
  let lastAgeMs = 0;
  for (const [, { atAgeMs }] of entriesOf(table.keys)) {
    if (atAgeMs >= belowAgeMs) break;
    if (count >= countMax && atAgeMs > lastAgeMs) return atAgeMs;
    lastAgeMs = atAgeMs;
    count++;
  }
  return count === 0 ? null : belowAgeMs;
}
