/** What a failed request means for the caller (DESIGN section 3). */
export type Outcome = "not-executed" | "refused" | "unknown";

export interface ErrorKind {
  readonly outcome: Outcome;
  readonly httpStatus: number;
  readonly means: string;
  readonly todo: string;
}

/** The one table of errors that a caller may meet; `docs/reference/errors.md` is checked against it. */
export const ERRORS = {
  "bad-request": {
    outcome: "not-executed",
    httpStatus: 400,
    means: "The request itself is malformed.",
    todo: "Correct the request; see docs/reference/http.md.",
  },
  "invalid-input": {
    outcome: "not-executed",
    httpStatus: 400,
    means: "The input does not fit the operation's schema.",
    todo: "Correct the input.",
  },
  "too-large": {
    outcome: "not-executed",
    httpStatus: 400,
    means: "The request is larger than the limit.",
    todo: "Send less at once.",
  },
  // S6b: below the floor nothing is remembered, not even whether there was a request.
  "stale-sequence": {
    outcome: "unknown",
    httpStatus: 400,
    means: "The sequence number is below the session's floor: what became of it is forgotten.",
    todo: "Use a higher number for a new request.",
  },
  "identity-reused": {
    outcome: "not-executed",
    httpStatus: 400,
    means: "This key or number was used before with another operation or input.",
    todo: "Use a fresh key for a new request.",
  },
  "unknown-group": {
    outcome: "not-executed",
    httpStatus: 404,
    means: "There is no such group.",
    todo: "See GET /v1/status for the groups.",
  },
  "unknown-operation": {
    outcome: "not-executed",
    httpStatus: 404,
    means: "The service has no operation or query of this name.",
    todo: "Check the name.",
  },
  overloaded: {
    outcome: "not-executed",
    httpStatus: 429,
    means: "More requests wait than the group takes, or the replies that it remembers take too much memory.",
    todo: "Slow down and try again.",
  },
  "keys-full": {
    outcome: "not-executed",
    httpStatus: 429,
    means: "The table of idempotency keys is full.",
    todo: "Try later, or open a session.",
  },
  unavailable: {
    outcome: "not-executed",
    httpStatus: 503,
    means: "The group does not serve at the moment, and no copy of the request was left without an answer.",
    todo: "Try again.",
  },
  "below-minimum": {
    outcome: "not-executed",
    httpStatus: 503,
    means: "Fewer replicas are up than minimumReplicas asks for.",
    todo: "Wait for recovery, or lower minimumReplicas.",
  },
  refused: {
    outcome: "refused",
    httpStatus: 422,
    means: "The service refused the operation.",
    todo: "See the message.",
  },
  "handler-timeout": {
    outcome: "refused",
    httpStatus: 422,
    means: "The handler exceeded its time limit and was rolled back.",
    todo: "Make the handler faster, or raise handlerTimeoutMs.",
  },
  poison: {
    outcome: "refused",
    httpStatus: 422,
    means: "Two processes died or hung at this request; it is refused for good.",
    todo: "Mend the service; send another request.",
  },
  "session-expired": {
    outcome: "unknown",
    httpStatus: 504,
    means: "The session is not known any more; whether the request was executed cannot be said.",
    todo: "Open a new session; look before you repeat.",
  },
  timeout: {
    outcome: "unknown",
    httpStatus: 504,
    means: "No answer came in time; whether the request was executed is unknown.",
    todo: "Retry with the same key or number.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}
