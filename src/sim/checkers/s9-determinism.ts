import { fifoSize } from "../../server/core/fifo.js";
import { isInstalling } from "../../server/core/receiver.js";
import { isPoisonReply } from "../../server/core/poison.js";
import { findByKey } from "../../server/core/session-table.js";
import type { Replica } from "../../server/core/state.js";
import { identityKey, parseIdentityKey, type RequestIdentity } from "../../vocabulary/session.js";
import type { RunningServer } from "../running.js";
import { mark, violate } from "../world.js";
import type { Ledger } from "./ledger.js";
import { digestOfTable } from "./table-digest.js";

/** S9, S6b: replicas at the same index have the same state and the same session table. Only while nothing is half done. */
export function checkState(ledger: Ledger, server: RunningServer): boolean {
  const { replica, executor } = server;
  const { execution } = replica;
  // A cold backup has a table and no state; while a snapshot is installed the executor has the new state already, and the core,
  // which reads and applies nothing then, the old index.
  const quiet =
    replica.warmth === "warm" &&
    !isInstalling(replica) &&
    replica.appliedIndex === replica.issuedIndex &&
    executor.idle() &&
    execution.unreleasedCount === 0 &&
    fifoSize(execution.applying) === 0 &&
    fifoSize(execution.speculating) === 0;
  if (!quiet || replica.appliedIndex === 0 || isCondemned(ledger, replica)) return false;
  const known = ledger.digests.get(replica.appliedIndex);
  if (known !== undefined && !isNew(ledger, server)) return true;
  const digest = digestOfTable(replica.table, executor.digest());
  if (known === undefined) ledger.digests.set(replica.appliedIndex, { digest, replica: server.process.name });
  else {
    mark(ledger.world, "states-compared");
    if (known.digest !== digest)
      violate(ledger.world, "S9", `${server.process.name} and ${known.replica} differ at index ${replica.appliedIndex}`);
  }
  const broken = executor.brokenInvariants();
  if (broken.length > 0) violate(ledger.world, "invariant", `${server.process.name} at ${replica.appliedIndex}: ${broken.join("; ")}`);
  return true;
}

/** Has the server done anything since it was looked at? Then that is noted. */
function isNew(ledger: Ledger, server: RunningServer): boolean {
  const { appliedIndex, ageMs } = server.replica;
  const workCount = server.executor.workCount();
  const last = ledger.lookedAt.get(server);
  if (last?.appliedIndex === appliedIndex && last.workCount === workCount && last.ageMs === ageMs) return false;
  ledger.lookedAt.set(server, { appliedIndex, workCount, ageMs });
  return true;
}

/** A state that is loaded, let go of or replaced is another one, whatever its index. */
export function forgetLook(ledger: Ledger, server: RunningServer): void {
  ledger.lookedAt.delete(server);
}

export function notePoison(ledger: Ledger, index: number, poison: readonly RequestIdentity[]): void {
  for (const identity of poison) ledger.poison.set(identityKey(identity), index);
  // Some of them may be of replicas that had executed it.
  if (poison.length > 0) ledger.digests.clear();
}

/** S6i: it has executed what the others refuse, and has not come to the entry that says so; there it must end. */
function isCondemned(ledger: Ledger, replica: Replica): boolean {
  for (const [key, startIndex] of ledger.poison) {
    const identity = replica.appliedIndex < startIndex ? parseIdentityKey(key) : null;
    const remembered = identity === null ? null : findByKey(replica.table, identity);
    if (remembered === null || remembered.reply === null || isPoisonReply(replica, remembered)) continue;
    mark(ledger.world, "executed-poison");
    return true;
  }
  return false;
}
