import type { GroupClient } from "../../client/process/group-client.js";
import type { AdminCommand, AdminOutcome, StatusImage, TroupeEvent } from "../../vocabulary/admin.js";
import type { ClusterId } from "../../vocabulary/ids.js";
import type { AddressBook, View } from "../../vocabulary/view.js";

/** A group as the gateway knows it. `operations` and `queries` are null when its service's names are not known. */
export interface GroupAccess {
  readonly client: Pick<GroupClient, "operate" | "query" | "openSession">;
  readonly operations: ReadonlySet<string> | null;
  readonly queries: ReadonlySet<string> | null;
  /** What is known of where it is. */
  members(): { readonly view: View | null; readonly book: AddressBook };
}

export interface StatusView {
  /** Null before the first word of a Replication Manager. */
  readonly image: StatusImage | null;
  /** The Replication Manager is not there at the moment: `image` is its last word. */
  readonly stale: boolean;
}

/** What is known of a change that was asked for. `unknown`: it was sent, and no answer came. */
export type AdminAnswer = AdminOutcome | { readonly kind: "unknown"; readonly message: string };

/** Everything that the HTTP side stands on; a stand-in of it is enough for its tests. */
export interface Backend {
  readonly clusterId: ClusterId;
  readonly requestTimeoutMs: number;
  readonly keyExpiryMs: number;
  group(name: string): GroupAccess | null;
  status(): StatusView;
  /** Never throws: a Replication Manager that is away is a rejection with 503. */
  administer(command: AdminCommand): Promise<AdminAnswer>;
  /** Events after an id that are still held, oldest first. */
  eventsAfter(id: number): readonly TroupeEvent[];
  /** New events, as they come together; returns a function that stops it. */
  onEvents(listener: (events: readonly TroupeEvent[]) => void): () => void;
}
