import { assert, unreachable } from "../vocabulary/assert.js";
import type { ExecutionCommand, ExecutionCompletion } from "../vocabulary/execution.js";
import { refusal, textOf } from "./outcome.js";
import type { OperationOutcome, SnapshotCapture, StateMachine } from "./state-machine.js";

export interface ExecutorOptions {
  /** Called once for each ticket, in order; for synchronous work from inside `submit`, else from a microtask. Must not call the executor back. */
  onCompletion(completion: ExecutionCompletion): void;
  /** An asynchronous handler began or ended: `nextWakeMs` and `executing` may answer otherwise than before. */
  onProgress?(): void;
  /** S6i: the handler of this request begins now (nothing of it has run), or, with null, none runs any more. Not called back for each end. */
  onExecuting?(requestKey: string | null): void;
  /**
   * Asked after each command: whether the thread has been kept long enough, since sockets are read and heartbeats answered only between.
   * What else there is then waits for `resume`, of which `onYield` reminds. Default: never.
   */
  isTimeUp?(): boolean;
  onYield?(): void;
  /** Something worth a line in the log, such as the late error of a handler that was given up. */
  onNote?(text: string): void;
  /** An error after which the state cannot be trusted, raised outside `submit` and `tick` (there it is thrown). Default: thrown in a microtask. */
  onFatal?(error: Error): void;
}

/**
 * Runs the user's service for one replica: commands one at a time in order; an asynchronous handler holds up what comes after it,
 * queries included. `release` and `undo-unreleased` do not wait. No timers: the owner calls `tick` with its monotonic clock.
 */
export interface Executor {
  /** Throws only what is fatal: a broken rule, or exhausted stack or memory in active style (PROTOCOL section 6). */
  submit(command: ExecutionCommand): void;
  /** Goes on with what waits since `onYield`. */
  resume(): void;
  /** Ends the running handler if its limit is past. A handler's limit counts from the first tick after it began. */
  tick(nowMs: number): void;
  /** When `tick` wants to be called next: Infinity when no limit runs, 0 (at once) when a handler began since the last tick. */
  nextWakeMs(): number;
  /** `requestKey` of the operation whose handler runs, or null. */
  executing(): string | null;
  /** Nothing runs and nothing waits. */
  idle(): boolean;
  /** Commands finished since the start: proof of progress for pulses. */
  workCount(): number;
  /** The state as it is now, in slices, after what waits since a yield. Only when nothing runs or is unreleased (asserted); one at a time, closed by the caller. */
  capture(): SnapshotCapture;
  /** Lets go of the state: it is the service's first one again. Only when nothing runs or is unreleased (asserted). */
  reset(): void;
  beginRestore(): void;
  restoreSlice(slice: Uint8Array): void;
  finishRestore(): void;
  /** Checksum of the whole state, iteration order included. Reads all of it. */
  digest(): number;
  /** Names of the service's invariants that do not hold now: for tests and the simulator. */
  brokenInvariants(): readonly string[];
}

interface Running {
  readonly command: ExecuteCommand;
  /** On the owner's monotonic clock; null until the first tick after it began. */
  deadlineMs: number | null;
}

type ExecuteCommand = Extract<ExecutionCommand, { readonly kind: "execute" }>;
type QueuedCommand = Exclude<ExecutionCommand, { readonly kind: "release" | "undo-unreleased" }>;

interface ExecutorState {
  readonly machine: StateMachine;
  readonly options: ExecutorOptions;
  queue: QueuedCommand[];
  running: Running | null;
  /** `requestKey` of the handler that has the thread. */
  current: string | null;
  /** What `onExecuting` was told last. */
  told: string | null;
  draining: boolean;
  /** The thread was given up with commands in the queue. */
  yielded: boolean;
  workCount: number;
}

/** `machine` belongs to the executor from here on. */
export function createExecutor(machine: StateMachine, options: ExecutorOptions): Executor {
  const state: ExecutorState = {
    machine,
    options,
    queue: [],
    running: null,
    current: null,
    told: null,
    draining: false,
    yielded: false,
    workCount: 0,
  };
  const idle = (): boolean => state.running === null && state.queue.length === 0 && !state.draining;
  const assertQuiet = (rule: string): void =>
    assert(idle() && !machine.hasUnreleased(), rule, () => "something runs, waits, or may still be taken back");
  return {
    submit: (command) => submit(state, command),
    resume: () => {
      state.yielded = false;
      drain(state);
    },
    tick: (nowMs) => tick(state, nowMs),
    nextWakeMs: () => nextWakeMs(state),
    executing: () => state.running?.command.requestKey ?? state.current,
    idle,
    workCount: () => state.workCount,
    capture: () => {
      finishQueue(state);
      assertQuiet("capture");
      return machine.capture();
    },
    reset: () => {
      finishQueue(state);
      assertQuiet("reset");
      machine.reset();
    },
    beginRestore: () => {
      finishQueue(state);
      assertQuiet("restore");
      machine.beginRestore();
    },
    restoreSlice: (slice) => machine.restoreSlice(slice),
    finishRestore: () => machine.finishRestore(),
    digest: () => machine.digest(),
    brokenInvariants: () => machine.brokenInvariants(),
  };
}

