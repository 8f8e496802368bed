/** One replica: the real core with a disk and an executor. A step is one turn of its process. */
import { unreachable } from "../vocabulary/assert.js";
import type { ReplicaEffect } from "../server/core/effect.js";
import type { ReplicaEvent } from "../server/core/event.js";
import { createReplica, type ReplicaConfig } from "../server/core/state.js";
import { checkAll, step } from "../server/core/step.js";
import { complete, createDisk, type Disk, numberOfContent, recoveredFrom, wordsOnDisk } from "./host-disk.js";
import {
  bootOf,
  CLIENT,
  CLIENT_PEER,
  GROUP,
  idOf,
  inboundFrom,
  incarnationOf,
  type Life,
  outboundTo,
  peerOf,
  rmConnection,
  rmPeer,
} from "./life.js";
import { NOW_MS, settleTime, TICK_MS } from "./host-order.js";
import type { Host, HostOptions, Outcome } from "./host-state.js";
import { freeze } from "./plain-data.js";
import { bytesOf, createWordList, perform } from "./word-list.js";
import { takeAllRows } from "../server/core/table-capture.js";

const TIMINGS = freeze({
  appendHeartbeatMs: TICK_MS,
  commitFlushMs: TICK_MS,
  transferResendMs: TICK_MS,
  leadTimeoutMs: 10,
  handOverMs: 10,
  sessionExpiryMs: 1_000_000,
  keyExpiryMs: 1_000_000,
});
const POISON = bytesOf("poison");

function configOf(life: Life, options: HostOptions): ReplicaConfig {
  const { checkpointEntries } = options;
  return freeze({
    group: GROUP,
    replica: idOf(life.replica),
    incarnation: incarnationOf(life),
    bootId: bootOf(life),
    knobs: { checkpointEntries, minimumReplicas: 1, handlerTimeoutMs: 1_000 },
    poisonReply: POISON,
    timings: TIMINGS,
    bounds: { entriesBehindSnapshotMax: 0 },
  });
}

/** The process starts on what is on the disk (a new one: null), and meets all that run. */
export function startHost(life: Life, disk: Disk | null, peers: readonly Life[], options: HostOptions): { host: Host; outcome: Outcome } {
  const kept = disk ?? createDisk();
  const replica = createReplica(configOf(life, options));
  const constants = { timings: freeze({ ...replica.timings }), bounds: freeze({ ...replica.bounds }) };
  const host: Host = { life, replica: { ...replica, ...constants }, disk: kept, list: wordsOnDisk(kept), writes: [] };
  const outcome: Outcome = { sent: [], ended: null };
  turn(host, NOW_MS, recoveredFrom(kept), outcome);
  for (const peer of peers) open(host, peer, outcome);
  for (let rm = 0; rm < options.rms; rm++) {
    turn(host, NOW_MS, { kind: "connection-opened", connection: rmConnection(rm), peer: rmPeer(rm), outbound: false }, outcome);
  }
  turn(host, NOW_MS, { kind: "connection-opened", connection: CLIENT, peer: CLIENT_PEER, outbound: false }, outcome);
  return { host, outcome };
}

/** Both links with another process. Links to processes that died stay: what they said may still come. */
export function open(host: Host, peer: Life, outcome: Outcome): void {
  const { replica } = host;
  for (const outbound of [true, false]) {
    const connection = outbound ? outboundTo(peer) : inboundFrom(peer);
    if (replica.connections.has(connection)) continue;
    turn(host, NOW_MS, { kind: "connection-opened", connection, peer: peerOf(peer), outbound }, outcome);
  }
}

/** One event, what the core derives, and what the executor answers at once. */
export function turn(host: Host, nowMs: number, event: ReplicaEvent, outcome: Outcome): void {
  const events: ReplicaEvent[] = [event];
  for (let next = events.shift(); next !== undefined && outcome.ended === null; next = events.shift()) {
    const effects: ReplicaEffect[] = [];
    step(host.replica, nowMs, next, effects);
    step(host.replica, nowMs, { kind: "drained" }, effects);
    for (const effect of effects) carryOut(host, effect, outcome, events);
  }
  checkAll(host.replica);
  settleTime(host);
}

/** The oldest write becomes durable. */
export function completeWrite(host: Host, outcome: Outcome): void {
  const write = host.writes.shift();
  if (write === undefined) return;
  const event = complete(host.disk, write, (words) => Object.assign(host.list, createWordList(words)));
  turn(host, NOW_MS, event, outcome);
}

function carryOut(host: Host, effect: ReplicaEffect, outcome: Outcome, events: ReplicaEvent[]): void {
  switch (effect.kind) {
    case "send":
      outcome.sent.push({ connection: effect.connection, message: effect.message });
      return;
    case "close":
      outcome.ended ??= `a peer broke the protocol: ${effect.reason}`;
      return;
    case "execution": {
      const completion = perform(host.list, effect.command);
      if (completion !== null) events.push({ kind: "executions-completed", completions: [completion] });
      return;
    }
    case "capture-snapshot": {
      const { point, table, ticket } = effect;
      const content = numberOfContent({ point, table: takeAllRows(table), words: [...host.list.words] });
      host.replica.table.capture = null;
      // Worlds are copied: what waits for the disk is plain.
      host.writes.push({ ticket, effect: { kind: "capture-snapshot" }, content });
      return;
    }
    case "persist":
    case "persist-promise":
    case "read-snapshot":
    case "store-slice":
    case "install-snapshot":
    case "load-state":
      host.writes.push({ ticket: effect.ticket, effect, content: 0 });
      return;
    case "unload-state":
      Object.assign(host.list, createWordList());
      return;
    case "drop-log":
      host.disk.entries = host.disk.entries.filter((entry) => entry.index > effect.throughIndex);
      return;
    case "end-process":
      outcome.ended ??= effect.reason;
      return;
    // Links are always open, there is one snapshot at most, and the rest is for people and for failpoints.
    case "link":
    case "drop-snapshots":
    case "note":
    case "reached":
      return;
    default:
      return unreachable(effect);
  }
}
