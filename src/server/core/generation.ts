/** Section 4, loss: what of an older generation may not come back into the group. */
import { epochText } from "../../vocabulary/epoch.js";
import { holdsIncarnation, type View } from "../../vocabulary/view.js";
import { lastIndex } from "./log.js";
import type { Replica, Turn } from "./state.js";

/**
 * The group went on without this replica when work was given up: what it holds may be a history that the group has left, committed entries
 * and snapshots included, so that no comparison of logs can bring it back in line. A member of the view is a survivor that was carried over.
 */
function isLeftBehind(replica: Replica, view: View): boolean {
  const { config, log } = replica;
  if (lastIndex(log) === 0 || holdsIncarnation(view, config.replica, config.incarnation)) return false;
  const known = knownGeneration(replica);
  return known !== null && known < view.generation;
}

/** Who has not heard of an active view yet has heard of nothing committed, but for a snapshot that it was sent. */
function knownGeneration({ activeView, snapshot, generation }: Replica): number | null {
  return activeView?.generation ?? (snapshot === null ? null : generation);
}

/** Ends the process and has its data set aside: it comes back as a new incarnation (S5a). True when it does. */
export function leaveOldGeneration(turn: Turn, view: View): boolean {
  const { replica, effects } = turn;
  if (!isLeftBehind(replica, view)) return false;
  const known = replica.activeView === null ? "" : ` (the last view that it knew is ${epochText(replica.activeView.epoch)})`;
  const reason = `The group went on without this replica as generation ${view.generation}, and its data is of generation ${knownGeneration(replica)}${known}: it cannot come back into the group.`;
  effects.push({ kind: "end-process", reason, discard: true });
  replica.phase = "ended";
  return true;
}
