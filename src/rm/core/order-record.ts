import type { GroupName, HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { ControlMessage } from "../../vocabulary/message.js";

export type OrderPurpose = "start" | "kill" | "stop" | "continue" | "discard";

export interface Order {
  readonly ticket: number;
  readonly host: HostId;
  readonly group: GroupName;
  readonly replica: ReplicaId;
  readonly purpose: OrderPurpose;
  readonly message: ControlMessage;
  /** When a person asked for it, who is told what became of it. */
  readonly askedMs?: number;
}
