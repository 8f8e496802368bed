/** From Lead to Activate (S4): the start entry goes to w members, the RM writes the view, and only then does anything commit. */
import { assert } from "../../vocabulary/assert.js";
import { compareEpochs, type Epoch, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { ReplicaId } from "../../vocabulary/ids.js";
import type { ControlMessage } from "../../vocabulary/message-control.js";
import { identityKey } from "../../vocabulary/session.js";
import { checkView, holdsIncarnation, type View } from "../../vocabulary/view.js";
import { createFifo } from "./fifo.js";
import type { Leading } from "./leading-state.js";
import { append, epochAt, lastEpoch, lastIndex } from "./log.js";
import { takeBook } from "./members.js";
import { createPace } from "./pace.js";
import { attachLinks, createProgress, linkPeers } from "./peers.js";
import { harmful, notePoison } from "./poison.js";
import { isOnQuorum } from "./quorum.js";
import { learnActiveView, stepDown } from "./stance.js";
import { note, type Replica, send, type Turn } from "./state.js";

type Lead = Extract<ControlMessage, { readonly kind: "lead" }>;
type Activate = Extract<ControlMessage, { readonly kind: "activate" }>;

/** Why this process may not lead the view, or null (S4a, S4d). */
function checkLead(replica: Replica, lead: Lead): string | null {
  const { config, log } = replica;
  const { view } = lead;
  const wrong = checkView(view);
  if (wrong !== null) return wrong;
  if (view.group !== config.group) return `view of group ${view.group}`;
  if (lead.bootId !== config.bootId) return "another process was sealed: this one has started since (S4d)";
  if (view.leader !== config.replica) return `the view names ${view.leader} as its leader`;
  if (!holdsIncarnation(view, config.replica, config.incarnation)) return "the view names another incarnation of this replica (S5a)";
  if (!sameEpoch(view.epoch, replica.promise)) return `epoch ${epochText(replica.promise)} was promised`;
  if (replica.sealedEpoch === null || !sameEpoch(replica.sealedEpoch, view.epoch)) return "this process was not sealed for that epoch";
  if (sameEpoch(lastEpoch(log), view.epoch)) return "this epoch was tried before";
  if (replica.stance.kind !== "waiting") return "another leader of this epoch was heard";
  if (replica.activeView !== null && view.generation < replica.activeView.generation) return "the view is of an older generation";
  return null;
}

function failLead(turn: Turn, connection: number, epoch: Epoch, reason: string, unreachable: readonly ReplicaId[]): void {
  send(turn, connection, { kind: "lead-failed", group: turn.replica.config.group, epoch, reason, unreachable });
}

export function onLead(turn: Turn, connection: number, lead: Lead): void {
  const { replica } = turn;
  takeBook(turn, lead.book);
  const { stance } = replica;
  if (stance.kind === "leading" && sameEpoch(stance.view.epoch, lead.view.epoch) && lead.bootId === replica.config.bootId) {
    stance.leadConnection = connection;
    if (stance.phase !== "synchronising") sendLed(turn, stance);
    return;
  }
  const reason = checkLead(replica, lead);
  if (reason !== null) return failLead(turn, connection, lead.view.epoch, reason, []);
  becomeLeader(turn, connection, lead);
}

function becomeLeader(turn: Turn, connection: number, lead: Lead): void {
  const { replica, nowMs, effects } = turn;
  const { config, log } = replica;
  const { view } = lead;
  const startIndex = lastIndex(log) + 1;
  const last = log.entries[log.entries.length - 1];
  const ageMs = last === undefined ? replica.ageMs : last.ageMs;
  const leading: Leading = {
    kind: "leading",
    view,
    startIndex,
    phase: "synchronising",
    serving: false,
    leadConnection: connection,
    leadUntilMs: nowMs + replica.timings.leadTimeoutMs,
    activeSinceMs: nowMs,
    ageBaseMs: ageMs,
    peers: new Map(),
    pending: new Map(),
    pendingBytes: 0,
    pace: createPace(nowMs),
    line: createFifo(),
    startedCount: 0,
    logged: createFifo(),
    clockBehind: null,
    floors: new Map(),
    closing: new Set(),
    reads: { waiting: createFifo(), waitingBytes: 0, round: 0, sentAtMs: nowMs, confirmedRound: 0, wanted: false },
    handOver: null,
    housekeepingAgeMs: ageMs,
    moreBehind: null,
    sliceReads: new Map(),
    batch: null,
  };
  for (const member of view.members) {
    if (member.replica !== config.replica) leading.peers.set(member.replica, createProgress(replica, member, startIndex, true));
  }
  replica.stance = leading;
  const poison = harmful(replica, lead);
  append(log, { index: startIndex, epoch: view.epoch, ageMs, body: { kind: "start", view, poison } });
  notePoison(replica, startIndex, new Set(poison.map(identityKey)));
  replica.reportDirty = true;
  effects.push({ kind: "reached", point: "start-appended" });
  linkPeers(turn, leading);
  attachLinks(turn, leading);
}

function sendLed(turn: Turn, leading: Leading): void {
  const epoch = leading.view.epoch;
  send(turn, leading.leadConnection, { kind: "led", group: turn.replica.config.group, epoch, startIndex: leading.startIndex });
}

/** S4a: the start entry, with all before it, is durable on w of the new members; or time is up. */
export function settleLead(turn: Turn, leading: Leading): void {
  const { replica, nowMs, effects } = turn;
  if (leading.phase !== "synchronising") return;
  if (isOnQuorum(replica, leading, leading.startIndex)) {
    leading.phase = "led";
    effects.push({ kind: "reached", point: "start-on-quorum" });
    sendLed(turn, leading);
    return;
  }
  if (nowMs < leading.leadUntilMs) return;
  const unreachable = [...leading.peers.values()].filter((peer) => peer.member && peer.ackedIndex < leading.startIndex);
  const names = unreachable.map((peer) => peer.replica);
  failLead(turn, leading.leadConnection, leading.view.epoch, `no acknowledgement of the start entry from ${names.join(", ")}`, names);
  stepDown(turn);
}

/** Why the view is not activated here, or null. */
function checkActivate(replica: Replica, activate: Activate): string | null {
  const { stance } = replica;
  if (activate.bootId !== replica.config.bootId) return "another process led it: this one has started since (S4d)";
  if (stance.kind !== "leading" || !sameEpoch(stance.view.epoch, activate.view.epoch)) {
    return `this process does not lead that epoch; it has promised ${epochText(replica.promise)}`;
  }
  if (stance.phase === "synchronising") return "the start entry is not on w members yet (S4a)";
  return null;
}

/** S4c: from here on entries are counted as committed and clients are answered. */
export function onActivate(turn: Turn, connection: number, activate: Activate): void {
  const { replica, nowMs, effects } = turn;
  const { group } = replica.config;
  const { epoch } = activate.view;
  const reason = checkActivate(replica, activate);
  if (reason !== null) return send(turn, connection, { kind: "activate-refused", group, epoch, reason });
  const leading = replica.stance;
  assert(leading.kind === "leading", "S4c");
  if (leading.phase === "led") {
    leading.phase = "active";
    leading.activeSinceMs = nowMs;
    learnActiveView(turn, leading.view);
    replica.membersDirty = true;
    replica.reportDirty = true;
    effects.push({ kind: "reached", point: "activated" });
    note(turn, "info", `leads view ${epochText(epoch)} in style ${leading.view.style}: ${memberText(leading.view)}`);
  }
  send(turn, connection, { kind: "activated", group, epoch });
}

function memberText(view: View): string {
  return view.members.map((member) => member.replica).join(", ");
}

/** S4a: everything of an active leader's epoch begins with its start entry. */
export function assertStart(replica: Replica, leading: Leading): void {
  const epoch = replica.log.base.index >= leading.startIndex ? leading.view.epoch : epochAt(replica.log, leading.startIndex);
  assert(epoch !== null && compareEpochs(epoch, leading.view.epoch) === 0, "S4a", () => "the start entry is gone");
}