function submit(state: ExecutorState, command: ExecutionCommand): void {
  switch (command.kind) {
    case "release":
      state.machine.release(command.throughTicket);
      return;
    case "undo-unreleased":
      undoUnreleased(state);
      return;
    case "execute":
    case "apply-update":
    case "query":
      state.queue.push(command);
      drain(state);
      return;
    default:
      unreachable(command);
  }
}

/** S2c: nothing of what was computed ahead of the log stays, nor comes later. */
function undoUnreleased(state: ExecutorState): void {
  assert(!state.draining, "executor", () => "called back from onCompletion");
  if (state.running !== null) abandon(state, "was taken back, because the replica was sealed");
  state.queue = state.queue.filter((command) => command.kind !== "execute");
  state.machine.undoUnreleased();
  drain(state);
}

function abandon(state: ExecutorState, why: string): void {
  state.running = null;
  state.machine.abandon(why);
  state.options.onProgress?.();
}

/** Only queries can still wait where a replica is quiet; they are short, and what comes now must not pass them. */
function finishQueue(state: ExecutorState): void {
  state.yielded = false;
  drain(state, false);
}

function drain(state: ExecutorState, mayYield = true): void {
  if (state.draining || state.yielded) return;
  state.draining = true;
  try {
    let at = 0;
    while (state.running === null) {
      const command = state.queue[at];
      if (command === undefined) break;
      at += 1;
      // Taken out in one piece at the end: shifting each would cost the length of the queue.
      if (at === state.queue.length) {
        state.queue = [];
        at = 0;
      }
      perform(state, command);
      if (mayYield && state.options.isTimeUp?.() === true) {
        state.yielded = true;
        break;
      }
    }
    if (at > 0) state.queue = state.queue.slice(at);
    // Not where something fatal was thrown: then the process ends, and what it ended at is to be known.
    if (state.running === null) tell(state, null);
  } finally {
    state.draining = false;
    state.current = null;
  }
  if (state.yielded) state.options.onYield?.();
}

function perform(state: ExecutorState, command: QueuedCommand): void {
  const { machine } = state;
  switch (command.kind) {
    case "execute":
      execute(state, command);
      return;
    case "apply-update":
      machine.applyUpdate(command.redo);
      complete(state, { kind: "update-applied", ticket: command.ticket });
      return;
    case "query":
      complete(state, {
        kind: "query-answered",
        ticket: command.ticket,
        reply: machine.query(command.query, command.input, command.nowMs),
      });
      return;
    default:
      unreachable(command);
  }
}

function complete(state: ExecutorState, completion: ExecutionCompletion): void {
  state.workCount += 1;
  state.options.onCompletion(completion);
}

function tell(state: ExecutorState, requestKey: string | null): void {
  if (state.told === requestKey) return;
  state.told = requestKey;
  state.options.onExecuting?.(requestKey);
}

function execute(state: ExecutorState, command: ExecuteCommand): void {
  state.current = command.requestKey;
  tell(state, command.requestKey);
  const outcome = state.machine.execute(command);
  state.current = null;
  if (!(outcome instanceof Promise)) {
    complete(state, { kind: "executed", ticket: command.ticket, reply: outcome.reply, redo: outcome.redo });
    return;
  }
  const running: Running = { command, deadlineMs: null };
  state.running = running;
  outcome.then(
    (late) => finish(state, running, late),
    (error: unknown) => fail(state, running, error),
  );
  state.options.onProgress?.();
}

/** An asynchronous handler came to its end. If it was given up before, nobody waits for it any more. */
function finish(state: ExecutorState, running: Running, outcome: OperationOutcome): void {
  if (state.running !== running) return;
  guard(state, () => {
    state.running = null;
    complete(state, { kind: "executed", ticket: running.command.ticket, reply: outcome.reply, redo: outcome.redo });
    state.options.onProgress?.();
    drain(state);
  });
}

function fail(state: ExecutorState, running: Running, error: unknown): void {
  if (state.running === running) {
    guard(state, () => {
      throw error;
    });
    return;
  }
  state.options.onNote?.(`operation ${running.command.operation} failed after it had been given up: ${textOf(error)}`);
}

/** Outside `submit` and `tick` nobody would catch what is fatal. */
function guard(state: ExecutorState, body: () => void): void {
  try {
    body();
  } catch (error) {
    const fatal = error instanceof Error ? error : new Error(String(error));
    if (state.options.onFatal !== undefined) state.options.onFatal(fatal);
    else
      queueMicrotask(() => {
        throw fatal;
      });
  }
}

function tick(state: ExecutorState, nowMs: number): void {
  const { running } = state;
  if (running === null || running.command.limitMs <= 0) return;
  running.deadlineMs ??= nowMs + running.command.limitMs;
  if (nowMs < running.deadlineMs) return;
  const { ticket, operation, limitMs } = running.command;
  abandon(state, "exceeded its time limit");
  const reply = refusal("handler-timeout", `operation ${operation} took longer than ${limitMs} ms and was rolled back`);
  complete(state, { kind: "executed", ticket, reply, redo: new Uint8Array(0) });
  drain(state);
}

function nextWakeMs({ running }: ExecutorState): number {
  if (running === null || running.command.limitMs <= 0) return Number.POSITIVE_INFINITY;
  return running.deadlineMs ?? 0;
}
