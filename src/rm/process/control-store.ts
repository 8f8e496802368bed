import type { ControlContent, StoreRecord } from "../core/content.js";

export type SwapOutcome =
  | { readonly kind: "swapped"; readonly revision: number }
  /** Nothing was written: the revision has moved on, or S1c forbids it. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Written or not, that cannot be said (S1d). */
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Where the chain of views lives. An implementation makes `swap` atomic and durable, and calls `refuseSuccession` inside it (S1c).
 * A rejected promise means that the store cannot be used any more: the Replication Manager ends.
 */
export interface ControlStore {
  read(): Promise<StoreRecord>;
  swap(expectedRevision: number, content: ControlContent): Promise<SwapOutcome>;
}
