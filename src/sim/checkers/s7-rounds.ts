import { sameEpoch } from "../../vocabulary/epoch.js";
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
  const known = ledger.confirmed.get(server.incarnation);
  if (known === undefined || !sameEpoch(known.epoch, epoch) || known.round < round)
    ledger.confirmed.set(server.incarnation, { epoch, round });
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
    const confirmed = ledger.confirmed.get(incarnation);
    return confirmed !== undefined && sameEpoch(confirmed.epoch, epoch) && (rounds?.beganMs[confirmed.round] ?? 0) >= atMs;
  });
  if (witnesses.length < quorum)
    violate(ledger.world, "S7", `${name}: ${witnesses.length} of ${quorum} have confirmed a round that began after that`);
}
