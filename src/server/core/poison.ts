/** Poison (S6i): requests at which two processes died; every replica applies them as refused. */
import type { Entry } from "../../vocabulary/entry.js";
import { compareEpochs } from "../../vocabulary/epoch.js";
import { sessionId } from "../../vocabulary/ids.js";
import type { Reply, RequestIdentity } from "../../vocabulary/session.js";
import { identityKey, parseIdentityKey } from "../../vocabulary/session.js";
import type { LeaderEnd } from "../../vocabulary/view.js";
import { entryAt, lastIndex } from "./log.js";
import { DIGEST_UNKNOWN, findByKey, isOpen, type Remembered, remember } from "./session-table.js";
import type { Replica } from "./state.js";

/** What a Lead tells of requests that are to be refused. */
export interface Accusation {
  readonly poison: readonly RequestIdentity[];
  readonly leaderEnds: readonly LeaderEnd[];
}

/**
 * S6i: which of the accused are refused. None that may have been answered: what was answered is committed, and so in the log of whoever leads
 * (S3). Not what this replica has executed with a result; not what has an update in its log: a primary executed that and lived. A request
 * that waits in the log may have been answered by any leader since its epoch, unless each of them died while it executed just that, or an
 * entry before it.
 */
export function harmful(replica: Replica, { poison, leaderEnds }: Accusation): RequestIdentity[] {
  if (poison.length === 0) return [];
  const executed = new Set<string>();
  const waiting = new Map<string, Entry>();
  const opened = new Set<string>();
  let { generation } = replica;
  for (let index = replica.appliedIndex + 1; index <= lastIndex(replica.log); index++) {
    const entry = entryAt(replica.log, index);
    const { body } = entry;
    if (body.kind === "start") generation = body.view.generation;
    else if (body.kind === "session-opened") opened.add(sessionId(generation, index, body.nonce));
    else if (body.kind === "update") executed.add(identityKey(body.identity));
    else if (body.kind === "request" && !waiting.has(identityKey(body.identity))) waiting.set(identityKey(body.identity), entry);
  }
  return poison.filter((identity) => {
    const key = identityKey(identity);
    if (executed.has(key) || findByKey(replica.table, identity) !== null || isBehind(replica, identity)) return false;
    const entry = waiting.get(key);
    if (entry !== undefined) return !mayBeAnswered(replica, entry, key, leaderEnds, waiting);
    // Of a session that is not known any more nothing is executed again.
    return isOpen(replica.table, identity) || (identity.kind === "session" && opened.has(identity.session));
  });
}

/** Its client has the reply, which is forgotten: others may still have to execute the same entry. */
function isBehind(replica: Replica, identity: RequestIdentity): boolean {
  return identity.kind === "session" && identity.sequence < (replica.table.sessions.get(identity.session)?.floor ?? 0);
}

function mayBeAnswered(
  replica: Replica,
  entry: Entry,
  key: string,
  leaderEnds: readonly LeaderEnd[],
  waiting: ReadonlyMap<string, Entry>,
): boolean {
  for (const { epoch, executing } of leaderEnds.toReversed()) {
    const order = compareEpochs(epoch, entry.epoch);
    if (order < 0) return false;
    if (executing !== key && !isBefore(executing)) return true;
    if (order === 0) return false;
  }
  return true;

  /** Entries are executed in order: whoever died at an earlier one has not come to this. */
  function isBefore(executing: string | null): boolean {
    const identity = executing === null ? null : parseIdentityKey(executing);
    if (identity === null) return false;
    const index = waiting.get(identityKey(identity))?.index ?? findByKey(replica.table, identity)?.index;
    return index !== undefined && index < entry.index;
  }
}

/** A start entry with poison has come into the log. */
export function notePoison(replica: Replica, index: number, keys: ReadonlySet<string>): void {
  if (keys.size > 0) replica.poison.push({ index, keys });
}

/** Scans what has been appended: entries are applied only once the start entry behind them is known. */
export function scanForPoison(replica: Replica, entry: Entry): void {
  if (entry.body.kind === "start") notePoison(replica, entry.index, new Set(entry.body.poison.map(identityKey)));
}

/** The log was cut to `index`. */
export function truncatePoison(replica: Replica, index: number): void {
  const kept = replica.poison.filter((start) => start.index <= index);
  replica.poison.length = 0;
  replica.poison.push(...kept);
}

/** Keys as old as the one at `index` were forgotten before the start entry: whoever wrote that may have executed the request. */
function isForgotten(replica: Replica, index: number, startIndex: number): boolean {
  const { ageMs, body } = entryAt(replica.log, index);
  if (body.kind !== "request" || body.identity.kind !== "key") return false;
  for (let later = index + 1; later < startIndex; later++) {
    const { body: between } = entryAt(replica.log, later);
    if (between.kind === "keys-expired" && between.belowAgeMs > ageMs) return true;
  }
  return false;
}

/**
 * A later start entry in our log names the request at `index`. `undecided` while none of these entries is committed: with it the refusal may
 * go, and who had refused would differ from the rest (S9).
 */
export function poisonAt(replica: Replica, index: number, identity: RequestIdentity): "none" | "undecided" | "poison" {
  if (replica.poison.length === 0) return "none";
  const key = identityKey(identity);
  const naming = replica.poison.filter((start) => start.index > index && start.keys.has(key) && !isForgotten(replica, index, start.index));
  if (naming.length === 0) return "none";
  return naming.some((start) => start.index <= replica.commitIndex) ? "poison" : "undecided";
}

export function poisonReply(replica: Replica): Reply {
  return { refused: true, bytes: replica.config.poisonReply };
}

export function isPoisonReply(replica: Replica, remembered: Remembered): boolean {
  const { reply } = remembered;
  const { poisonReply: bytes } = replica.config;
  return reply?.refused === true && reply.bytes.length === bytes.length && reply.bytes.every((byte, i) => byte === bytes[i]);
}

/**
 * Applies a start entry's poison: later copies of the requests are refused as well. Returns the first that this replica has executed with
 * a result: the others have not, so this one has diverged and cannot go on.
 */
export function applyPoison(replica: Replica, index: number, poison: readonly RequestIdentity[], ageMs: number): RequestIdentity | null {
  for (const identity of poison) {
    const known = findByKey(replica.table, identity);
    if (known !== null && !isPoisonReply(replica, known)) return identity;
    if (known !== null || !isOpen(replica.table, identity)) continue;
    remember(replica.table, identity, { index, digest: DIGEST_UNKNOWN, reply: poisonReply(replica) }, ageMs);
  }
  truncateApplied(replica, index);
  return null;
}

export function truncateApplied(replica: Replica, index: number): void {
  while (replica.poison.length > 0 && (replica.poison[0]?.index ?? 0) <= index) replica.poison.shift();
}
