import type { ExecutionCommand, ExecutionCompletion } from "../vocabulary/execution.js";
import type { SnapshotCapture, StateMachine } from "./state-machine.js";

export interface ExecutorOptions {
  /** Called once for each ticket, in order; for synchronous work from inside `submit`, else from a microtask. Must not call the executor back. */
  onCompletion(completion: ExecutionCompletion): void;
  /** An asynchronous handler began or ended: `nextWakeMs` and `executing` may answer otherwise than before. */
  onProgress?(): void;
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
  /** The state as it is now, in slices. Only when idle with nothing unreleased (asserted); one at a time, closed by the caller. */
  capture(): SnapshotCapture;
  beginRestore(): void;
  restoreSlice(slice: Uint8Array): void;
  finishRestore(): void;
  /** Checksum of the whole state, iteration order included. Reads all of it. */
  digest(): number;
  /** Names of the service's invariants that do not hold now: for tests and the simulator. */
  brokenInvariants(): readonly string[];
}

export function createExecutor(_machine: StateMachine, _options: ExecutorOptions): Executor {
  throw new Error("being written");
}
