/** Poison (S6i): requests at which two processes died; every replica applies them as refused. */
import type { Entry } from "../../vocabulary/entry.js";
import type { Reply, RequestIdentity } from "../../vocabulary/session.js";
import { identityKey } from "../../vocabulary/session.js";
import { entryAt, lastIndex } from "./log.js";
import { DIGEST_UNKNOWN, findByKey, isOpen, type Remembered, remember } from "./session-table.js";
import type { Replica } from "./state.js";

/**
 * S6i: what this replica has executed with a result is no poison, nor is what has an update in its log: a primary executed that and lived, and
 * its reply may be known to the client. (What was answered is committed, and so in the log of whoever leads: S3.)
 */
export function harmful(replica: Replica, named: readonly RequestIdentity[]): RequestIdentity[] {
  if (named.length === 0) return [];
  const executed = new Set<string>();
  for (let index = replica.appliedIndex + 1; index <= lastIndex(replica.log); index++) {
    const { body } = entryAt(replica.log, index);
    if (body.kind === "update") executed.add(identityKey(body.identity));
  }
  return named.filter((identity) => !executed.has(identityKey(identity)) && findByKey(replica.table, identity) === null);
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

/** A later start entry in our log names the request at `index`. */
export function isPoisoned(replica: Replica, index: number, identity: RequestIdentity): boolean {
  if (replica.poison.length === 0) return false;
  const key = identityKey(identity);
  return replica.poison.some((start) => start.index > index && start.keys.has(key));
}

export function poisonReply(replica: Replica): Reply {
  return { refused: true, bytes: replica.config.poisonReply };
}

function isPoisonReply(replica: Replica, remembered: Remembered): boolean {
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

function truncateApplied(replica: Replica, index: number): void {
  while (replica.poison.length > 0 && (replica.poison[0]?.index ?? 0) <= index) replica.poison.shift();
}
