import { BUFFERED_BYTES_MAX, type Connection } from "../../runtime/connection.js";
import type { Executor } from "../../service/executor.js";
import { unreachable } from "../../vocabulary/assert.js";
import type { Message } from "../../vocabulary/message.js";
import type { ReplicaEffect } from "../core/effect.js";
import { dieAtFailpoint } from "../../runtime/failpoint.js";
import type { Links } from "./links.js";
import type { SliceRooms } from "./slice-rooms.js";
import type { ReplicaDisk } from "../shell/replica-disk.js";
import type { StateLoader } from "../shell/state-loader.js";
import type { SnapshotWriter } from "../shell/snapshot-writer.js";

export interface Workshop {
  readonly folder: string;
  readonly connections: ReadonlyMap<number, Connection>;
  readonly links: Links;
  readonly disk: ReplicaDisk;
  readonly slices: SliceRooms;
  readonly executor: Executor;
  readonly snapshots: SnapshotWriter;
  readonly loader: StateLoader;
  onStateLoaded(ticket: number): void;
  note(level: "info" | "warn", text: string): void;
  end(reason: string, discard: boolean): void;
}

/**
 * What nobody waits for: it must not hold up what goes to the disk and to other replicas. Reports are not among it, since none may come to
 * the RM after a later answer. An end comes after the note that explains it.
 */
export function canWait(effect: ReplicaEffect): boolean {
  switch (effect.kind) {
    case "send":
      return effect.message.kind === "members";
    case "link":
    case "note":
    case "end-process":
      return true;
    default:
      return false;
  }
}

/** Among these the order counts: a state is captured, loaded or let go between two commands. */
export function isForExecutor({ kind }: ReplicaEffect): boolean {
  return kind === "execution" || kind === "capture-snapshot" || kind === "load-state" || kind === "unload-state";
}

/** Far below what cuts a peer off (BUFFERED_BYTES_MAX): answers of megabytes leave in one turn, and their reader is not slow for that. */
const ANSWERS_BUFFERED_BYTES_MAX = BUFFERED_BYTES_MAX / 2;

/** Back-pressure: an answer that has no room beside those that its client has not read yet is to be asked for again (S6h: that says nothing of the outcome). */
export function inMeasure(message: Message, bufferedBytes: number): Message {
  if (message.kind !== "reply" || bufferedBytes === 0) return message;
  if (bufferedBytes + message.reply.bytes.length <= ANSWERS_BUFFERED_BYTES_MAX) return message;
  return { kind: "redirect", ticket: message.ticket };
}

/** Hands each effect to what performs it. */
export function performEffect(shop: Workshop, effect: ReplicaEffect): void {
  switch (effect.kind) {
    case "send": {
      const connection = shop.connections.get(effect.connection);
      const { message } = effect;
      if (message.kind === "snapshot-slice") connection?.send(message, () => shop.slices.giveBack(message.bytes));
      else connection?.send(inMeasure(message, connection.bufferedBytes));
      return;
    }
    case "close":
      shop.connections.get(effect.connection)?.close(effect.reason);
      return;
    case "link":
      shop.links.update(effect.replicas, effect.book);
      return;
    case "persist":
    case "persist-promise":
      shop.disk.submit(effect);
      return;
    case "execution":
      shop.executor.submit(effect.command);
      return;
    case "capture-snapshot":
      shop.snapshots.start(effect);
      return;
    case "read-snapshot": {
      const { ticket, snapshotIndex, offsetBytes, sizeBytes } = effect;
      shop.disk.submit({ kind: "read-snapshot", ticket, index: snapshotIndex, offsetBytes, sizeBytes });
      return;
    }
    case "store-slice": {
      const { ticket, transfer, offsetBytes, bytes } = effect;
      shop.disk.submit({ kind: "receive-slice", ticket, ...transfer, offsetBytes, bytes });
      return;
    }
    case "install-snapshot":
      shop.snapshots.abort();
      shop.loader.expectInstall(effect.load);
      shop.disk.submit({ kind: "install-received", ticket: effect.ticket, keepLog: effect.keepLog });
      return;
    case "load-state":
      return shop.loader.start(() => shop.onStateLoaded(effect.ticket));
    case "unload-state":
      shop.executor.reset();
      return;
    case "drop-log":
      shop.disk.submit({ kind: "drop-log", throughIndex: effect.throughIndex });
      return;
    case "drop-snapshots":
      shop.disk.submit({ kind: "release-snapshots", exceptIndexes: effect.usedIndexes });
      return;
    case "end-process":
      shop.end(effect.reason, effect.discard);
      return;
    case "note":
      shop.note(effect.level, effect.text);
      return;
    case "reached":
      dieAtFailpoint(shop.folder, effect.point);
      return;
    default:
      unreachable(effect);
  }
}
