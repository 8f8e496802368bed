import type { AdminCommand, AdminOutcome, GroupChange, SettingsCommand } from "../../vocabulary/admin.js";
import { unreachable } from "../../vocabulary/assert.js";
import { epochText, sameEpoch } from "../../vocabulary/epoch.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { snapshotKnobsOf, type DetectorKnobs } from "../../vocabulary/spec.js";
import { COLD_IN_MEMORY, STYLES } from "../../vocabulary/style.js";
import { announce } from "./announce.js";
import { type GroupRecord, groupRecord, isLeaving, withGroup } from "./content.js";
import type { RmEffect } from "./effect.js";
import { wishLead } from "./hand-over.js";
import { closedByLoss, lossText } from "./loss.js";
import { currentBoot, healthOf } from "./observation.js";
import { dropOrders, placeOrder, resumeOrders } from "./order.js";
import { markLeaving } from "./replicas.js";
import type { OrderPurpose } from "./order-record.js";
import type { GroupState, Rm, Sight } from "./state.js";
import { rules } from "./term.js";

type Rejected = Extract<AdminOutcome, { kind: "rejected" }>;

/** A change of the wanted state, or an order. Answered once what it changes is stored; how it goes on is told by events and the status. */
export function onAdmin(rm: Rm, nowMs: number, connection: number, ticket: number, command: AdminCommand, effects: RmEffect[]): void {
  const outcome = rules(rm)
    ? perform(rm, nowMs, command, effects)
    : reject(503, "the Replication Manager is not ready: it has not read its store yet");
  if (outcome.kind === "rejected") effects.push({ kind: "admin-answer", connection, ticket, outcome });
  else rm.pendingAnswers.push({ connection, ticket, outcome });
}

/** Answers whose changes are in the store by now. */
export function answerStored(rm: Rm, effects: RmEffect[]): void {
  if (rm.store.phase !== "ruling") return;
  // The draft only grows: when it is stored as a whole, so is every change before it.
  if (rm.store.draft !== rm.store.stored) return;
  for (const { connection, ticket, outcome } of rm.pendingAnswers) effects.push({ kind: "admin-answer", connection, ticket, outcome });
  rm.pendingAnswers = [];
}

function reject(httpStatus: Rejected["httpStatus"], message: string): Rejected {
  return { kind: "rejected", httpStatus, message };
}

function accept(rm: Rm): AdminOutcome {
  return { kind: "accepted", changeId: `${rm.store.stored.term}.${rm.nextChangeId++}` };
}

function perform(rm: Rm, nowMs: number, command: AdminCommand, effects: RmEffect[]): AdminOutcome {
  switch (command.kind) {
    case "set-group":
      return setGroup(rm, command, effects);
    case "set-detector":
      return setDetector(rm, command, effects);
    case "set-all":
      return setAll(rm, command.parts, effects);
    case "replica":
      return commandReplica(rm, nowMs, command, effects);
    case "accept-loss":
      return acceptLoss(rm, command, effects);
    default:
      return unreachable(command);
  }
}

/** A part that cannot be leaves those before it undone: nobody has to find out which half of a change was made. */
function setAll(rm: Rm, parts: readonly SettingsCommand[], effects: RmEffect[]): AdminOutcome {
  const { draft } = rm.store;
  const said: RmEffect[] = [];
  for (const part of parts) {
    const outcome = part.kind === "set-group" ? setGroup(rm, part, said) : setDetector(rm, part, said);
    if (outcome.kind === "accepted") continue;
    rm.store.draft = draft;
    return outcome;
  }
  effects.push(...said);
  return accept(rm);
}

function setGroup(rm: Rm, command: Extract<AdminCommand, { kind: "set-group" }>, effects: RmEffect[]): AdminOutcome {
  const record = groupRecord(rm.store.draft, command.group);
  const group = rm.groups.get(command.group);
  if (record === undefined || group === undefined) return reject(404, `there is no group ${command.group}`);
  if (group.halted !== null) return reject(409, group.halted);
  const reason = refuseChange(record, command.change);
  if (reason !== null) return reject(reason.startsWith("style") ? 409 : 400, reason);
  const { replicas, style, quorum, minimumReplicas } = command.change;
  const spec = {
    ...record.spec,
    ...(replicas === undefined ? {} : { replicas }),
    ...(style === undefined ? {} : { style }),
    ...(quorum === undefined ? {} : { quorum }),
    ...(minimumReplicas === undefined ? {} : { minimumReplicas }),
    ...snapshotKnobsOf({ ...snapshotKnobsOf(record.spec), ...command.change }),
  };
  rm.store.draft = withGroup(rm.store.draft, { ...record, spec });
  const words = Object.entries(command.change).map(([name, value]) => `${name} ${value}`);
  announce(effects, "spec-changed", `group ${command.group}: wanted now: ${words.join(", ")}`, { group: command.group });
  return accept(rm);
}

