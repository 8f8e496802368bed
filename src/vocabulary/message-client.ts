import type { Epoch } from "./epoch.js";
import type { ErrorCode } from "./error.js";
import type { SessionId } from "./ids.js";
import type { Reply, RequestIdentity } from "./session.js";
import type { AddressBook, View } from "./view.js";

/** In this order, which is that of their numbers on the wire. */
export const CONSISTENCIES = ["linearizable", "session", "any"] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** Tickets are the client's, new for each copy that it sends on a connection; the answer repeats it. */
export type ClientMessage =
  | {
      readonly kind: "request";
      readonly ticket: number;
      readonly identity: RequestIdentity;
      readonly operation: string;
      readonly input: Uint8Array;
    }
  /** `atLeastIndex`: for `session` reads, the highest index the client has seen. */
  | {
      readonly kind: "query";
      readonly ticket: number;
      readonly query: string;
      readonly input: Uint8Array;
      readonly consistency: Consistency;
      readonly atLeastIndex: number;
    }
  | {
      readonly kind: "open-session";
      readonly ticket: number;
      readonly nonce: string;
    }
  | {
      readonly kind: "resume-session";
      readonly ticket: number;
      readonly session: SessionId;
    }
  /** `index` 0: take a snapshot of what is committed now, then send its first bytes. Else: bytes of the snapshot at `index`, from `offsetBytes` on. */
  | {
      readonly kind: "read-backup";
      readonly ticket: number;
      readonly index: number;
      readonly offsetBytes: number;
    }
  /** Bytes of a snapshot file, and what the file is known by. `view`: the last active one that the server knows. */
  | {
      readonly kind: "backup-slice";
      readonly ticket: number;
      readonly index: number;
      readonly epoch: Epoch;
      readonly sizeBytes: number;
      readonly checksum: number;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
      readonly view: View;
    }
  | {
      readonly kind: "reply";
      readonly ticket: number;
      readonly index: number;
      readonly epoch: Epoch;
      readonly reply: Reply;
    }
  | {
      readonly kind: "session-opened";
      readonly ticket: number;
      readonly session: SessionId;
    }
  /** `index`: of the resumption's own entry. Whatever the session's earlier lives were told is at or below it. */
  | {
      readonly kind: "session-resumed";
      readonly ticket: number;
      readonly index: number;
      readonly session: SessionId;
      readonly resumption: number;
      readonly highestSequence: number;
      readonly replies: readonly (readonly [sequence: number, index: number, reply: Reply])[];
    }
  /** A definite or unknown outcome (S6h); `not-executed` codes only as PROTOCOL 5(h) allows. */
  | {
      readonly kind: "request-failed";
      readonly ticket: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** Says nothing about the outcome: ask the leader, or ask again once there is one. */
  | { readonly kind: "redirect"; readonly ticket: number }
  /** Pushed on connection and at every change: what this member knows. `view` is active. `serving`: this member leads it and admits. */
  | {
      readonly kind: "members";
      readonly view: View | null;
      readonly book: AddressBook;
      readonly serving: boolean;
    };
