import type { View } from "../../vocabulary/view.js";
import type { RmEffect } from "./effect.js";
import { isVouchedFor } from "./observation.js";
import { sendToGfd, sendToServer } from "./outbox.js";
import { type GroupState, type Rm, wakeAt } from "./state.js";

/**
 * While no detector that is itself well watches the leader (its LFD or the GFD is down or stopped), the RM asks it: Activate once more, which
 * a leader answers at any time. Followers need no probe: they do not hold up commits.
 */
export function probeLeader(rm: Rm, nowMs: number, group: GroupState, view: View, effects: RmEffect[]): void {
  const sight = rm.sights.get(view.leader);
  const bootId = group.activeBootId;
  if (sight === undefined || bootId === null) return;
  if (isVouchedFor(rm, nowMs, sight)) {
    sight.probeSentMs = null;
    return;
  }
  if (sight.probeSentMs !== null || sight.linkBootId !== bootId) return;
  const dueMs = Math.max(sight.heardMs, sight.linkSinceMs) + rm.config.timing.probeMs / 2;
  if (nowMs < dueMs) {
    wakeAt(rm, nowMs, dueMs);
    return;
  }
  if (!sendToServer(rm, view.leader, { kind: "activate", view, bootId }, effects)) return;
  sight.probeSentMs = nowMs;
  wakeAt(rm, nowMs, nowMs + rm.config.timing.probeMs);
}

/** The GFD is asked at a steady interval: one that is stopped keeps its connection, and its last word would vouch for everybody for ever. */
export function probeGfd(rm: Rm, nowMs: number, effects: RmEffect[]): void {
  const { gfd } = rm;
  if (!gfd.linkOpen) return;
  if (nowMs >= gfd.nextAskMs) {
    gfd.sequence += 1;
    gfd.nextAskMs = nowMs + rm.config.timing.gfdHeartbeatMs;
    gfd.askedMs ??= nowMs;
    sendToGfd(rm, { kind: "heartbeat", sequence: gfd.sequence }, effects);
  }
  wakeAt(rm, nowMs, gfd.nextAskMs);
}
