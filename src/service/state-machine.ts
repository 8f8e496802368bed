import type { Reply } from "../vocabulary/session.js";
import type { Style } from "../vocabulary/style.js";

/** One operation as it is given to a state machine. `nowMs` (wall clock) and `seed` come from the log: equal on every replica. */
export interface OperationCall {
  /** Grows from call to call; names the undo record. */
  readonly ticket: number;
  /** Unique for each request and equal on every replica: feeds random numbers and ids beside the seed. */
  readonly requestKey: string;
  readonly operation: string;
  readonly input: Uint8Array;
  readonly nowMs: number;
  readonly seed: number;
  /** Committed already (active style): no undo is kept beyond the call itself, no redo is made, the handler has to be deterministic. */
  readonly settled: boolean;
}

/** What an operation came to. A refused one has changed nothing, and its redo is empty; so is the redo of a settled one. */
export interface OperationOutcome {
  readonly reply: Reply;
  readonly redo: Uint8Array;
}

/** The state as of the moment of capture, in slices that are made when asked for, while operations go on. */
export interface SnapshotCapture {
  /** The next slice (at most LIMITS.snapshotSliceBytes), or null after the last. `room` is memory that it may be made in, the caller's again at the next call. */
  next(room?: Uint8Array): Uint8Array | null;
  /** Ends the capture, finished or not; from then on writes cost nothing extra. Idempotent. */
  close(): void;
}

/**
 * A service as replication sees it: bytes in, bytes out. Implement it to bring your own state; `serviceMachine` makes one of a
 * `defineService`. One call at a time; `execute` may be asynchronous unless the call is settled. No method may touch a clock or a
 * random source when the call is settled (S9). A throw of any method but a handler's own is fatal to the replica.
 */
export interface StateMachine {
  readonly name: string;
  readonly styles: readonly Style[];
  execute(call: OperationCall): OperationOutcome | Promise<OperationOutcome>;
  /** Rolls the running asynchronous `execute` back at once and cuts its handler off from the state; its promise is ignored from here on. `why` completes "an operation that ...". */
  abandon(why: string): void;
  /** S2c: takes back every execution that was not settled and not released, newest first. The state is as before, iteration order included. */
  undoUnreleased(): void;
  /** Undo records through this ticket are dropped. */
  release(throughTicket: number): void;
  /** True while executions can still be taken back. */
  hasUnreleased(): boolean;
  /** Brings the state to where the primary's execution left it. */
  applyUpdate(redo: Uint8Array): void;
  query(query: string, input: Uint8Array, nowMs: number): Reply;
  /** Only between operations and with nothing unreleased. One capture at a time. */
  capture(): SnapshotCapture;
  /** Lets go of the state: it is the first one again, as in a machine that was just made. Only between operations and with nothing unreleased. */
  reset(): void;
  /** Throws the state away and makes ready for slices; `finishRestore` puts the restored state in place. */
  beginRestore(): void;
  restoreSlice(slice: Uint8Array): void;
  finishRestore(): void;
  /** Checksum of the state, iteration order included: equal on replicas that are equal. Reads all of it. */
  digest(): number;
  /** Names of the service's invariants that do not hold now. */
  brokenInvariants(): readonly string[];
}
