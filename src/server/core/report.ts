/** What a replica says of itself: to its LFD with each heartbeat, and to a connected RM at once when something that matters changed. */
import { epochText } from "../../vocabulary/epoch.js";
import type { LearnerProgress, ReplicaReport, ReplicaRole } from "../../vocabulary/report.js";
import { holdsIncarnation } from "../../vocabulary/view.js";
import type { Leading } from "./leading-state.js";
import { lastEpoch, lastIndex } from "./log.js";
import type { Replica, Turn } from "./state.js";
import { coldStateOf } from "./warmth.js";

function roleOf(replica: Replica): ReplicaRole {
  const { stance, config, activeView } = replica;
  if (stance.kind === "leading") return "leader";
  const view = (stance.kind === "following" ? stance.view : null) ?? activeView;
  return view !== null && holdsIncarnation(view, config.replica, config.incarnation) ? "follower" : "learner";
}

function learnersOf(replica: Replica, leading: Leading): LearnerProgress[] {
  const learners: LearnerProgress[] = [];
  const last = lastIndex(replica.log);
  for (const peer of leading.peers.values()) {
    if (peer.member) continue;
    learners.push({
      replica: peer.replica,
      incarnation: peer.incarnation,
      ackedIndex: peer.ackedIndex,
      withinBound:
        peer.connection !== null && peer.feed.kind === "streaming" && last - peer.ackedIndex <= replica.bounds.admissionBoundEntries,
      transferredBytes: peer.transferredBytes,
      transferSizeBytes: peer.transferSizeBytes,
    });
  }
  return learners;
}

export function reportOf(replica: Replica): ReplicaReport {
  const { config, stance, log } = replica;
  const leading = stance.kind === "leading" ? stance : null;
  const view = leading?.view ?? (stance.kind === "following" ? stance.view : null) ?? replica.activeView;
  const cold = coldStateOf(replica);
  const peers = leading === null ? [] : [...leading.peers.values()];
  return {
    group: config.group,
    replica: config.replica,
    incarnation: config.incarnation,
    bootId: config.bootId,
    role: roleOf(replica),
    style: view?.style ?? null,
    promise: replica.promise,
    leadsEpoch: leading?.view.epoch ?? null,
    leadActive: leading?.phase === "active",
    activeView: replica.activeView,
    lastEpoch: lastEpoch(log),
    lastIndex: lastIndex(log),
    persistedIndex: log.persistedIndex,
    commitIndex: replica.commitIndex,
    appliedIndex: replica.appliedIndex,
    ...(cold === null ? {} : { cold }),
    blank: replica.blank,
    learners: leading === null ? [] : learnersOf(replica, leading),
    unreachable: peers.filter((peer) => peer.member && peer.connection === null).map((peer) => peer.replica),
    executedCount: replica.executedCount,
  };
}

/** Equal while nothing has changed that the RM would act on. */
function signature(report: ReplicaReport): string {
  const view = report.activeView;
  return [
    report.role,
    epochText(report.promise),
    report.leadsEpoch === null ? "" : epochText(report.leadsEpoch),
    report.leadActive,
    view === null ? "" : `${view.generation}/${epochText(view.epoch)}`,
    report.blank,
    report.cold?.stage ?? "",
    report.unreachable.join(),
    report.learners.map((learner) => `${learner.replica}:${learner.incarnation}:${learner.withinBound}`).join(),
  ].join(" ");
}

/** The RM waits for another answer, which says the same and more: the report goes with it, and does not hold it up. */
function isAnswering({ seals, stance }: Replica): boolean {
  return seals.length > 0 || (stance.kind === "leading" && stance.phase === "synchronising");
}

export function pushReport(turn: Turn): void {
  const { replica, effects } = turn;
  if (!replica.reportDirty || isAnswering(replica)) return;
  replica.reportDirty = false;
  const report = reportOf(replica);
  const text = signature(report);
  if (text === replica.lastReport) return;
  replica.lastReport = text;
  for (const [connection, { peer }] of replica.connections) {
    if (peer.role === "rm") effects.push({ kind: "send", connection, message: { kind: "report", report } });
  }
}
