import type { Outcome } from "../../vocabulary/error.js";

/**
 * What a failed call throws. `code` is one of docs/reference/errors.md or, with outcome `refused`, the service's own.
 * `outcome` says what is known of the request: `not-executed`, `refused` (the service said no, and nothing has changed) or `unknown`.
 */
export class TroupeError extends Error {
  override readonly name = "TroupeError";
  readonly code: string;
  readonly outcome: Outcome;
  /** What the service added to its refusal. */
  readonly details: unknown;

  constructor(code: string, outcome: Outcome, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.outcome = outcome;
    this.details = details;
  }
}
