import type { Epoch } from "./epoch.js";
import type { SessionId } from "./ids.js";
import type { Reply, RequestIdentity } from "./session.js";
import type { View } from "./view.js";

/** A record of the log. Indexes are 1-based; 0 is before the first. The encoded form names its group and carries a checksum (L5). */
export interface Entry {
  readonly index: number;
  readonly epoch: Epoch;
  /** The session age counter when the leader made the entry: monotonic time while a view was active (S6e). Never decreases along a log. */
  readonly ageMs: number;
  readonly body: EntryBody;
}

export type EntryBody =
  /** The first entry of an epoch. `poison`: requests that are applied as refused (S6i). */
  | {
      readonly kind: "start";
      readonly view: View;
      readonly poison: readonly RequestIdentity[];
    }
  /** Active style: what every replica executes. `seed` feeds random numbers and ids, `nowMs` the wall clock (S9). */
  | {
      readonly kind: "request";
      readonly identity: RequestIdentity;
      readonly digest: number;
      readonly operation: string;
      readonly input: Uint8Array;
      readonly nowMs: number;
      readonly seed: number;
    }
  /** Passive style: what the primary's execution changed, and its reply. */
  | {
      readonly kind: "update";
      readonly identity: RequestIdentity;
      readonly digest: number;
      readonly reply: Reply;
      readonly redo: Uint8Array;
    }
  | { readonly kind: "session-opened"; readonly nonce: string }
  | { readonly kind: "session-resumed"; readonly session: SessionId }
  | {
      readonly kind: "sessions-renewed";
      readonly sessions: readonly SessionId[];
    }
  | {
      readonly kind: "sessions-expired";
      readonly sessions: readonly SessionId[];
    }
  /** Keys whose `atAgeMs` is below this are forgotten (S6g). */
  | { readonly kind: "keys-expired"; readonly belowAgeMs: number };

/** Where a log ends: epoch first, then index (S3d). */
export interface LogPosition {
  readonly epoch: Epoch;
  readonly index: number;
}
