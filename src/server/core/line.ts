/**
 * The leader's line: everything that gets an entry passes through it once, in order. Active style enters a request at once; passive style
 * executes it first (styles differ in nothing else here), ahead of the commit, and enters what it changed (S8: nobody sees it before).
 */
import type { EntryBody } from "../../vocabulary/entry.js";
import { isPassive } from "../../vocabulary/style.js";
import { type Fifo, fifoSize, peek, peekAt, push, shift } from "./fifo.js";
import { isCheckpointDue } from "./checkpoint.js";
import type { Item, Leading, RequestItem } from "./leading-state.js";
import { append, lastIndex } from "./log.js";
import { ageAt } from "./session-requests.js";
import type { Turn } from "./state.js";

/** Nothing new is given an index: a hand-over is under way, or a passive primary lets a checkpoint find it quiet. */
function isPaused(turn: Turn, leading: Leading): boolean {
  if (!leading.serving || leading.handOver !== null) return true;
  return isPassive(leading.view.style) && isCheckpointDue(turn);
}

function execute(turn: Turn, item: RequestItem): void {
  const { replica, effects } = turn;
  item.ticket = replica.execution.nextTicket++;
  replica.execution.unreleasedCount++;
  push(replica.execution.speculating, item);
  const { key, operation, input, nowMs, seed, ticket } = item;
  const limitMs = replica.knobs.handlerTimeoutMs;
  effects.push({
    kind: "execution",
    command: { kind: "execute", ticket, requestKey: key, operation, input, nowMs, seed, settled: false, limitMs },
  });
}

/** Starts what is in line: in passive style as many executions as the executor takes ahead. */
function start(turn: Turn, leading: Leading): void {
  const { replica } = turn;
  if (isPaused(turn, leading)) return;
  const passive = isPassive(leading.view.style);
  const ahead: Fifo<Item> = replica.execution.speculating;
  for (let item = peekAt(leading.line, leading.startedCount); item !== undefined; item = peekAt(leading.line, leading.startedCount)) {
    if (passive && item.kind === "request") {
      if (fifoSize(ahead) >= replica.bounds.executionsAheadMax) return;
      execute(turn, item);
    }
    leading.startedCount++;
  }
}

/**
 * Log time does not run backwards, whatever the wall clocks of leaders do. Nor does it stand still when a clock that was ahead for once
 * has been set right, by years perhaps: it goes on at half the pace of our own clock until the wall clock has caught up.
 */
function logTimeAt({ replica, nowMs }: Turn, leading: Leading, wallMs: number): number {
  if (wallMs >= replica.logTimeMs) {
    leading.clockBehind = null;
    return wallMs;
  }
  leading.clockBehind ??= { logTimeMs: replica.logTimeMs, sinceMs: nowMs };
  const { logTimeMs, sinceMs } = leading.clockBehind;
  // Whole milliseconds, as the wall clock gives them: a handler may make a BigInt of it.
  return Math.max(replica.logTimeMs, logTimeMs + Math.floor((nowMs - sinceMs) / 2));
}

function bodyOf(turn: Turn, leading: Leading, item: Item): EntryBody | null {
  if (item.kind === "table") return item.body;
  const { identity, digest, operation, input, seed } = item;
  if (isPassive(leading.view.style)) {
    const { executed } = item;
    return executed === null ? null : { kind: "update", identity, digest, reply: executed.reply, redo: executed.redo };
  }
  const logTimeMs = logTimeAt(turn, leading, item.nowMs);
  turn.replica.logTimeMs = logTimeMs;
  return { kind: "request", identity, digest, operation, input, nowMs: logTimeMs, seed };
}

/** Gives indexes to what is ready, in order of the line. */
export function enterReady(turn: Turn, leading: Leading): void {
  const { replica } = turn;
  while (leading.startedCount > 0) {
    const item = peek(leading.line);
    const body = item === undefined ? null : bodyOf(turn, leading, item);
    if (item === undefined || body === null) return;
    shift(leading.line);
    leading.startedCount--;
    item.index = lastIndex(replica.log) + 1;
    append(replica.log, { index: item.index, epoch: leading.view.epoch, ageMs: ageAt(leading, turn.nowMs), body });
    push(leading.logged, item);
  }
}

export function advanceLine(turn: Turn, leading: Leading): void {
  if (fifoSize(leading.line) === 0) return;
  start(turn, leading);
  enterReady(turn, leading);
}
