import { setTimeout as sleep } from "node:timers/promises";

/** A condition looked at again and again until it holds; what it last saw is said when it never does. */
export type Look<T> = () => Promise<{ readonly found: T } | { readonly seen: string }>;

const LOOK_AGAIN_MS = 20;

/** Waits for a condition. Throws with what it last saw when the deadline is reached. */
export async function until<T>(what: string, deadlineMs: number, look: Look<T>): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const outcome = await look();
    if ("found" in outcome) return outcome.found;
    if (performance.now() >= endMs) throw new Error(`Waited ${deadlineMs} ms in vain: ${what}. Last seen: ${outcome.seen}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** The same for a plain yes or no. */
export function untilTrue(what: string, deadlineMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  return until(what, deadlineMs, async () => ((await holds()) ? { found: undefined } : { seen: "no" }));
}

export function pause(ms: number): Promise<void> {
  return sleep(ms);
}
