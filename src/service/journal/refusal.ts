import { isMarked, mark } from "../../vocabulary/mark.js";

const MARK = "state-refusal";

/** Why the state does not take a value or an access: part of the service author's contract, listed in docs/guide/services.md. */
export type StateRefusalCode =
  | "state-alias"
  | "state-class-instance"
  | "state-function"
  | "state-symbol"
  | "state-key"
  | "state-proto-key"
  | "state-surrogate"
  | "state-sparse"
  | "state-date"
  | "state-too-deep"
  | "state-array-property"
  | "state-copy"
  | "state-fixed"
  | "state-read-only"
  | "state-dead-handle";

/** Thrown into the handler that broke a rule of the state; uncaught, it refuses the operation under its code. */
export class StateRefusal extends Error {
  override readonly name = "StateRefusal";
  readonly code: StateRefusalCode;
  /** Where, seen from the state: `state.accounts.get("a").owner`. */
  readonly path: string;

  constructor(code: StateRefusalCode, path: string, message: string) {
    super(`${path}: ${message}`);
    mark(this, MARK);
    this.code = code;
    this.path = path;
  }
}

/** Also of one that another copy of this class has made. */
export function isStateRefusal(error: unknown): error is StateRefusal {
  return isMarked(error, MARK);
}
