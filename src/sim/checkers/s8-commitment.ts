import { entryAt, epochAt } from "../../server/core/log.js";
import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { Message } from "../../vocabulary/message.js";
import type { RunningServer } from "../running.js";
import { mark, violate } from "../world.js";
import { digestOfEntry, holds, type Ledger } from "./ledger.js";
import { noteCommitted } from "./log-position.js";
import { checkNotRefused } from "./s6-once.js";
import { notePoison } from "./s9-determinism.js";

/** S8, L3, S4c: what anyone counts as committed is the same for all, and was on the disks of w members of an active view when it was. */
export function checkCommitted(ledger: Ledger, server: RunningServer): void {
  const { replica } = server;
  const { log, commitIndex, stance } = replica;
  const from = Math.max(ledger.compared.get(server) ?? 0, log.base.index);
  const known = ledger.committed.length;
  for (let index = from + 1; index <= commitIndex; index++) {
    const entry = entryAt(log, index);
    const digest = digestOfEntry(ledger, entry);
    const committed = ledger.committed[index - 1];
    if (committed === undefined) {
      if (index !== ledger.committed.length + 1) {
        violate(ledger.world, "S8", `${server.process.name} commits ${index}, the group has committed ${ledger.committed.length}`);
        return;
      }
      noteCommitted(ledger, server.process.name, entry, digest);
      ledger.once.add(entry);
      checkNotRefused(ledger, entry);
      if (entry.body.kind === "start") notePoison(ledger, index, entry.body.poison);
    } else if (committed.digest !== digest || !sameEpoch(committed.epoch, entry.epoch)) {
      violate(
        ledger.world,
        "S3",
        `${server.process.name} commits entry ${index} of ${epochText(entry.epoch)}; another of ${epochText(committed.epoch)} was committed there`,
      );
      return;
    }
  }
  ledger.compared.set(server, Math.max(from, commitIndex));
  if (ledger.committed.length === known) return;
  if (stance.kind !== "leading" || stance.phase !== "active") {
    violate(ledger.world, "S4c", `${server.process.name} commits ${ledger.committed.length} and leads nothing that is active`);
    return;
  }
  const epoch = epochAt(log, commitIndex);
  const holders = stance.view.members.filter((member) => epoch !== null && holds(ledger, member.incarnation, commitIndex, epoch));
  if (holders.length < stance.view.quorum)
    violate(
      ledger.world,
      "S8",
      `${server.process.name} commits ${commitIndex}, which is on ${holders.length} disks of ${stance.view.quorum}`,
    );
  if (epoch !== null && !sameEpoch(epoch, stance.view.epoch))
    violate(ledger.world, "L3", `${server.process.name} counts an entry of ${epochText(epoch)} by itself`);
}

/** S8: a client is told only what is committed. */
export function checkReply(ledger: Ledger, server: RunningServer, message: Extract<Message, { kind: "reply" }>): void {
  mark(ledger.world, "reply");
  // Nobody else answers but to a weak read.
  if (server.replica.stance.kind !== "leading") mark(ledger.world, "read-at-backup");
  if (message.index > ledger.committed.length)
    violate(ledger.world, "S8", `${server.process.name} answers at index ${message.index}; ${ledger.committed.length} is committed`);
}
