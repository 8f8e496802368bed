import { epochAt, lastIndex } from "../../server/core/log.js";
import { compareEpochs, EPOCH_ZERO, epochText, laterEpoch, sameEpoch } from "../../vocabulary/epoch.js";
import type { Message } from "../../vocabulary/message.js";
import type { RunningServer } from "../running.js";
import { isAlive, violate } from "../world.js";
import { durableOf, type Ledger } from "./ledger.js";

/** L2: what is acknowledged is on the disk, and the same as with the leader. L4: so is the promise of the leader's epoch. */
export function checkAck(ledger: Ledger, server: RunningServer, ack: Extract<Message, { kind: "append-ack" }>): void {
  const { world } = ledger;
  const { epoch, index } = ack;
  const { baseIndex, epochs } = durableOf(ledger, server.incarnation);
  const name = `${server.process.name} acknowledges ${index} in ${epochText(epoch)}`;
  if (index > baseIndex + epochs.length) return violate(world, "L2", `${name}, its disk ends at ${baseIndex + epochs.length}`);
  // An entry is a promise of its epoch.
  const promised = laterEpoch(ledger.promised.get(server.incarnation) ?? EPOCH_ZERO, epochs.at(-1) ?? EPOCH_ZERO);
  if (compareEpochs(promised, epoch) < 0) violate(world, "L4", `${name}, its disk holds the promise ${epochText(promised)}`);
  const leader = leaderOf(ledger, epoch);
  if (leader === null || index <= baseIndex) return;
  const { log } = leader.replica;
  if (index > lastIndex(log)) return violate(world, "L2", `${name}, the leader's log ends at ${lastIndex(log)}`);
  const [own, its] = [epochs[index - baseIndex - 1], epochAt(log, index)];
  if (own !== undefined && its !== null && !sameEpoch(own, its))
    violate(world, "L2", `${name}, where it has an entry of ${epochText(own)} and the leader one of ${epochText(its)}`);
}

function leaderOf(ledger: Ledger, epoch: Extract<Message, { kind: "append-ack" }>["epoch"]): RunningServer | null {
  for (const server of ledger.running.values()) {
    const { stance } = server.replica;
    if (stance.kind === "leading" && sameEpoch(stance.view.epoch, epoch)) return isAlive(server.process) ? server : null;
  }
  return null;
}
