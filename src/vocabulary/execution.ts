import type { Reply } from "./session.js";

/**
 * What the replica core asks of the executor, which runs the user's service. Commands are performed one at a time in order; each with
 * a ticket completes once, in order. Tickets of `execute` and `apply-update` only grow; the executor knows no indexes.
 */
export type ExecutionCommand =
  /**
   * Runs an operation's handler. `settled`: the entry is committed (active style), no undo is kept beyond the operation itself.
   * Otherwise (passive primary) an undo record is kept until `release`. `requestKey` names it in pulses (poison).
   * `limitMs`: past it the handler is rolled back and refused with `handler-timeout`; 0 means no limit (active style).
   */
  | {
      readonly kind: "execute";
      readonly ticket: number;
      readonly requestKey: string;
      readonly operation: string;
      readonly input: Uint8Array;
      readonly nowMs: number;
      readonly seed: number;
      readonly settled: boolean;
      readonly limitMs: number;
    }
  | {
      readonly kind: "apply-update";
      readonly ticket: number;
      readonly redo: Uint8Array;
    }
  /** Undo records through this ticket are not needed any more: their entries are committed. */
  | { readonly kind: "release"; readonly throughTicket: number }
  /** S2c: revokes the running handler, drops queued `execute`s and undoes every execution that was not released. No completions for what it drops. */
  | { readonly kind: "undo-unreleased" }
  | {
      readonly kind: "query";
      readonly ticket: number;
      readonly query: string;
      readonly input: Uint8Array;
      readonly nowMs: number;
    };

export type ExecutionCompletion =
  /** `redo` is empty when settled. A refused execution has changed nothing. */
  | {
      readonly kind: "executed";
      readonly ticket: number;
      readonly reply: Reply;
      readonly redo: Uint8Array;
    }
  | { readonly kind: "update-applied"; readonly ticket: number }
  | {
      readonly kind: "query-answered";
      readonly ticket: number;
      readonly reply: Reply;
    };
