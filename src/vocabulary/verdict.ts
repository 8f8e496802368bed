/** A detector's opinion (PROTOCOL section 8). Only `gone` is certain; `suspected` may be wrong and never kills by itself. */
export type Verdict = "alive" | "suspected" | "degraded" | "gone";

/** Proof that the service, and not only its process, makes progress (DESIGN section 7). Sent with every heartbeat answer. */
export interface Pulse {
  /** Counts steps of the loop that does the work. */
  readonly workCount: number;
  readonly eventLoopDelayMs: number;
  readonly heapBytes: number;
  /** Age of the oldest write or fsync that has not finished; 0 when none is under way. */
  readonly oldestFsyncMs: number;
  /** Work waits but none was finished since this long; 0 when nothing waits. */
  readonly stuckMs: number;
  /** `identityKey` of the request that is being executed, or null (S6i, poison). */
  readonly executing: string | null;
}
