import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { RunningServer } from "../running.js";
import { violate } from "../world.js";
import type { Ledger } from "./ledger.js";

/** S4: only the leader of a view that was written is active, and one process an epoch. */
export function checkActive(ledger: Ledger, server: RunningServer): void {
  const { stance, config } = server.replica;
  if (stance.kind !== "leading" || stance.phase !== "active") return;
  const name = epochText(stance.view.epoch);
  const known = ledger.leaders.get(name);
  if (known === config.bootId) return;
  if (known !== undefined) violate(ledger.world, "S4d", `two processes lead in epoch ${name}, the second is ${server.process.name}`);
  ledger.leaders.set(name, config.bootId);
  const written = ledger.views.find((view) => sameEpoch(view.epoch, stance.view.epoch));
  if (written === undefined) violate(ledger.world, "S4b", `${server.process.name} is active in ${name}, which was never written`);
  else if (written.leader !== config.replica)
    violate(ledger.world, "S4b", `${server.process.name} is active in ${name}, led by ${written.leader}`);
}
