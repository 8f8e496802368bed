import type { Entry } from "../../vocabulary/entry.js";
import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import { isPassive } from "../../vocabulary/style.js";
import type { RunningServer } from "../running.js";
import { CLOCK_DRIFT_MAX, mark, violate } from "../world.js";
import type { Committed, Ledger } from "./ledger.js";
import { checkStart } from "./s4-activation.js";

const BEGINNING = { logTimeMs: 0, view: null, startAgeMs: 0, entry: { ageMs: 0 } } as const;

/** Looks at each entry as it is committed, beside those before it. */
export function noteCommitted(ledger: Ledger, name: string, entry: Entry, digest: number): void {
  const before = ledger.committed.at(-1) ?? BEGINNING;
  const { epoch, ageMs, body } = entry;
  checkLogTime(ledger, name, entry, before.logTimeMs);
  checkAge(ledger, entry, before);
  checkExpiry(ledger, entry, before.startAgeMs);
  if (body.kind === "start") checkStart(ledger, body.view);
  else checkStyle(ledger, entry, before.view);
  ledger.committed.push({
    epoch,
    digest,
    entry,
    logTimeMs: body.kind === "request" ? Math.max(before.logTimeMs, body.nowMs) : before.logTimeMs,
    view: body.kind === "start" ? body.view : before.view,
    startAgeMs: body.kind === "start" ? ageMs : before.startAgeMs,
  });
}

/** S9: the time that handlers see does not run backwards along the log, whoever leads, with whatever clock, and after whatever restart. */
function checkLogTime({ world }: Ledger, name: string, { index, body }: Entry, beforeMs: number): void {
  if (body.kind === "request" && body.nowMs < beforeMs)
    violate(world, "S9", `${name} commits ${index} at log time ${body.nowMs}; it was ${beforeMs} before`);
}

/** S6e: age stands still from one view to the next, and otherwise runs with its leader's monotonic clock, from when its view was active. */
function checkAge(
  { world, leaders }: Ledger,
  { index, epoch, ageMs, body }: Entry,
  { entry: last, startAgeMs }: Pick<Committed, "startAgeMs"> & { readonly entry: Pick<Entry, "ageMs"> },
): void {
  if (ageMs < last.ageMs) violate(world, "S6e", `age falls from ${last.ageMs} to ${ageMs} at entry ${index}`);
  if (body.kind === "start") {
    if (ageMs !== last.ageMs) violate(world, "S6e", `age goes on from ${last.ageMs} to ${ageMs} at the start entry ${index}`);
    return;
  }
  const active = leaders.get(epochText(epoch));
  if (active === undefined) return violate(world, "S4c", `entry ${index} is of ${epochText(epoch)}, in which nobody was active`);
  const passedMs = (world.nowMs - active.atMs) * (1 + CLOCK_DRIFT_MAX);
  if (ageMs - startAgeMs > passedMs + 1)
    violate(world, "S6e", `age has gone on by ${ageMs - startAgeMs} at entry ${index}; its view is active since ${passedMs.toFixed(0)} ms`);
}

/** S6e, S6g: nothing expires early, and no session before its leader has heard of its clients for as long. */
function checkExpiry({ world, once, timings }: Ledger, { index, ageMs, body }: Entry, startAgeMs: number): void {
  if (body.kind === "keys-expired" && body.belowAgeMs > ageMs - timings.keyExpiryMs)
    violate(world, "S6g", `entry ${index} at age ${ageMs} lets keys expire that are of ${body.belowAgeMs}, or a little younger`);
  if (body.kind === "sessions-renewed" || body.kind === "sessions-expired" || body.kind === "keys-expired") mark(world, body.kind);
  if (body.kind !== "sessions-expired") return;
  if (ageMs - startAgeMs < timings.sessionExpiryMs)
    violate(world, "S6e", `sessions expire by entry ${index}, ${ageMs - startAgeMs} ms after a new leader began`);
  for (const session of body.sessions) {
    const renewedAtAgeMs = once.renewedAtAgeMs(session);
    if (renewedAtAgeMs !== null && ageMs - renewedAtAgeMs < timings.sessionExpiryMs)
      violate(world, "S6e", `${session} expires by entry ${index}, and was heard of ${ageMs - renewedAtAgeMs} ms before`);
  }
}

/** Section 4, style: what follows a start entry is of its view's style. */
function checkStyle({ world }: Ledger, { index, body }: Entry, view: Committed["view"]): void {
  if (view === null) return violate(world, "S4a", `entry ${index} comes before any start entry`);
  if ((body.kind === "request" && isPassive(view.style)) || (body.kind === "update" && !isPassive(view.style)))
    violate(world, "section 4", `entry ${index}, a ${body.kind}, is in ${epochText(view.epoch)} of style ${view.style}`);
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
  if (generation !== at.view?.generation)
    violate(world, "section 4", `${name} with generation ${generation}; it is ${at.view?.generation} there`);
  const base = committed[log.base.index - 1];
  if (base !== undefined && !sameEpoch(base.epoch, log.base.epoch))
    violate(
      world,
      "S5b",
      `${process.name} has entry ${log.base.index} of ${epochText(log.base.epoch)} in a snapshot; one of ${epochText(base.epoch)} was committed`,
    );
}
