import type { AdminCommand } from "../../vocabulary/admin.js";
import type { BootId, GroupName, HostId, Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import type { Message } from "../../vocabulary/message.js";
import type { StoreRecord } from "./content.js";

/** Who is at the other end of a connection, as its hello said. `pid` is known from the address file, 0 otherwise. */
export type RmPeer =
  | {
      readonly kind: "server";
      readonly group: GroupName;
      readonly replica: ReplicaId;
      readonly incarnation: Incarnation;
      readonly bootId: BootId;
    }
  | { readonly kind: "lfd"; readonly host: HostId; readonly bootId: BootId }
  | { readonly kind: "gfd"; readonly bootId: BootId; readonly pid: number }
  | { readonly kind: "gateway"; readonly connection: number; readonly pid: number };

/** Everything that the Replication Manager's core learns. */
export type RmEvent =
  /** The first event: take a term, then read (S1a). */
  | { readonly kind: "start" }
  | { readonly kind: "wake" }
  | { readonly kind: "store-read"; readonly ticket: number; readonly record: StoreRecord }
  | { readonly kind: "store-swapped"; readonly ticket: number; readonly revision: number }
  /** Refused by the store: the revision has moved on, or S1c. Nothing was written. */
  | { readonly kind: "store-refused"; readonly ticket: number; readonly reason: string }
  /** Whether it was written cannot be said (S1d). An embedded store ends the process instead. */
  | { readonly kind: "store-unknown"; readonly ticket: number; readonly reason: string }
  | { readonly kind: "opened"; readonly peer: RmPeer }
  | { readonly kind: "closed"; readonly peer: RmPeer }
  | { readonly kind: "received"; readonly peer: RmPeer; readonly message: Message }
  /** A command that did not come by a connection (command line of the same process, tests); answered by `admin-answer`. */
  | { readonly kind: "admin"; readonly ticket: number; readonly connection: number; readonly command: AdminCommand };
