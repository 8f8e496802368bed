import { type Epoch, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { Incarnation } from "../../vocabulary/ids.js";
import type { Message } from "../../vocabulary/message.js";
import type { RunningServer } from "../running.js";
import { violate } from "../world.js";
import type { Ledger, Question } from "./ledger.js";

/** S7: a round begins when its leader first asks for it. */
export function noteConfirm(ledger: Ledger, server: RunningServer, { epoch, round }: Extract<Message, { kind: "confirm" }>): void {
  const known = ledger.rounds.get(server);
  const rounds = known !== undefined && sameEpoch(known.epoch, epoch) ? known : { epoch, beganMs: [] };
  rounds.beganMs[round] ??= ledger.world.nowMs;
  ledger.rounds.set(server, rounds);
}

export function noteConfirmed(ledger: Ledger, server: RunningServer, { epoch, round }: Extract<Message, { kind: "confirmed" }>): void {
  const name = confirmationOf(server.incarnation, epoch);
  ledger.confirmed.set(name, Math.max(round, ledger.confirmed.get(name) ?? 0));
}

/** A leader that was stopped hears of its round when others have confirmed rounds of later epochs. */
function confirmationOf(incarnation: Incarnation, epoch: Epoch): string {
  return `${incarnation} ${epochText(epoch)}`;
}

/** S7: a read that a leader answers was confirmed by w members, in a round begun after it came. */
export function checkReadAnswered(ledger: Ledger, server: RunningServer, { message, atMs }: Question): void {
  const { stance, config } = server.replica;
  if (message.kind !== "query" || message.consistency !== "linearizable") return;
  const name = `${server.process.name} answers a read that came at ${atMs.toFixed(3)}`;
  if (stance.kind !== "leading") return violate(ledger.world, "S7", `${name} and leads nothing`);
  const { epoch, members, quorum } = stance.view;
  const rounds = ledger.rounds.get(server);
  const witnesses = members.filter(({ replica, incarnation }) => {
    if (replica === config.replica) return true;
    const confirmed = ledger.confirmed.get(confirmationOf(incarnation, epoch));
    return confirmed !== undefined && (rounds?.beganMs[confirmed] ?? 0) >= atMs;
  });
  if (witnesses.length < quorum)
    violate(ledger.world, "S7", `${name}: ${witnesses.length} of ${quorum} have confirmed a round that began after that`);
}
