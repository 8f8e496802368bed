import type { AdminOutcome, StatusImage, TroupeEvent } from "../../vocabulary/admin.js";
import type { BootId, GroupName, HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { Message } from "../../vocabulary/message.js";
import type { Address } from "../../vocabulary/view.js";
import type { ControlContent } from "./content.js";

export type Destination =
  | { readonly kind: "server"; readonly replica: ReplicaId }
  | { readonly kind: "lfd"; readonly host: HostId }
  | { readonly kind: "gfd" };

/** A server that shall be dialled. `bootId` is what the detectors last said; the hello may show a later one. */
export interface ServerTarget {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly bootId: BootId | null;
  readonly address: Address;
}

export interface LfdTarget {
  readonly host: HostId;
  readonly address: Address;
}

/** What happened, before the shell gives it a number and the wall clock's time. */
export type Announcement = Omit<TroupeEvent, "id" | "atMs">;

/** Everything that the core asks of its shell. Sends on a connection that is not open are dropped: the core sends again when it opens. */
export type RmEffect =
  | { readonly kind: "send"; readonly to: Destination; readonly message: Message }
  /** Full lists: links to others are closed, links to changed addresses dialled anew. */
  | { readonly kind: "set-links"; readonly servers: readonly ServerTarget[]; readonly lfds: readonly LfdTarget[] }
  | { readonly kind: "store-read"; readonly ticket: number }
  | { readonly kind: "store-swap"; readonly ticket: number; readonly expectedRevision: number; readonly content: ControlContent }
  | { readonly kind: "announce"; readonly announcement: Announcement }
  /** To every subscriber; the shell keeps the last one for those who come later. */
  | { readonly kind: "publish-status"; readonly status: StatusImage }
  | { readonly kind: "admin-answer"; readonly connection: number; readonly ticket: number; readonly outcome: AdminOutcome }
  /** A step of a view change that test-only failpoints may stop at. */
  | { readonly kind: "reached"; readonly point: "view-written" }
  | { readonly kind: "end"; readonly reason: string };