/** Never for whatever comes: only for the loss that closes the group now, from the view that was looked at. */
function acceptLoss(rm: Rm, command: Extract<AdminCommand, { kind: "accept-loss" }>, effects: RmEffect[]): AdminOutcome {
  const record = groupRecord(rm.store.stored, command.group);
  const group = rm.groups.get(command.group);
  if (record === undefined || group === undefined) return reject(404, `there is no group ${command.group}`);
  if (group.halted !== null) return reject(409, group.halted);
  if (record.spec.durability === "disk")
    return reject(409, "what its replicas hold is on disk: stop the system, and see what `troupe recover --accept-data-loss` makes of it");
  const { activeView } = record;
  if (activeView === null || group.change === null || !closedByLoss(rm, activeView))
    return reject(409, `nothing has to be given up: group ${command.group} is not closed by a loss`);
  if (!sameEpoch(activeView.epoch, command.epoch))
    return reject(409, `the last active view is ${epochText(activeView.epoch)}, not ${epochText(command.epoch)}: look again`);
  group.lossAccepted = activeView.epoch;
  const text = `group ${command.group}: data loss was accepted: ${lossText(rm, activeView)}`;
  announce(effects, "data-loss-accepted", text, { group: command.group });
  return accept(rm);
}

/** A style that the service does not declare is refused before anything is sealed (PROTOCOL section 4). */
function refuseChange(record: GroupRecord, change: GroupChange): string | null {
  const replicas = change.replicas ?? record.spec.replicas;
  const minimum = change.minimumReplicas ?? record.spec.minimumReplicas;
  if (!isWhole(replicas, 1, LIMITS.replicasMax)) return `replicas must be a whole number from 1 to ${LIMITS.replicasMax}, not ${replicas}`;
  if (!isWhole(minimum, 1, replicas))
    return `minimumReplicas must be a whole number from 1 to the number of replicas (${replicas}), not ${minimum}`;
  const refused = refuseSnapshotKnobs(change);
  if (refused !== null) return refused;
  if (change.quorum !== undefined && change.quorum !== "majority" && change.quorum !== "all")
    return `quorum must be majority or all, not ${change.quorum}`;
  if (change.style === "cold-passive" && record.spec.durability === "memory") return COLD_IN_MEMORY;
  if (change.style === undefined || record.spec.service.styles.includes(change.style)) return null;
  if (!STYLES.includes(change.style)) return `unknown style ${change.style}; known: ${STYLES.join(", ")}`;
  return `style ${change.style} is not declared by service ${record.spec.service.name} (it declares ${record.spec.service.styles.join(", ")})`;
}

const SNAPSHOT_LEAST = [
  ["checkpointEntries", 1],
  ["checkpointBytes", 1],
  ["checkpointIntervalMs", 0],
  ["transferBytesPerSecond", 1],
] as const;

