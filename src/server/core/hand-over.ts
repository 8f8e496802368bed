/** Planned change of leader (section 4): no new index until the target holds the last one, and on by itself if no Seal comes. */
import { sameEpoch } from "../../vocabulary/epoch.js";
import type { ControlMessage } from "../../vocabulary/message-control.js";
import type { Leading } from "./leading-state.js";
import { lastIndex } from "./log.js";
import { runsAhead } from "./checkpoint.js";
import { fifoSize } from "./fifo.js";
import { send, type Turn } from "./state.js";

type Order = Extract<ControlMessage, { readonly kind: "hand-over" }>;

export function onHandOver(turn: Turn, connection: number, order: Order): void {
  const { replica, nowMs } = turn;
  const { epoch, target } = order;
  const { group } = replica.config;
  const leading = replica.stance;
  if (leading.kind !== "leading" || !sameEpoch(leading.view.epoch, epoch) || !leading.serving) {
    return send(turn, connection, { kind: "hand-over-failed", group, epoch, reason: "this replica does not serve in that epoch" });
  }
  const peer = leading.peers.get(target);
  if (peer === undefined || !peer.member || peer.connection === null) {
    return send(turn, connection, { kind: "hand-over-failed", group, epoch, reason: `${target} is no member that the leader reaches` });
  }
  leading.handOver = { target, connection, untilMs: nowMs + replica.timings.handOverMs, ready: false };
}

export function settleHandOver(turn: Turn, leading: Leading): void {
  const { replica, nowMs } = turn;
  const { handOver } = leading;
  if (handOver === null) return;
  const { group } = replica.config;
  const { epoch } = leading.view;
  const last = lastIndex(replica.log);
  const isDrained = leading.startedCount === 0 && fifoSize(replica.execution.speculating) === 0;
  if (!handOver.ready && isDrained && (leading.peers.get(handOver.target)?.ackedIndex ?? 0) >= last) {
    handOver.ready = true;
    send(turn, handOver.connection, { kind: "hand-over-ready", group, epoch, index: last });
  }
  if (nowMs < handOver.untilMs) return;
  const reason = runsAhead(replica) ? "operations were still under way" : `${handOver.target} did not acknowledge in time`;
  if (!handOver.ready) send(turn, handOver.connection, { kind: "hand-over-failed", group, epoch, reason });
  leading.handOver = null;
}
