/** A replica's disk: what is durable, and the writes on their way, which become durable one by one in their order. */
import { unreachable } from "../vocabulary/assert.js";
import type { Entry } from "../vocabulary/entry.js";
import { EPOCH_ZERO, type Epoch } from "../vocabulary/epoch.js";
import type { TableImage } from "../vocabulary/session.js";
import type { View } from "../vocabulary/view.js";
import type { ReplicaEffect } from "../server/core/effect.js";
import type { ReplicaEvent, SnapshotPoint, SnapshotRecord, TransferIdentity } from "../server/core/event.js";
import { tableOf } from "../server/core/table-build.js";
import { createObjectTable, numberOf, objectAt } from "./object-table.js";
import { freeze } from "./plain-data.js";
import { bytesOf, createWordList, type WordList, wordOf } from "./word-list.js";

/** What a snapshot holds. In place of its bytes travels its number. */
export interface SnapshotContent {
  readonly point: SnapshotPoint;
  readonly table: TableImage;
  readonly words: readonly string[];
}

export interface Disk {
  promise: Epoch;
  activeView: View | null;
  blank: boolean;
  entries: Entry[];
  snapshot: SnapshotRecord | null;
  transfer: { readonly identity: TransferIdentity; readonly bytes: string } | null;
}

type DiskEffect = Extract<
  ReplicaEffect,
  {
    readonly kind: "persist" | "persist-promise" | "read-snapshot" | "store-slice" | "install-snapshot" | "load-state";
  }
>;

export interface Write {
  readonly ticket: number;
  readonly effect: DiskEffect | { readonly kind: "capture-snapshot" };
  /** Number of the snapshot that was captured. */
  readonly content: number;
}

const contents = createObjectTable<SnapshotContent>();

export function createDisk(): Disk {
  return { promise: EPOCH_ZERO, activeView: null, blank: true, entries: [], snapshot: null, transfer: null };
}

/** The number under which a snapshot travels. */
export function numberOfContent(content: SnapshotContent): number {
  return numberOf(contents, freeze(content)) + 1;
}

function contentOf(number: number): SnapshotContent {
  return objectAt(contents, number - 1);
}

function recordOf(number: number): SnapshotRecord {
  return freeze({ ...contentOf(number).point, sizeBytes: String(number).length, checksum: number });
}

export function wordsOnDisk(disk: Disk): WordList {
  return createWordList(disk.snapshot === null ? [] : contentOf(disk.snapshot.checksum).words);
}

export function recoveredFrom(disk: Disk): ReplicaEvent {
  const { promise, activeView, blank, snapshot } = disk;
  const transfer = disk.transfer === null ? null : { ...disk.transfer.identity, storedBytes: disk.transfer.bytes.length };
  return {
    kind: "recovered",
    promise,
    activeView,
    blank,
    snapshot: snapshot === null ? null : { record: snapshot, table: tableOf(contentOf(snapshot.checksum).table) },
    entries: [...disk.entries],
    transfer,
  };
}

/** The oldest write becomes durable; returns what the core is told. `replaceWords`: a snapshot is loaded into the executor. */
export function complete(disk: Disk, write: Write, replaceWords: (words: readonly string[]) => void): ReplicaEvent {
  const { effect } = write;
  const { ticket } = write;
  switch (effect.kind) {
    case "persist": {
      const { truncateAfter, entries } = effect;
      if (truncateAfter !== null) disk.entries = disk.entries.filter((entry) => entry.index <= truncateAfter);
      disk.entries.push(...entries);
      return { kind: "entries-persisted", ticket };
    }
    case "persist-promise":
      disk.promise = effect.promise;
      disk.activeView = effect.activeView;
      disk.blank = effect.blank;
      return { kind: "promise-persisted", ticket };
    case "capture-snapshot": {
      disk.snapshot = recordOf(write.content);
      return { kind: "snapshot-persisted", ticket, sizeBytes: disk.snapshot.sizeBytes, checksum: disk.snapshot.checksum };
    }
    case "read-snapshot": {
      const bytes = disk.snapshot?.index === effect.snapshotIndex ? bytesOf(String(disk.snapshot.checksum)) : new Uint8Array(0);
      return { kind: "snapshot-read", ticket, bytes: bytes.slice(effect.offsetBytes, effect.offsetBytes + effect.sizeBytes) };
    }
    case "store-slice": {
      const before = effect.offsetBytes === 0 || disk.transfer === null ? "" : disk.transfer.bytes;
      disk.transfer = { identity: effect.transfer, bytes: before + wordOf(effect.bytes) };
      return { kind: "slice-stored", ticket };
    }
    case "install-snapshot": {
      const number = Number(disk.transfer?.bytes ?? 0);
      disk.transfer = null;
      disk.snapshot = recordOf(number);
      if (!effect.keepLog) disk.entries = [];
      if (effect.load) replaceWords(contentOf(number).words);
      return { kind: "snapshot-installed", ticket, record: disk.snapshot, table: tableOf(contentOf(number).table) };
    }
    case "load-state":
      replaceWords(wordsOnDisk(disk).words);
      return { kind: "state-loaded", ticket };
    default:
      return unreachable(effect);
  }
}
