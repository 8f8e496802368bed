import type { Replica } from "../server/core/state.js";
import type { Executor } from "../service/executor.js";
import type { AdminCommand } from "../vocabulary/admin.js";
import type { Incarnation } from "../vocabulary/ids.js";
import type { SimDisk } from "./disk-state.js";
import type { SimProcess } from "./world.js";

/** What an observer may look at of a server that runs. */
export interface RunningServer {
  readonly process: SimProcess;
  readonly replica: Replica;
  readonly executor: Executor;
  readonly incarnation: Incarnation;
  readonly disk: SimDisk;
}

export interface RunningRm {
  administer(command: AdminCommand): void;
  /** The term in which it believes to rule. */
  term(): number;
}
