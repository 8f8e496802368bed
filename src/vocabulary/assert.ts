/** Raised when a rule of the system itself is broken: a bug, never a bad input. The process that meets one ends. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** `rule` is the id from PROTOCOL.md (`S2a`, `L1`) or a short name of the broken expectation. Always on, in production too. */
export function assert(condition: boolean, rule: string, detail?: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(`${rule} violated${detail ? `: ${detail()}` : ""}`);
}

/** Closes an exhaustive `switch`: a new variant that is not handled does not compile. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unhandled variant: ${JSON.stringify(value)}`);
}
