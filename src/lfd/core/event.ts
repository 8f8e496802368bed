import type { ReplicaId } from "../../vocabulary/ids.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import type { Address } from "../../vocabulary/view.js";
import type { LfdTable } from "./table.js";

/** The kernel's own view of a process. `unknown`: there is no /proc (macOS). */
export type KernelState = "running" | "stopped" | "zombie" | "absent" | "unknown";

export interface KernelView {
  readonly state: KernelState;
  /** With the pid it names one process for good; 0 when it cannot be known. */
  readonly startTime: number;
  /** CPU time used so far; it only has to grow when the process works. */
  readonly cpuMs: number;
}

export type LfdEvent =
  | { readonly kind: "listening"; readonly address: Address }
  | { readonly kind: "gfd-connected"; readonly connection: number }
  /** A heartbeat answer of the GFD or an order: whatever a connection brought. `peer` is its hello. */
  | { readonly kind: "message-received"; readonly connection: number; readonly peer: Hello; readonly message: Message }
  | { readonly kind: "connection-closed"; readonly connection: number }
  | { readonly kind: "table-saved"; readonly version: number }
  | { readonly kind: "process-spawned"; readonly replica: ReplicaId; readonly pid: number; readonly startTime: number }
  | { readonly kind: "spawn-failed"; readonly replica: ReplicaId; readonly reason: string }
  /** Of the LFD's own children. `lastWords`: the end of its log, for people. */
  | {
      readonly kind: "process-exited";
      readonly replica: ReplicaId;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly lastWords: string;
      readonly executing?: string | null;
    }
  /** `executing`: what the process has left word of, whether it still answers or not (S6i); absent where that is not known. */
  | {
      readonly kind: "process-observed";
      readonly replica: ReplicaId;
      readonly pid: number;
      readonly view: KernelView;
      readonly executing?: string | null;
    }
  | { readonly kind: "folder-set-aside"; readonly replica: ReplicaId; readonly error: string | null }
  | { readonly kind: "woken" };

/** No effect depends on another one of its list: what must come after a durable write is emitted at `table-saved`. */
export type LfdEffect =
  /** `urgent`: something waits for it. Otherwise it may be put off a little, and a later version stands for it. */
  | { readonly kind: "save-table"; readonly version: number; readonly table: LfdTable; readonly urgent: boolean }
  | { readonly kind: "spawn-server"; readonly replica: ReplicaId; readonly spec: GroupSpec }
  /** Signalled only if the process with this pid still has this start time. */
  | {
      readonly kind: "signal-process";
      readonly replica: ReplicaId;
      readonly pid: number;
      readonly startTime: number;
      readonly signal: "SIGKILL" | "SIGSTOP" | "SIGCONT";
    }
  | { readonly kind: "observe-process"; readonly replica: ReplicaId; readonly pid: number }
  | { readonly kind: "set-aside-folder"; readonly replica: ReplicaId }
  | { readonly kind: "send"; readonly connection: number; readonly message: Message }
  | { readonly kind: "close"; readonly connection: number; readonly reason: string };
