/**
 * Style cold-passive: a backup stores log and snapshots and holds no state of the service. What it says (S2b, S3), acknowledges (L2) and
 * leads (S4) rests on its log alone, so none of that waits for the state; executing, reading and applying do. It takes the state up, from
 * its newest snapshot and then by applying the log as any follower does, as soon as it leads, or another style is wanted.
 */
import { sameEpoch } from "../../vocabulary/epoch.js";
import type { ColdState } from "../../vocabulary/report.js";
import type { GroupKnobs } from "../../vocabulary/spec.js";
import type { View } from "../../vocabulary/view.js";
import { fifoSize } from "./fifo.js";
import { epochAt, lastIndex, rangeBytes } from "./log.js";
import { note, type Replica, takeTicket, type Turn } from "./state.js";

/** Whether a replica that does not lead is to be without state. The wanted style counts before its view comes: backups are warmed first. */
function restsCold(view: View | null, knobs: GroupKnobs): boolean {
  if (view === null) return knobs.style === "cold-passive";
  return view.style === "cold-passive" && (knobs.style ?? view.style) === "cold-passive";
}

/**
 * For the shell: whether a process begins without state. One with a snapshot always does, and takes the state up when it is known to those
 * that wait for it: loading a gigabyte takes longer than a process is given to say that it is there. `activeView` is the last that was known.
 */
export function recoversCold(activeView: View | null, knobs: GroupKnobs, hasSnapshot: boolean): boolean {
  return hasSnapshot || restsCold(activeView, knobs);
}

/** Leads, or does not rest cold. */
export function wantsState({ stance, activeView, knobs }: Replica): boolean {
  if (stance.kind === "leading") return true;
  return !restsCold((stance.kind === "following" ? stance.view : null) ?? activeView, knobs);
}

/**
 * A backup that lets go of its state: nothing more is applied, a last checkpoint is taken, and then the state goes. It begins at the start
 * entry of the epoch it follows: what was entered in another style is in that checkpoint, and nobody has to execute it again.
 */
export function isRetiring(replica: Replica): boolean {
  if (replica.warmth !== "warm" || replica.stance.kind !== "following" || wantsState(replica)) return false;
  const epoch = epochAt(replica.log, replica.issuedIndex);
  return epoch !== null && sameEpoch(epoch, replica.promise);
}

/** The state is behind what it has to be before it is of use: checkpoints wait. */
export function isCatchingUp({ stance, appliedIndex, replayThrough }: Replica): boolean {
  return (stance.kind === "leading" && !stance.serving) || appliedIndex < replayThrough;
}

/** Takes the state up, or lets go of it. */
export function settleWarmth(turn: Turn): void {
  const { replica } = turn;
  if (replica.warmth === "cold" && wantsState(replica)) takeUp(turn);
  else if (isRetiring(replica)) letGo(turn);
}

function takeUp(turn: Turn): void {
  const { replica, effects } = turn;
  // What is loaded is the newest snapshot: it must not change underneath.
  if (replica.receiving?.installing != null) return;
  const { stage: _, ...work } = workAhead(replica, "cold");
  note(turn, "info", `loads a snapshot of ${work.loadBytes} bytes, then replays ${work.replayEntries} entries (${work.replayBytes} bytes)`);
  if (replica.snapshot === null) return becomeWarm(turn);
  replica.warmth = "loading";
  replica.loadTicket = takeTicket(replica);
  replica.reportDirty = true;
  effects.push({ kind: "load-state", ticket: replica.loadTicket });
}

export function onStateLoaded(turn: Turn, ticket: number): void {
  const { replica } = turn;
  if (replica.warmth === "loading" && replica.loadTicket === ticket) becomeWarm(turn);
}

function becomeWarm({ replica }: Turn): void {
  replica.warmth = "warm";
  replica.replayThrough = replica.commitIndex;
  replica.reportDirty = true;
}

/** Once the last checkpoint holds all that was applied, and nothing runs. */
function letGo(turn: Turn): void {
  const { replica, effects } = turn;
  const { execution } = replica;
  const idle = fifoSize(execution.applying) === 0 && fifoSize(execution.querying) === 0 && replica.checkpoint === null;
  if (!idle || replica.receiving?.installing != null || replica.issuedIndex !== (replica.snapshot?.index ?? 0)) return;
  replica.warmth = "cold";
  replica.reportDirty = true;
  effects.push({ kind: "unload-state" });
  note(turn, "info", `cold from here on: stores the log behind the snapshot at ${replica.issuedIndex}`);
}

function workAhead(replica: Replica, stage: ColdState["stage"]): ColdState {
  const { log, appliedIndex, snapshot } = replica;
  return {
    stage,
    loadBytes: stage === "replaying" ? 0 : (snapshot?.sizeBytes ?? 0),
    replayEntries: lastIndex(log) - appliedIndex,
    replayBytes: rangeBytes(log, appliedIndex, lastIndex(log)),
  };
}

/** What stands between this replica and serving; null while it holds the state. */
export function coldStateOf(replica: Replica): ColdState | null {
  if (replica.warmth !== "warm") return workAhead(replica, replica.warmth);
  return isCatchingUp(replica) && replica.appliedIndex < replica.commitIndex ? workAhead(replica, "replaying") : null;
}
