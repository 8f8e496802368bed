import type { AddressBook, Consistency, RequestIdentity, SessionId, View } from "./words.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { ReplicaId } from "../../vocabulary/ids.js";

/** Everything that can happen to a client. `call` is the shell's number for what it asked, new for each; times are monotonic milliseconds. */
export type ClientEvent =
  /**
   * An operation. `identity` null: in the client's own session. `patienceMs`: how long a passing refusal (`unavailable`,
   * `below-minimum`) is retried before it is reported; it never outlasts the deadline.
   */
  | {
      readonly kind: "operation";
      readonly call: number;
      readonly identity: RequestIdentity | null;
      readonly operation: string;
      readonly input: Uint8Array;
      readonly deadlineMs: number;
      readonly patienceMs: number;
    }
  | {
      readonly kind: "query";
      readonly call: number;
      readonly query: string;
      readonly input: Uint8Array;
      readonly consistency: Consistency;
      readonly deadlineMs: number;
    }
  /** A session for somebody else (an HTTP caller). The own one opens by itself. */
  | { readonly kind: "open-session"; readonly call: number; readonly nonce: string; readonly deadlineMs: number }
  | { readonly kind: "connection-opened"; readonly connection: number; readonly replica: ReplicaId }
  | { readonly kind: "connection-closed"; readonly connection: number }
  | { readonly kind: "message"; readonly connection: number; readonly message: ClientMessage }
  | { readonly kind: "discovered"; readonly view: View | null; readonly book: AddressBook }
  /** The group is not where it was looked for. `reason`, for callers: half a sentence. */
  | { readonly kind: "not-discovered"; readonly reason: string }
  /** The session file holds every request of `session` through `throughSequence` durably (S6f). */
  | { readonly kind: "saved"; readonly session: SessionId; readonly throughSequence: number }
  /** What `save-settled` asked for this call is done. What is written from now on is behind it in the file. */
  | { readonly kind: "settled-saved"; readonly call: number }
  /** No new work; what is open ends. */
  | { readonly kind: "closing"; readonly reason: string }
  | { readonly kind: "woken" };
