import { isMarked, mark } from "../vocabulary/mark.js";

const MARK = "service-refusal";

/** The service's own "no": thrown by `refuse`. The operation changes nothing, and the caller gets code, message and details. */
export class ServiceRefusal extends Error {
  override readonly name = "ServiceRefusal";
  readonly code: string;
  readonly details: unknown;

  constructor(code: string, message: string, details?: unknown) {
    super(message);
    mark(this, MARK);
    this.code = code;
    this.details = details;
  }
}

/** Also of one that another copy of this class has made. */
export function isServiceRefusal(error: unknown): error is ServiceRefusal {
  return isMarked(error, MARK);
}

/**
 * Refuses the operation: the state stays as it was, and the caller gets an error with this code (for programs), message (for people) and
 * details (plain data). Recorded like any result: a retry gets the same answer.
 */
export function refuse(code: string, message: string, details?: unknown): never {
  throw new ServiceRefusal(code, message, details);
}
