import type { Entry } from "../../vocabulary/entry.js";
import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { RunningServer } from "../running.js";
import { violate } from "../world.js";
import type { Ledger } from "./ledger.js";

/** S9: the time that handlers see does not run backwards along the log, whoever leads, with whatever clock, and after whatever restart. */
export function noteCommitted(ledger: Ledger, server: RunningServer, entry: Entry, digest: number): void {
  const { committed, world } = ledger;
  const { logTimeMs, generation } = committed.at(-1) ?? { logTimeMs: 0, generation: 0 };
  const { index, epoch, body } = entry;
  if (body.kind === "request" && body.nowMs < logTimeMs)
    violate(world, "S9", `${server.process.name} commits ${index} at log time ${body.nowMs}; it was ${logTimeMs} before`);
  committed.push({
    epoch,
    digest,
    entry,
    logTimeMs: body.kind === "request" ? Math.max(logTimeMs, body.nowMs) : logTimeMs,
    generation: body.kind === "start" ? body.view.generation : generation,
  });
}

/**
 * What a replica has of the log at the index that it has come to is what the committed log says there, whether it came by entries, by a
 * snapshot or by a restart. S9: log time, of which the next leader's clock may hide that it was lost; S6e: age; section 4: generation.
 */
export function checkPosition({ world, committed }: Ledger, { process, replica }: RunningServer): void {
  const { log, issuedIndex, issuedLogTimeMs, ageMs, generation } = replica;
  if (issuedIndex === 0) return;
  const at = committed[issuedIndex - 1];
  if (at === undefined)
    return violate(world, "S8", `${process.name} has come to entry ${issuedIndex}; the group has committed ${committed.length}`);
  const name = `${process.name} is at entry ${issuedIndex}`;
  if (issuedLogTimeMs !== at.logTimeMs) violate(world, "S9", `${name} with log time ${issuedLogTimeMs}; it is ${at.logTimeMs} there`);
  if (ageMs !== at.entry.ageMs) violate(world, "S6e", `${name} with age ${ageMs}; it is ${at.entry.ageMs} there`);
  if (generation !== at.generation) violate(world, "section 4", `${name} with generation ${generation}; it is ${at.generation} there`);
  const base = committed[log.base.index - 1];
  if (base !== undefined && !sameEpoch(base.epoch, log.base.epoch))
    violate(
      world,
      "S5b",
      `${process.name} has entry ${log.base.index} of ${epochText(log.base.epoch)} in a snapshot; one of ${epochText(base.epoch)} was committed`,
    );
}
