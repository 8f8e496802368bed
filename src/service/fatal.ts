/**
 * PROTOCOL section 6: in active style exhausted stack or memory ends the process and is never a reply, since other replicas may have had
 * more of it and gone on.
 */
export class FatalExecution extends Error {
  override readonly name = "FatalExecution";
}

const EXHAUSTED = /call stack|allocation failed|out of memory/i;

export function isExhaustion(error: unknown): boolean {
  try {
    return error instanceof RangeError && EXHAUSTED.test(error.message);
  } catch {
    // The handler's own, which cannot be read: the engine's errors can.
    return false;
  }
}
