/** One replica core with a disk and an executor in memory: what the shell does, without time of its own. */
import { assert, unreachable } from "../../../vocabulary/assert.js";
import type { Entry } from "../../../vocabulary/entry.js";
import { EPOCH_ZERO, type Epoch } from "../../../vocabulary/epoch.js";
import { bootId, type ReplicaId } from "../../../vocabulary/ids.js";
import type { Message } from "../../../vocabulary/message.js";
import type { TableImage } from "../../../vocabulary/session.js";
import type { View } from "../../../vocabulary/view.js";
import type { Failpoint, ReplicaEffect } from "../effect.js";
import type { ReplicaEvent, SnapshotPoint, SnapshotRecord, TransferIdentity } from "../event.js";
import { checkAll, createReplica, step } from "../step.js";
import { recoversCold } from "../warmth.js";
import type { Replica, ReplicaConfig } from "../state.js";
import { bytesOf, createService, type ListService, perform, textOf } from "./list-service.js";
import { tableOf } from "../table-build.js";
import { takeAllRows } from "../table-capture.js";

interface SnapshotFile {
  readonly record: SnapshotRecord;
  readonly bytes: Uint8Array;
}

export interface Disk {
  promise: Epoch;
  activeView: View | null;
  blank: boolean;
  entries: Entry[];
  snapshots: SnapshotFile[];
  transfer: { readonly identity: TransferIdentity; bytes: Uint8Array } | null;
}

export interface Host {
  readonly config: ReplicaConfig;
  replica: Replica;
  disk: Disk;
  service: ListService;
  /** The service's state was let go of: nothing may be asked of it. */
  unloaded: boolean;
  alive: boolean;
  boots: number;
  /** Why the core ended the process, if it did. */
  ended: string | null;
  /** Writes on their way: each makes something durable, and is told to the core. */
  writes: (() => ReplicaEvent | null)[];
  /** Events of the executor on their way. */
  completions: ReplicaEvent[];
  reached: Failpoint[];
  /** When set, the process dies there. */
  dieAt: Failpoint | null;
}

/** What the group does with effects that leave the host. */
export interface Outside {
  send(from: Host, connection: number, message: Message): void;
  close(from: Host, connection: number): void;
  link(from: Host, replicas: readonly ReplicaId[]): void;
}

export function createHost(config: ReplicaConfig): Host {
  return {
    config,
    replica: createReplica(config),
    disk: { promise: EPOCH_ZERO, activeView: null, blank: true, entries: [], snapshots: [], transfer: null },
    service: createService(),
    unloaded: false,
    alive: false,
    boots: 0,
    ended: null,
    writes: [],
    completions: [],
    reached: [],
    dieAt: null,
  };
}

/** JSON with byte arrays as tagged lists: the snapshot file of the stand-in. */
function encodeSnapshot(point: SnapshotPoint, table: TableImage, words: readonly string[]): Uint8Array {
  const text = JSON.stringify({ point, table, words }, (_, value: unknown) =>
    value instanceof Uint8Array ? { bytes: [...value] } : value,
  );
  return bytesOf(text);
}

function decodeSnapshot(bytes: Uint8Array): { point: SnapshotPoint; table: TableImage; words: string[] } {
  return JSON.parse(textOf(bytes), (_, value: unknown) => {
    const isBytes = typeof value === "object" && value !== null && "bytes" in value && Array.isArray(value.bytes);
    return isBytes ? Uint8Array.from(value.bytes as number[]) : value;
  });
}

function checksumOf(bytes: Uint8Array): number {
  let sum = 7;
  for (const byte of bytes) sum = (sum * 31 + byte) % 4_294_967_291;
  return sum;
}

/** Starts the process anew on what is on its disk. */
export function startHost(host: Host, nowMs: number, outside: Outside): void {
  host.boots++;
  host.alive = true;
  host.ended = null;
  host.reached = [];
  host.replica = createReplica({ ...host.config, bootId: bootId(`${host.config.replica}-boot-${host.boots}`) });
  const { disk } = host;
  const file = disk.snapshots[disk.snapshots.length - 1] ?? null;
  const loaded = file === null ? null : decodeSnapshot(file.bytes);
  const cold = recoversCold(disk.activeView, host.config.knobs, file !== null);
  host.unloaded = cold && file !== null;
  host.service = createService(cold ? [] : (loaded?.words ?? []));
  const snapshot = file === null || loaded === null ? null : { record: file.record, table: tableOf(loaded.table) };
  const transfer = disk.transfer === null ? null : { ...disk.transfer.identity, storedBytes: disk.transfer.bytes.length };
  stepHost(
    host,
    nowMs,
    {
      kind: "recovered",
      promise: disk.promise,
      activeView: disk.activeView,
      blank: disk.blank,
      cold,
      snapshot,
      entries: [...disk.entries],
      transfer,
    },
    outside,
  );
}

/** The process dies: what was on its way to the disk, `kept` writes excepted, never gets there. */
export function crashHost(host: Host, kept: number): void {
  for (const write of host.writes.slice(0, kept)) write();
  host.alive = false;
  host.writes = [];
  host.completions = [];
}

