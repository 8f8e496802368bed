/**
 * Applying committed entries, in order, on every replica (section 6). Entries through `issuedIndex` are decided on by the session table
 * and given to the executor; through `appliedIndex` the executor has finished. A passive primary has its own entries executed already.
 */
import { assert, unreachable } from "../../vocabulary/assert.js";
import type { Entry, EntryBody } from "../../vocabulary/entry.js";
import { sameEpoch } from "../../vocabulary/epoch.js";
import type { ExecutionCommand, ExecutionCompletion } from "../../vocabulary/execution.js";
import { identityKey, type Reply, type RequestIdentity } from "../../vocabulary/session.js";
import { fail, redirect, sendReply, settleItem } from "./answer.js";
import { isCheckpointDue, runsAhead } from "./checkpoint.js";
import { fifoSize, peek, push, shift } from "./fifo.js";
import type { Item, RequestItem } from "./leading-state.js";
import { entryAt, lastEpoch } from "./log.js";
import { applyPoison, poisonAt, poisonReply } from "./poison.js";
import { isInstalling } from "./receiver.js";
import {
  dropSession,
  expireKeys,
  type Finding,
  find,
  keepReply,
  openSession,
  raiseFloor,
  type Remembered,
  remember,
  renew,
} from "./session-table.js";
import { answerResumed, keepAlive } from "./session-requests.js";
import { note, type Replica, send, type Turn } from "./state.js";
import { isRetiring } from "./warmth.js";

type Request = Extract<EntryBody, { readonly kind: "request" }>;
type Update = Extract<EntryBody, { readonly kind: "update" }>;
type Start = Extract<EntryBody, { readonly kind: "start" }>;

const NO_BYTES = new Uint8Array(0);

/** S6i: only once the start entry of the promised epoch is in the log, so that the poison it names is known. */
function mayApply(replica: Replica): boolean {
  if (replica.warmth !== "warm" || isRetiring(replica)) return false;
  return sameEpoch(lastEpoch(replica.log), replica.promise) && !isInstalling(replica);
}

/** Gives committed entries to the executor, as many as it takes at once; a checkpoint that is due has it run empty first. */
export function applyCommitted(turn: Turn): void {
  const { replica, effects } = turn;
  const { execution, bounds } = replica;
  if (replica.issuedIndex === replica.commitIndex || !mayApply(replica)) return;
  let released = 0;
  while (replica.issuedIndex < replica.commitIndex && replica.phase === "running") {
    if (fifoSize(execution.applying) >= bounds.applyAheadMax) break;
    if (!runsAhead(replica) && isCheckpointDue(turn)) break;
    const entry = entryAt(replica.log, replica.issuedIndex + 1);
    if (entry.body.kind === "request" && poisonAt(replica, entry.index, entry.body.identity) === "undecided") break;
    // S6f: a resumption answers with the replies kept, so they must be there.
    if (entry.body.kind === "session-resumed" && fifoSize(execution.applying) > 0) break;
    released = Math.max(released, issue(turn, entry));
  }
  if (released > 0) effects.push({ kind: "execution", command: { kind: "release", throughTicket: released } });
  settleApplied(replica);
}

function settleApplied(replica: Replica): void {
  const first = peek(replica.execution.applying);
  const applied = first === undefined ? replica.issuedIndex : first.index - 1;
  assert(applied >= replica.appliedIndex, "apply", () => `applied ${replica.appliedIndex}, then ${applied}`);
  // It has caught up: a change of style may wait for that.
  if (replica.appliedIndex < replica.replayThrough && applied >= replica.replayThrough) replica.reportDirty = true;
  replica.appliedIndex = applied;
}

/** The leader's item behind an entry, if it is one of its own. */
function takeItem(replica: Replica, index: number): Item | null {
  const leading = replica.stance;
  if (leading.kind !== "leading" || peek(leading.logged)?.index !== index) return null;
  return shift(leading.logged) ?? null;
}

/** Decides on one entry; the table is at its index afterwards. Returns the ticket of a speculation that is released, or 0. */
function issue(turn: Turn, entry: Entry): number {
  const { replica } = turn;
  const { body, index, ageMs } = entry;
  const item = takeItem(replica, index);
  replica.issuedIndex = index;
  replica.ageMs = ageMs;
  if (body.kind === "request") replica.issuedLogTimeMs = Math.max(replica.issuedLogTimeMs, body.nowMs);
  switch (body.kind) {
    case "start":
      applyStart(turn, entry, body);
      return 0;
    case "request":
      applyRequest(turn, entry, body, item);
      return 0;
    case "update":
      return applyUpdate(turn, entry, body, item);
    case "session-opened": {
      const session = openSession(replica.table, replica.generation, index, body.nonce, ageMs);
      if (item !== null) {
        settleItem(turn, item, ({ connection, ticket }) => {
          keepAlive(replica, connection, session);
          send(turn, connection, { kind: "session-opened", ticket, session });
        });
      }
      return 0;
    }
    case "session-resumed":
      answerResumed(turn, body.session, index, ageMs, item);
      return 0;
    case "sessions-renewed":
      for (const session of body.sessions) renew(replica.table, session, ageMs);
      return 0;
    case "sessions-expired":
      for (const session of body.sessions) dropSession(replica.table, session);
      if (replica.stance.kind === "leading") {
        for (const session of body.sessions) {
          replica.stance.closing.delete(session);
          replica.stance.floors.delete(session);
        }
      }
      return 0;
    case "keys-expired":
      expireKeys(replica.table, body.belowAgeMs);
      return 0;
    default:
      return unreachable(body);
  }
}