function refuseSnapshotKnobs(change: GroupChange): string | null {
  for (const [name, least] of SNAPSHOT_LEAST) {
    const value = change[name];
    if (value !== undefined && !isWhole(value, least, Number.MAX_SAFE_INTEGER))
      return `${name} must be a whole number of at least ${least}, not ${value}`;
  }
  return null;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function setDetector(rm: Rm, command: Extract<AdminCommand, { kind: "set-detector" }>, effects: RmEffect[]): AdminOutcome {
  const old = rm.store.draft.detectors[command.detector];
  const knobs: DetectorKnobs = { ...old, ...command.knobs };
  const { heartbeatIntervalMs: interval, suspicionTimeoutMs: timeout } = knobs;
  if (!isWhole(interval, 1, 60_000)) return reject(400, `heartbeatIntervalMs must be a whole number from 1 to 60000, not ${interval}`);
  if (!isWhole(timeout, 2, 600_000) || timeout < 2 * interval) {
    return reject(400, `suspicionTimeoutMs must be a whole number of at least twice heartbeatIntervalMs (${2 * interval}), not ${timeout}`);
  }
  rm.store.draft = { ...rm.store.draft, detectors: { ...rm.store.draft.detectors, [command.detector]: knobs } };
  announce(effects, "detector-changed", `${command.detector}: heartbeat every ${interval} ms, suspicion after ${timeout} ms`);
  return accept(rm);
}

function commandReplica(rm: Rm, nowMs: number, command: Extract<AdminCommand, { kind: "replica" }>, effects: RmEffect[]): AdminOutcome {
  const { replica, action } = command;
  const record = rm.store.draft.groups.find((one) => one.replicas.some((known) => known.replica === replica));
  const group = record === undefined ? undefined : rm.groups.get(record.spec.group);
  const sight = rm.sights.get(replica);
  if (record === undefined || group === undefined || sight === undefined) return reject(404, `there is no replica ${replica}`);
  switch (action) {
    case "kill":
      return orderProcess(rm, nowMs, sight, "kill", effects);
    case "pause":
      return orderProcess(rm, nowMs, sight, "stop", effects);
    case "resume":
      return orderProcess(rm, nowMs, sight, "continue", effects);
    case "lead":
      return wishLeader(rm, nowMs, group, record, sight);
    case "remove":
      return removeReplica(rm, group, record, sight, effects);
    default:
      return unreachable(action);
  }
}

function orderProcess(
  rm: Rm,
  nowMs: number,
  sight: Sight,
  purpose: Extract<OrderPurpose, "kill" | "stop" | "continue">,
  effects: RmEffect[],
): AdminOutcome {
  const { replica, host, group } = sight;
  const bootId = currentBoot(sight);
  if (healthOf(rm, nowMs, replica) === "gone" || (bootId === null && sight.pid === null))
    return reject(409, `${replica} has no running process`);
  if (rm.hosts.get(host)?.linkOpen !== true)
    return reject(503, `the fault detector of host ${host}, which would carry it out, is not connected`);
  resumeOrders(rm, replica, purpose);
  // Of stopping and continuing the last word counts: an earlier one that is still unanswered neither stands for it nor is sent after it.
  // Nor does a kill of the Replication Manager's own stand for a person's, who is to hear of it.
  dropOrders(rm, replica, purpose === "kill" ? ["kill"] : ["stop", "continue"]);
  placeOrder(
    rm,
    nowMs,
    { host, group, replica, purpose, askedMs: nowMs },
    (ticket) =>
      purpose === "kill"
        ? { kind: "kill-replica", ticket, replica, bootId, discard: false, reason: "asked for" }
        : { kind: "signal-replica", ticket, replica, signal: purpose },
    effects,
  );
  const word = purpose === "kill" ? "killed" : purpose === "stop" ? "paused" : "resumed";
  // Whether it was killed, its verdict says or `order-failed`.
  const text = `${replica} is ${purpose === "kill" ? "to be " : ""}${word}: asked for`;
  announce(effects, `${word}-by-hand`, text, { group, replica, host });
  return accept(rm);
}

function wishLeader(rm: Rm, nowMs: number, group: GroupState, record: GroupRecord, sight: Sight): AdminOutcome {
  const { replica } = sight;
  if (group.halted !== null) return reject(409, group.halted);
  if (isLeaving(record, replica)) return reject(409, `${replica} is to leave the group`);
  if (record.activeView?.members.some((member) => member.replica === replica) !== true) {
    return reject(409, `${replica} is no member of the active view; it can lead once it has caught up and is admitted`);
  }
  if (healthOf(rm, nowMs, replica) !== "alive") return reject(409, `${replica} is not alive and well`);
  group.handOverFailures = 0;
  group.handOverRetryMs = 0;
  // Also of the one that leads: another may be about to follow it, by a change or a command that came before this one.
  wishLead(rm, group, replica);
  return accept(rm);
}

function removeReplica(rm: Rm, group: GroupState, record: GroupRecord, sight: Sight, effects: RmEffect[]): AdminOutcome {
  const { replica } = sight;
  if (group.halted !== null) return reject(409, group.halted);
  const known = record.replicas.find((one) => one.replica === replica);
  if (known?.leaving === true) return accept(rm);
  if (record.spec.replicas <= 1) return reject(409, `${replica} is the last replica that is wanted`);
  const replicas = record.spec.replicas - 1;
  if (record.spec.minimumReplicas > replicas) return reject(409, `minimumReplicas is ${record.spec.minimumReplicas}; lower it first`);
  markLeaving(rm, { ...record, spec: { ...record.spec, replicas } }, replica);
  announce(effects, "leaving", `${replica} is to leave: asked for; ${replicas} replicas are wanted now`, { group: group.group, replica });
  return accept(rm);
}