/** One event as a turn of its own. */
export function stepHost(host: Host, nowMs: number, event: ReplicaEvent, outside: Outside): void {
  const effects: ReplicaEffect[] = [];
  step(host.replica, nowMs, event, effects);
  step(host.replica, nowMs, { kind: "drained" }, effects);
  checkAll(host.replica);
  for (const effect of effects) {
    if (!host.alive) return;
    performEffect(host, effect, outside);
  }
}

function performEffect(host: Host, effect: ReplicaEffect, outside: Outside): void {
  const { disk } = host;
  switch (effect.kind) {
    case "send":
      return outside.send(host, effect.connection, effect.message);
    case "close":
      return outside.close(host, effect.connection);
    case "link":
      return outside.link(host, effect.replicas);
    case "persist":
      host.writes.push(() => {
        const { truncateAfter, entries, ticket } = effect;
        if (truncateAfter !== null) disk.entries = disk.entries.filter((entry) => entry.index <= truncateAfter);
        disk.entries.push(...entries);
        return { kind: "entries-persisted", ticket };
      });
      return;
    case "persist-promise":
      host.writes.push(() => {
        disk.promise = effect.promise;
        disk.activeView = effect.activeView;
        disk.blank = effect.blank;
        return { kind: "promise-persisted", ticket: effect.ticket };
      });
      return;
    case "execution": {
      assert(!host.unloaded, "cold", () => `${effect.command.kind} without the state`);
      const completion = perform(host.service, effect.command);
      if (completion !== null) host.completions.push({ kind: "executions-completed", completions: [completion] });
      return;
    }
    case "capture-snapshot":
      return capture(host, effect.ticket, effect.point, takeAllRows(effect.table));
    case "read-snapshot": {
      const file = disk.snapshots.find((snapshot) => snapshot.record.index === effect.snapshotIndex);
      assert(file !== undefined, "harness", () => `snapshot ${effect.snapshotIndex} is gone`);
      const bytes = file.bytes.slice(effect.offsetBytes, effect.offsetBytes + effect.sizeBytes);
      host.writes.push(() => ({ kind: "snapshot-read", ticket: effect.ticket, bytes }));
      return;
    }
    case "store-slice":
      host.writes.push(() => {
        const before = effect.offsetBytes === 0 || disk.transfer === null ? new Uint8Array(0) : disk.transfer.bytes;
        assert(before.length === effect.offsetBytes, "harness", () => `slice at ${effect.offsetBytes} after ${before.length}`);
        disk.transfer = { identity: effect.transfer, bytes: Uint8Array.from([...before, ...effect.bytes]) };
        return { kind: "slice-stored", ticket: effect.ticket };
      });
      return;
    case "install-snapshot":
      host.writes.push(() => install(host, effect));
      return;
    case "load-state":
      host.writes.push(() => {
        const file = disk.snapshots[disk.snapshots.length - 1];
        assert(file !== undefined && host.unloaded, "cold", () => "nothing to load, or nothing wanted");
        host.service = createService(decodeSnapshot(file.bytes).words);
        host.unloaded = false;
        return { kind: "state-loaded", ticket: effect.ticket };
      });
      return;
    case "unload-state":
      host.service = createService();
      host.unloaded = true;
      return;
    case "drop-log":
      disk.entries = disk.entries.filter((entry) => entry.index > effect.throughIndex);
      return;
    case "drop-snapshots":
      disk.snapshots = disk.snapshots.filter(
        (snapshot, at, all) => at === all.length - 1 || effect.usedIndexes.includes(snapshot.record.index),
      );
      return;
    case "end-process":
      host.ended = effect.reason;
      return crashHost(host, 0);
    case "note":
      return;
    case "reached":
      host.reached.push(effect.point);
      if (host.dieAt === effect.point) crashHost(host, 0);
      return;
    default:
      return unreachable(effect);
  }
}

function capture(host: Host, ticket: number, point: SnapshotPoint, table: TableImage): void {
  assert(host.service.undo.length === 0, "S8", () => "a snapshot of speculation");
  const bytes = encodeSnapshot(point, table, host.service.words);
  const record = { ...point, sizeBytes: bytes.length, checksum: checksumOf(bytes) };
  host.writes.push(() => {
    host.disk.snapshots.push({ record, bytes });
    return { kind: "snapshot-persisted", ticket, sizeBytes: record.sizeBytes, checksum: record.checksum };
  });
}

function install(host: Host, effect: Extract<ReplicaEffect, { readonly kind: "install-snapshot" }>): ReplicaEvent {
  const { disk } = host;
  const { ticket, transfer: identity, keepLog, load } = effect;
  const bytes = disk.transfer?.bytes ?? new Uint8Array(0);
  disk.transfer = null;
  if (bytes.length !== identity.sizeBytes || checksumOf(bytes) !== identity.checksum)
    return { kind: "snapshot-rejected", ticket, reason: "checksum" };
  const { point, table, words } = decodeSnapshot(bytes);
  const record = { ...point, sizeBytes: bytes.length, checksum: identity.checksum };
  disk.snapshots.push({ record, bytes });
  if (!keepLog) disk.entries = [];
  if (load) host.service = createService(words);
  host.unloaded = !load;
  return { kind: "snapshot-installed", ticket, record, table: tableOf(table) };
}
