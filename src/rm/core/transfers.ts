/** What people hear of a large state on its way to a learner: its beginning, each quarter, its end. Small ones are there before anybody looks. */
import type { ReplicaId } from "../../vocabulary/ids.js";
import type { View } from "../../vocabulary/view.js";
import { announce } from "./announce.js";
import type { RmEffect } from "./effect.js";
import { figuresOf } from "./observation.js";
import type { GroupState, Rm } from "./state.js";

const WORTH_TELLING_BYTES = 16 * 1024 * 1024;
const PARTS = 4;

export function tellTransfers(rm: Rm, group: GroupState, view: View, effects: RmEffect[]): void {
  const sight = rm.sights.get(view.leader);
  const learners = (sight === undefined ? null : figuresOf(sight))?.learners ?? [];
  const under = new Set<ReplicaId>();
  for (const { replica, transferredBytes, transferSizeBytes: sizeBytes } of learners) {
    if (sizeBytes < WORTH_TELLING_BYTES) continue;
    under.add(replica);
    const parts = Math.floor((PARTS * transferredBytes) / sizeBytes);
    const said = group.transfersSaid.get(replica);
    // Another size is another snapshot; fewer bytes of the same are a transfer that had to begin anew.
    if (said !== undefined && said.sizeBytes === sizeBytes && said.parts === parts) continue;
    group.transfersSaid.set(replica, { sizeBytes, parts });
    announce(effects, "transfer", `${replica} has ${(100 * parts) / PARTS} % of the group's state of ${sizeBytes} bytes`, {
      group: group.group,
      replica,
      data: { transferredBytes, sizeBytes },
    });
  }
  for (const replica of group.transfersSaid.keys()) if (!under.has(replica)) group.transfersSaid.delete(replica);
}
