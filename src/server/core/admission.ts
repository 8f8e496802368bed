/** Requests of clients: found again (S6c), refused, or put into the leader's line. */
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { ErrorCode } from "../../vocabulary/error.js";
import { KEY_BYTES_SHARE, LIMITS } from "../../vocabulary/limit.js";
import { identityKey, type RequestIdentity } from "../../vocabulary/session.js";
import { fail, itemSizeBytes, redirect, sendReply } from "./answer.js";
import { logShareBytes } from "./donor.js";
import { push } from "./fifo.js";
import type { Item, Leading, RequestItem, TableItem, Waiter } from "./leading-state.js";
import { logBytes } from "./log.js";
import { requestsMax } from "./pace.js";
import { keepAlive } from "./session-requests.js";
import { acknowledges, find } from "./session-table.js";
import type { Replica, Turn } from "./state.js";

type Request = Extract<ClientMessage, { readonly kind: "request" }>;
type Open = Extract<ClientMessage, { readonly kind: "open-session" }>;
type Resume = Extract<ClientMessage, { readonly kind: "resume-session" }>;
type Refusal = readonly [code: ErrorCode, message: string];

/** Copies of one request that are answered; of more, the oldest are forgotten: their client has sent again. */
const WAITERS_MAX = 16;
/** How far ahead of its floor a session's numbers may be: bounds what the table remembers of it. */
const NUMBERS_ABOVE_FLOOR_MAX = 4 * LIMITS.inFlightPerClientMax;

const REMEMBERED_FULL: Refusal = ["overloaded", "Replies that nobody has acknowledged take all the memory that is set aside for them."];

/** S6c, S6h: only a leader in an active view that has applied its whole log looks at requests at all. */
function servingLeader(replica: Replica): Leading | null {
  return replica.stance.kind === "leading" && replica.stance.serving ? replica.stance : null;
}

function attach(item: Item, waiter: Waiter): void {
  item.waiters.push(waiter);
  if (item.waiters.length > WAITERS_MAX) item.waiters.shift();
}

function checkRequest(message: Request): Refusal | null {
  const { identity, input, operation } = message;
  if (input.length > LIMITS.payloadSizeBytesMax) return ["too-large", `The input has ${input.length} bytes.`];
  if (operation.length === 0 || operation.length > LIMITS.keyLengthMax) return ["bad-request", "The operation has no usable name."];
  if (identity.kind === "key") {
    const { length } = identity.key;
    return length === 0 || length > LIMITS.keyLengthMax ? ["bad-request", `A key has 1 to ${LIMITS.keyLengthMax} characters.`] : null;
  }
  const { sequence, floor, resumption } = identity;
  const isWhole = Number.isSafeInteger(sequence) && Number.isSafeInteger(floor) && Number.isSafeInteger(resumption);
  if (!isWhole || floor < 0 || sequence < floor || resumption < 0) return ["bad-request", "The floor is above the sequence number."];
  if (sequence - floor >= NUMBERS_ABOVE_FLOOR_MAX) return ["overloaded", "Too many numbers of this session are without an answer."];
  return null;
}

/** Why no new work is taken, or null; asked only after table, line and log have been looked at (S6h). */
function checkRoom({ replica, nowMs }: Turn, leading: Leading, sizeBytes: number): Refusal | null {
  const { bounds, knobs } = replica;
  if (leading.view.members.length < knobs.minimumReplicas) {
    return ["below-minimum", `The group has ${leading.view.members.length} replicas; minimumReplicas is ${knobs.minimumReplicas}.`];
  }
  const isFull = leading.pending.size >= bounds.inFlightMax || leading.pendingBytes + sizeBytes > bounds.inFlightBytesMax;
  if (isFull || logBytes(replica.log) > 4 * logShareBytes(replica)) return ["overloaded", "The group's queue is full."];
  const pacedMax = requestsMax(leading.pace, nowMs, replica.appliedIndex, leading.pending.size);
  if (leading.pending.size >= pacedMax) return ["overloaded", "More requests wait than the group gets done in time."];
  return null;
}

function checkKeys(replica: Replica, identity: RequestIdentity): Refusal | null {
  if (identity.kind !== "key" || replica.table.keys.size < replica.bounds.keysMax) return null;
  return ["keys-full", `${replica.bounds.keysMax} keys are remembered.`];
}

/**
 * Replies are remembered until they are acknowledged or expire. While they take too much, only what acknowledges some of them as it comes is
 * taken; those that requests in line acknowledge count for them alone. Far above, it must let go of as much as is likely to be added.
 */
function checkRemembered({ table, bounds }: Replica, leading: Leading, identity: RequestIdentity): Refusal | null {
  const { count, bytes, keyBytes } = table.tally;
  const bytesMax = bounds.rememberedBytesMax;
  if (identity.kind === "key") return bytes < bytesMax && keyBytes < bytesMax * KEY_BYTES_SHARE ? null : REMEMBERED_FULL;
  if (bytes < bytesMax) return null;
  const bytesMin = bytes < 2 * bytesMax ? 1 : bytes / count;
  const fromFloor = leading.floors.get(identity.session) ?? 0;
  return acknowledges(table, identity.session, fromFloor, identity.floor, bytesMin) ? null : REMEMBERED_FULL;
}

