import type { ReplicaEffect } from "../server/core/effect.js";
import type { StoreResult } from "../storage/store-command.js";
import type { Entry } from "../vocabulary/entry.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { BootId, Incarnation, ReplicaId } from "../vocabulary/ids.js";
import type { Message } from "../vocabulary/message.js";
import type { RequestIdentity } from "../vocabulary/session.js";
import type { SimDisk } from "./disk-state.js";
import type { RunningServer } from "./running.js";

/** What the checkers are told of servers, by the shells that run them. */
export interface Observer {
  onStart(server: RunningServer): void;
  onEnd(server: RunningServer): void;
  /** After a turn of its core, before the effects are performed. */
  onTurn(server: RunningServer, effects: readonly ReplicaEffect[]): void;
  /** After the effects: executor and core are at one. */
  onPerformed(server: RunningServer): void;
  /** A message has come to it; its next turn takes it. */
  onHeard(server: RunningServer, connection: number, message: Message): void;
  onPersist(server: RunningServer, ticket: number, truncateAfter: number | null, entries: readonly Entry[]): void;
  onPersisted(server: RunningServer, ticket: number): void;
  /** Its promise is durable. */
  onPromised(server: RunningServer, promise: Epoch): void;
  /** Its core says that a peer does not keep to the protocol. */
  onClose(server: RunningServer, reason: string): void;
  /** The RM believes that this process has ended for certain. */
  onGone(bootId: BootId): void;
  /** A caller is told for certain that its request was not executed; copies of it were sent under this identity. */
  onRefused(client: string, identity: RequestIdentity): void;
  /** An RM has counted, or left out, what a server answered to its Seal: the server that it is connected with has sent it. */
  onSealAnswered(answer: Extract<Message, { kind: "sealed" }>): void;
  /** The RM of this boot has chosen a leader for an epoch; told again after each of its turns until the change is over. */
  onChosen(by: BootId, epoch: Epoch): void;
  /** The RM of this boot orders a server to do something. */
  onOrder(by: BootId, order: Message): void;
  onInstalled(server: RunningServer, index: number): void;
  onRecovered(place: string, recovered: Extract<StoreResult, { kind: "recovered" }>, disk: SimDisk): void;
  /** A store finds itself damaged, and nothing of its disk was ever flipped, lost or cut. */
  onUncausedDamage(place: string, what: string): void;
  /** A fault detector is about to set the data of a replica aside, as it was ordered to. */
  onDiscarded(replica: ReplicaId, incarnation: Incarnation | null): void;
  /** The data of an incarnation was given up, by its own process. */
  onSetAside(incarnation: Incarnation | null): void;
}
