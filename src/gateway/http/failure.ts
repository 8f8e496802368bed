import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { TroupeError } from "../../client/process/troupe-error.js";
import { ERRORS, type ErrorCode, isErrorCode, type Outcome } from "../../vocabulary/error.js";

/** A failure that ends the request; the app turns it into its answer. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  readonly code: string;
  readonly outcome: Outcome;
  readonly status: ContentfulStatusCode;
  readonly details: unknown;

  constructor(code: string, outcome: Outcome, status: number, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.outcome = outcome;
    this.status = status as ContentfulStatusCode;
    this.details = details;
  }
}

export function failure(code: ErrorCode, message: string): HttpFailure {
  return new HttpFailure(code, ERRORS[code].outcome, ERRORS[code].httpStatus, message);
}

/** A code of ours has the status of its row; anything else is the service's own refusal. */
export function failureOf(error: TroupeError): HttpFailure {
  const row = isErrorCode(error.code) && ERRORS[error.code].outcome === error.outcome ? ERRORS[error.code] : null;
  const status = row?.httpStatus ?? (error.outcome === "refused" ? 422 : error.outcome === "unknown" ? 504 : 503);
  return new HttpFailure(error.code, error.outcome, status, error.message, error.details);
}

/** `{"error": {"code", "message", "outcome"}}`, and what the service added as `details`. */
export function answerFailure(c: Context, error: HttpFailure): Response {
  const { code, message, outcome, details } = error;
  if (error.status === 429 || error.status === 503) c.header("retry-after", "1");
  return c.json({ error: { code, message, outcome, ...(details === undefined ? {} : { details }) } }, error.status);
}
