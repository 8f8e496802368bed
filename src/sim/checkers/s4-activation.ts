import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { View } from "../../vocabulary/view.js";
import type { RunningServer } from "../running.js";
import { violate } from "../world.js";
import { type Ledger, wholeText } from "./ledger.js";

/** S4: only the leader of a view that was written is active, in that very view, and one process an epoch. */
export function checkActive(ledger: Ledger, server: RunningServer): void {
  const { stance, config } = server.replica;
  if (stance.kind !== "leading" || stance.phase !== "active") return;
  const name = epochText(stance.view.epoch);
  const known = ledger.leaders.get(name);
  if (known?.bootId === config.bootId) return;
  if (known !== undefined) violate(ledger.world, "S4d", `two processes lead in epoch ${name}, the second is ${server.process.name}`);
  ledger.leaders.set(name, { bootId: config.bootId, atMs: ledger.world.nowMs });
  const written = ledger.views.find((view) => sameEpoch(view.epoch, stance.view.epoch));
  if (written === undefined) violate(ledger.world, "S4b", `${server.process.name} is active in ${name}, which was never written`);
  else if (wholeText(written) !== wholeText(stance.view) || written.leader !== config.replica)
    violate(
      ledger.world,
      "S4b",
      `${server.process.name} is active in ${name} as ${wholeText(stance.view)}; written is ${wholeText(written)}`,
    );
}

/** S4b: a start entry names the view that was written for its epoch. Where none was, the attempt failed, and a later leader had the entry. */
export function checkStart({ world, views }: Ledger, view: View): void {
  const written = views.findLast(({ epoch }) => sameEpoch(epoch, view.epoch));
  if (written !== undefined && wholeText(written) !== wholeText(view))
    violate(world, "S4b", `the start entry of ${epochText(view.epoch)} names ${wholeText(view)}; written is ${wholeText(written)}`);
}