function applyStart(turn: Turn, entry: Entry, body: Start): void {
  const { replica } = turn;
  const { view } = body;
  // Section 4, loss: sessions of another generation get "unknown".
  if (replica.generation !== view.generation) for (const session of [...replica.table.sessions.keys()]) dropSession(replica.table, session);
  replica.generation = view.generation;
  const conflict = applyPoison(replica, entry.index, body.poison, entry.ageMs);
  if (conflict === null) return;
  const reason = `diverged: this replica executed ${identityKey(conflict)}, which the others apply as refused (S6i)`;
  note(turn, "warn", reason);
  turn.effects.push({ kind: "end-process", reason, discard: true });
  replica.phase = "ended";
}

function execute(
  turn: Turn,
  command: ExecutionCommand & { readonly ticket: number },
  { index, identity }: { readonly index: number; readonly identity: RequestIdentity },
  remembered: Remembered,
  item: Item | null,
): void {
  push(turn.replica.execution.applying, { ticket: command.ticket, index, identity, remembered, item });
  turn.effects.push({ kind: "execution", command });
}

function applyRequest(turn: Turn, entry: Entry, body: Request, item: Item | null): void {
  const { replica } = turn;
  const { identity, digest } = body;
  const finding = find(replica.table, identity, digest);
  raiseFloor(replica.table, identity, entry.ageMs);
  if (finding.kind !== "new") return tellFinding(turn, finding, item);
  replica.executedCount++;
  const poisoned = poisonAt(replica, entry.index, identity) === "poison";
  const remembered: Remembered = { index: entry.index, digest, reply: poisoned ? poisonReply(replica) : null };
  remember(replica.table, identity, remembered, entry.ageMs);
  if (poisoned) return tellReply(turn, item, remembered);
  const command = {
    kind: "execute",
    ticket: replica.execution.nextTicket++,
    requestKey: identityKey(identity),
    operation: body.operation,
    input: body.input,
    nowMs: body.nowMs,
    seed: body.seed,
    settled: true,
    limitMs: 0,
  } as const;
  execute(turn, command, { index: entry.index, identity }, remembered, item);
}

function applyUpdate(turn: Turn, entry: Entry, body: Update, item: Item | null): number {
  const { replica } = turn;
  const { identity, digest, reply } = body;
  const finding = find(replica.table, identity, digest);
  raiseFloor(replica.table, identity, entry.ageMs);
  const own = item !== null && item.kind === "request" && item.ticket > 0 ? item : null;
  // S6b: what the primary executed ahead is what every replica decides to take. Otherwise its state would be another.
  assert(own === null || finding.kind === "new", "S6c", () => `${identityKey(identity)} was executed and is ${finding.kind} when applied`);
  if (finding.kind !== "new") {
    tellFinding(turn, finding, item);
    return 0;
  }
  replica.executedCount++;
  const remembered: Remembered = { index: entry.index, digest, reply };
  remember(replica.table, identity, remembered, entry.ageMs);
  if (own !== null) return releaseOwn(turn, own, remembered);
  if (body.redo.length === 0) {
    tellReply(turn, item, remembered);
    return 0;
  }
  const command = { kind: "apply-update", ticket: replica.execution.nextTicket++, redo: body.redo } as const;
  execute(turn, command, { index: entry.index, identity }, remembered, item);
  return 0;
}

function releaseOwn(turn: Turn, own: RequestItem, remembered: Remembered): number {
  turn.replica.execution.unreleasedCount--;
  tellReply(turn, own, remembered);
  return own.ticket;
}

function tellReply(turn: Turn, item: Item | null, remembered: Remembered): void {
  if (item === null || remembered.reply === null) return;
  const reply: Reply = remembered.reply;
  // S8: the entry is committed; whoever leads has counted that itself.
  settleItem(turn, item, (waiter) => sendReply(turn, waiter, remembered.index, reply));
}

/** The table had the last word: this copy is not executed. */
function tellFinding(turn: Turn, finding: Finding, item: Item | null): void {
  if (item === null) return;
  settleItem(turn, item, (waiter) => {
    switch (finding.kind) {
      case "remembered":
        if (finding.remembered.reply === null) redirect(turn, waiter);
        else sendReply(turn, waiter, finding.remembered.index, finding.remembered.reply);
        return;
      case "stale":
        return fail(turn, waiter, "stale-sequence", "The number is below the session's floor.");
      case "reused":
        return fail(turn, waiter, "identity-reused", "The number or key was used for another request.");
      case "expired":
        return fail(turn, waiter, "session-expired", "The session is not known, or was resumed by another client.");
      case "new":
        return;
      default:
        return unreachable(finding);
    }
  });
}

/** The executor has finished an entry. */
export function onApplied(turn: Turn, completion: Extract<ExecutionCompletion, { readonly kind: "executed" | "update-applied" }>): void {
  const { replica } = turn;
  const applying = shift(replica.execution.applying);
  assert(applying !== undefined && applying.ticket === completion.ticket, "apply", () => `completion ${completion.ticket} out of order`);
  if (completion.kind === "executed") keepReply(replica.table, applying.identity, applying.remembered, completion.reply);
  settleApplied(replica);
  tellReply(turn, applying.item, applying.remembered);
}

/** The executor has finished what a passive primary runs ahead: kept until its turn in the line comes. */
export function onSpeculated(turn: Turn, completion: Extract<ExecutionCompletion, { readonly kind: "executed" }>): void {
  const item = shift(turn.replica.execution.speculating);
  assert(item?.kind === "request" && item.ticket === completion.ticket, "apply", () => `completion ${completion.ticket} out of order`);
  item.executed = { reply: completion.reply, redo: completion.reply.refused ? NO_BYTES : completion.redo };
}
