import { compareEpochs, epochText } from "../../vocabulary/epoch.js";
import { checkView, holdsIncarnation, sameView, type View } from "../../vocabulary/view.js";
import type { ControlContent } from "../../rm/core/content.js";
import { violate } from "../world.js";
import { holds, type Ledger, wholeText } from "./ledger.js";

/** S1a: whoever takes over the store does it in a term that nobody had. */
export function checkTerm({ world }: Ledger, content: ControlContent, before: ControlContent | null): void {
  if (before === null || content.owner === before.owner || content.term > before.term) return;
  violate(world, "S1a", `a Replication Manager has taken term ${content.term}, in which another one has ruled`);
}

/** S1, S3, S4a: each view follows the one before it, and whoever leads it holds everything that was ever committed. */
export function checkNextView(ledger: Ledger, view: View): void {
  const { world, views, committed } = ledger;
  const before = views.at(-1);
  const invalid = checkView(view);
  if (invalid !== null) violate(world, "S1", `view ${epochText(view.epoch)}: ${invalid}`);
  if (before !== undefined && compareEpochs(view.epoch, before.epoch) <= 0)
    violate(world, "S1b", `view ${epochText(view.epoch)} follows ${epochText(before.epoch)}`);
  const attempt = ledger.attempts.get(epochText(view.epoch));
  if (attempt?.view == null) violate(world, "S4b", `view ${epochText(view.epoch)} is written, and nobody was to lead it`);
  else if (wholeText(attempt.view) !== wholeText(view))
    violate(world, "S4b", `view ${epochText(view.epoch)} is written as ${wholeText(view)}, and was led as ${wholeText(attempt.view)}`);
  if (attempt !== undefined && !sameView(attempt.base, before ?? null))
    violate(
      world,
      "S3c",
      `view ${epochText(view.epoch)} follows ${nameOf(before)}, and was made from the members of ${nameOf(attempt.base)}`,
    );
  views.push(view);
  const leader = view.members.find((member) => member.replica === view.leader);
  if (leader === undefined) return;
  const startHolders = view.members.filter((member) => holdsStart(ledger, member.incarnation, view));
  if (startHolders.length < view.quorum)
    violate(
      world,
      "S4a",
      `view ${epochText(view.epoch)} is written, its start entry is on ${startHolders.length} of ${view.quorum} members`,
    );
  const last = committed.at(-1);
  if (last !== undefined && !holds(ledger, leader.incarnation, committed.length, last.epoch))
    violate(
      world,
      "S3",
      `${view.leader} leads ${epochText(view.epoch)} without entry ${committed.length}, which was committed in ${epochText(last.epoch)}`,
    );
  if (before !== undefined && !before.members.some((member) => holdsIncarnation(view, member.replica, member.incarnation)))
    violate(world, "S3b", `view ${epochText(view.epoch)} holds no incarnation of ${epochText(before.epoch)}`);
}

function nameOf(view: View | null | undefined): string {
  return view == null ? "none" : epochText(view.epoch);
}

function holdsStart(ledger: Ledger, incarnation: View["members"][number]["incarnation"], view: View): boolean {
  const log = ledger.durable.get(incarnation);
  if (log === undefined) return false;
  const last = log.epochs.at(-1);
  return last !== undefined && compareEpochs(last, view.epoch) >= 0;
}