/** S6b over what is admitted and not applied yet: passive style executes by it, so it must not differ from what will be decided then. */
function findInLine(leading: Leading, identity: RequestIdentity): "ask-again" | "stale" | null {
  if (identity.kind !== "session") return null;
  if (leading.closing.has(identity.session) || leading.pending.has(resumeKey(identity.session))) return "ask-again";
  return (leading.floors.get(identity.session) ?? 0) > identity.sequence ? "stale" : null;
}

function enqueue(leading: Leading, item: Item & { readonly key: string }): void {
  leading.pending.set(item.key, item);
  leading.pendingBytes += itemSizeBytes(item);
  push(leading.line, item);
}

export function onRequest(turn: Turn, connection: number, message: Request, digest: number, wallMs: number, seed: number): void {
  const { replica } = turn;
  const waiter = { connection, ticket: message.ticket };
  const leading = servingLeader(replica);
  if (leading === null) return redirect(turn, waiter);
  const refusal = checkRequest(message);
  if (refusal !== null) return fail(turn, waiter, ...refusal);
  const { identity, operation, input } = message;
  if (identity.kind === "session") keepAlive(replica, connection, identity.session);
  const key = identityKey(identity);
  const pending = leading.pending.get(key);
  if (pending?.kind === "request") {
    // S6c: a copy attaches to the first one, wherever that is.
    if (pending.digest !== digest) return fail(turn, waiter, "identity-reused", "The number or key is in use for another request.");
    return attach(pending, waiter);
  }
  if (!isNew(turn, leading, waiter, identity, digest)) return;
  const item: RequestItem & { readonly key: string } = {
    kind: "request",
    key,
    identity,
    digest,
    operation,
    input,
    nowMs: wallMs,
    seed,
    waiters: [waiter],
    ticket: 0,
    executed: null,
    index: 0,
  };
  const full = checkRoom(turn, leading, itemSizeBytes(item)) ?? checkKeys(replica, identity) ?? checkRemembered(replica, leading, identity);
  if (full !== null) return fail(turn, waiter, ...full);
  if (identity.kind === "session") {
    leading.floors.set(identity.session, Math.max(identity.floor, leading.floors.get(identity.session) ?? 0));
  }
  enqueue(leading, item);
}

/** Looks the request up in the table and in line; what is found there is answered. */
function isNew(turn: Turn, leading: Leading, waiter: Waiter, identity: RequestIdentity, digest: number): boolean {
  const finding = find(turn.replica.table, identity, digest);
  switch (finding.kind) {
    case "remembered":
      if (finding.remembered.reply === null) redirect(turn, waiter);
      else sendReply(turn, waiter, finding.remembered.index, finding.remembered.reply);
      return false;
    case "reused":
      fail(turn, waiter, "identity-reused", "The number or key was used for another request.");
      return false;
    case "stale":
      fail(turn, waiter, "stale-sequence", "The number is below the session's floor.");
      return false;
    case "expired":
      fail(turn, waiter, "session-expired", "The session is not known, or was resumed by another client.");
      return false;
    case "new":
      break;
  }
  const inLine = findInLine(leading, identity);
  if (inLine === "ask-again") redirect(turn, waiter);
  if (inLine === "stale") fail(turn, waiter, "stale-sequence", "The number is below the session's floor.");
  return inLine === null;
}

const NONCE = /^[0-9a-f]{1,32}$/;

export function onOpenSession(turn: Turn, connection: number, message: Open): void {
  const waiter = { connection, ticket: message.ticket };
  const leading = servingLeader(turn.replica);
  if (leading === null) return redirect(turn, waiter);
  if (!NONCE.test(message.nonce)) return fail(turn, waiter, "bad-request", "A nonce has 1 to 32 hex digits.");
  if (turn.replica.table.sessions.size >= turn.replica.bounds.sessionsMax)
    return fail(turn, waiter, "overloaded", "Too many sessions are open.");
  enterTable(turn, leading, waiter, `o:${message.nonce}`, { kind: "session-opened", nonce: message.nonce });
}

function resumeKey(session: string): string {
  return `r:${session}`;
}

export function onResumeSession(turn: Turn, connection: number, message: Resume): void {
  const { session } = message;
  const waiter = { connection, ticket: message.ticket };
  const leading = servingLeader(turn.replica);
  if (leading === null) return redirect(turn, waiter);
  if (!turn.replica.table.sessions.has(session)) return fail(turn, waiter, "session-expired", "The session is not known any more.");
  if (leading.closing.has(session)) return redirect(turn, waiter);
  const pending = leading.pending.get(resumeKey(session));
  // S6f: two clients do not get the same resumption; the later one asks again.
  if (pending?.waiters.every((other) => other.connection !== connection)) return redirect(turn, waiter);
  enterTable(turn, leading, waiter, resumeKey(session), { kind: "session-resumed", session });
}

function enterTable(turn: Turn, leading: Leading, waiter: Waiter, key: string, body: TableItem["body"]): void {
  const pending = leading.pending.get(key);
  if (pending !== undefined) return attach(pending, waiter);
  const item: TableItem & { readonly key: string } = { kind: "table", key, body, waiters: [waiter], index: 0 };
  const full = checkRoom(turn, leading, itemSizeBytes(item));
  if (full !== null) return fail(turn, waiter, ...full);
  enqueue(leading, item);
}
