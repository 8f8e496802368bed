import { isStateRefusal } from "../../service/journal/refusal.js";

/** What tells of errors that nobody caught: the process. */
export interface Uncaught {
  on(event: "uncaughtException", listener: (error: unknown) => void): unknown;
}

/**
 * A handler's timers, and promises that nobody awaits, run when its operation has ended: their use of the state throws and touches nothing
 * (PROTOCOL section 6). That is no reason to end the replica: in style active all of them would end, and again at the same entry after each
 * restart. What else nobody caught ends the process, as it would by itself.
 */
export function noteLateUses(uncaught: Uncaught, note: (text: string) => void, end: (reason: string) => void): void {
  uncaught.on("uncaughtException", (error) => {
    if (isStateRefusal(error) && error.code === "state-dead-handle")
      note(`A timer of a handler, or a promise that it does not await, uses the state too late: ${error.stack ?? error.message}`);
    else end(`nobody caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  });
}
