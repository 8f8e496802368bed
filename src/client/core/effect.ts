import type { Epoch } from "../../vocabulary/epoch.js";
import type { ErrorCode, Outcome } from "../../vocabulary/error.js";
import type { ReplicaId, SessionId } from "../../vocabulary/ids.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { Reply } from "../../vocabulary/session.js";
import type { Address, View } from "../../vocabulary/view.js";

/** How a call ended. */
export type CallOutcome =
  | { readonly kind: "answered"; readonly reply: Reply; readonly index: number; readonly epoch: Epoch }
  | { readonly kind: "session-opened"; readonly session: SessionId }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly outcome: Outcome; readonly message: string };

export interface LinkTarget {
  readonly replica: ReplicaId;
  readonly address: Address;
}

/** What the shell does for the core. No effect depends on another: a write comes back as `saved` or `settled-saved`. */
export type ClientEffect =
  | { readonly kind: "send"; readonly connection: number; readonly message: ClientMessage }
  /** The replicas to keep a connection to; others are closed. The whole list each time. */
  | { readonly kind: "links"; readonly targets: readonly LinkTarget[] }
  /** Nobody that is connected leads: ask again where the group is. */
  | { readonly kind: "discover" }
  | { readonly kind: "settle"; readonly call: number; readonly outcome: CallOutcome }
  /** A request of an earlier life of this client has ended (S6f). */
  | {
      readonly kind: "recovered";
      readonly sequence: number;
      readonly operation: string;
      readonly input: Uint8Array;
      readonly outcome: CallOutcome;
    }
  | { readonly kind: "view"; readonly view: View }
  // --- the session file, in this order
  | { readonly kind: "save-session"; readonly session: SessionId }
  | {
      readonly kind: "save-request";
      readonly session: SessionId;
      readonly sequence: number;
      readonly operation: string;
      readonly input: Uint8Array;
    }
  /**
   * That the request has ended. Written in a later turn of the event loop than what was told before it: a program that is killed in between
   * hears of the request in its next life. Comes back as `settled-saved`: `durably`, once it is on the disk; else once it stands in line.
   */
  | {
      readonly kind: "save-settled";
      readonly call: number;
      readonly session: SessionId;
      readonly sequence: number;
      readonly durably: boolean;
    };
