import { nextTick } from "node:process";

/**
 * Resolves when every promise has settled that can without the event loop: Node runs what nextTick was given only when the queue of
 * microtasks is empty, and nothing else comes between. A timer, a file or a socket is never waited for, so what happens is the same each time.
 */
export async function drained(): Promise<void> {
  await null;
  await new Promise<void>((resolve) => nextTick(resolve));
}
