import { unreachable } from "../vocabulary/assert.js";
import type { Entry } from "../vocabulary/entry.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { GroupName } from "../vocabulary/ids.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { Message } from "../vocabulary/message.js";
import { CONSISTENCIES } from "../vocabulary/message-client.js";
import type { View } from "../vocabulary/view.js";
import {
  type ByteReader,
  readBytes,
  readCount,
  readerIsDone,
  readFlag,
  readRaw,
  readText,
  readU8,
  readU32,
  remainingBytes,
} from "./byte-reader.js";
import { type ByteWriter, writeBytes, writeCount, writeRaw, writeText, writeU8, writeU32 } from "./byte-writer.js";
import { decodeEntry, encodeEntry, entrySizeAt } from "./entry.js";
import { readIdentity, writeIdentity } from "./identity.js";
import { encodeValue, tryDecodeValue } from "./value.js";
import { viewShape } from "./view-shape.js";

/** The messages that pass by the ten thousand: laid out by hand, payloads and entries taken over as the bytes that they are. */
export type HotKind = "append" | "append-ack" | "confirm" | "confirmed" | "snapshot-slice" | "request" | "query" | "reply";
export type HotMessage = Extract<Message, { readonly kind: HotKind }>;

export const HOT_CODES: { readonly [K in HotKind]: number } = {
  append: 1,
  "append-ack": 2,
  confirm: 3,
  confirmed: 4,
  "snapshot-slice": 5,
  request: 6,
  query: 7,
  reply: 8,
};
const HOT_KINDS = new Map(Object.entries(HOT_CODES).map(([kind, code]) => [code, kind as HotKind]));

export function isHot(message: Message): message is HotMessage {
  return Object.hasOwn(HOT_CODES, message.kind);
}

export function hotKindOf(code: number): HotKind | undefined {
  return HOT_KINDS.get(code);
}

/** Before a frame is begun: entries that are encoded within one would each take a slab of their own. */
export function prepareHot(message: HotMessage, group: GroupName | null): void {
  if (message.kind === "append") for (const entry of message.entries) encodeEntry(group ?? NO_GROUP, entry);
}

/** `group` is the one that the connection is about; only entries need it (L5). */
export function writeHot(writer: ByteWriter, message: HotMessage, group: GroupName | null): void {
  switch (message.kind) {
    case "append":
      writeEpoch(writer, message.epoch);
      writeEpoch(writer, message.prevEpoch);
      writeCount(writer, message.prevIndex);
      writeCount(writer, message.commitIndex);
      writeU8(writer, message.active ? 1 : 0);
      writeView(writer, message.view);
      writeU32(writer, message.entries.length);
      for (const entry of message.entries) writeRaw(writer, encodeEntry(group ?? NO_GROUP, entry));
      return;
    case "append-ack":
      writeEpoch(writer, message.epoch);
      writeCount(writer, message.index);
      return;
    case "confirm":
    case "confirmed":
      writeEpoch(writer, message.epoch);
      writeCount(writer, message.round);
      return;
    case "snapshot-slice":
      writeEpoch(writer, message.epoch);
      writeEpoch(writer, message.snapshotEpoch);
      writeCount(writer, message.snapshotIndex);
      writeCount(writer, message.sizeBytes);
      writeU32(writer, message.checksum);
      writeCount(writer, message.offsetBytes);
      writeView(writer, message.view);
      writeRaw(writer, message.bytes);
      return;
    case "request":
      writeCount(writer, message.ticket);
      writeIdentity(writer, message.identity);
      writeText(writer, message.operation);
      writeRaw(writer, message.input);
      return;
    case "query":
      writeCount(writer, message.ticket);
      writeText(writer, message.query);
      writeU8(writer, CONSISTENCIES.indexOf(message.consistency));
      writeCount(writer, message.atLeastIndex);
      writeRaw(writer, message.input);
      return;
    case "reply":
      writeCount(writer, message.ticket);
      writeCount(writer, message.index);
      writeEpoch(writer, message.epoch);
      writeU8(writer, message.reply.refused ? 1 : 0);
      writeRaw(writer, message.reply.bytes);
      return;
    default:
      unreachable(message);
  }
}

/** No group has this name: entries on a connection without a group are refused by whoever reads them. */
const NO_GROUP = "" as GroupName;

export type DecodedHot = { readonly ok: true; readonly message: HotMessage } | { readonly ok: false; readonly reason: string };

export function readHot(reader: ByteReader, kind: HotKind, group: GroupName | null): DecodedHot {
  if (kind === "append") return readAppend(reader, group);
  const message = readOther(reader, kind);
  if (message === null || !readerIsDone(reader)) return { ok: false, reason: `a message ${kind} that does not have its form` };
  return { ok: true, message };
}

function readOther(reader: ByteReader, kind: Exclude<HotKind, "append">): HotMessage | null {
  switch (kind) {
    case "append-ack":
      return { kind, epoch: readEpoch(reader), index: readCount(reader) };
    case "confirm":
    case "confirmed":
      return { kind, epoch: readEpoch(reader), round: readCount(reader) };
    case "snapshot-slice":
      return readSlice(reader);
    case "request":
      return { kind, ticket: readCount(reader), identity: readIdentity(reader), operation: readText(reader), input: readRest(reader) };
    case "query":
      return readQuery(reader);
    case "reply":
      return {
        kind,
        ticket: readCount(reader),
        index: readCount(reader),
        epoch: readEpoch(reader),
        reply: { refused: readFlag(reader), bytes: readRest(reader) },
      };
    default:
      return unreachable(kind);
  }
}

function readQuery(reader: ByteReader): HotMessage | null {
  const ticket = readCount(reader);
  const query = readText(reader);
  const consistency = CONSISTENCIES[readU8(reader)];
  const atLeastIndex = readCount(reader);
  return consistency === undefined ? null : { kind: "query", ticket, query, consistency, atLeastIndex, input: readRest(reader) };
}

function readSlice(reader: ByteReader): HotMessage | null {
  const epoch = readEpoch(reader);
  const snapshotEpoch = readEpoch(reader);
  const snapshotIndex = readCount(reader);
  const sizeBytes = readCount(reader);
  const checksum = readU32(reader);
  const offsetBytes = readCount(reader);
  const view = readView(reader);
  const bytes = readRest(reader);
  if (view === null || offsetBytes + bytes.length > sizeBytes) return null;
  return { kind: "snapshot-slice", epoch, snapshotEpoch, snapshotIndex, sizeBytes, checksum, offsetBytes, view, bytes };
}

function readAppend(reader: ByteReader, group: GroupName | null): DecodedHot {
  const epoch = readEpoch(reader);
  const prevEpoch = readEpoch(reader);
  const prevIndex = readCount(reader);
  const commitIndex = readCount(reader);
  const active = readFlag(reader);
  const view = readView(reader);
  const entryCount = readU32(reader);
  if (reader.failed || entryCount > LIMITS.appendEntriesMax) return { ok: false, reason: "an append that does not have its form" };
  const entries: Entry[] = [];
  for (let at = 0; at < entryCount; at++) {
    const size = entrySizeAt(reader.bytes, reader.offsetBytes);
    const decoded = decodeEntry(group ?? NO_GROUP, readRaw(reader, size ?? 0));
    if (reader.failed || !decoded.ok) return { ok: false, reason: `an append with ${decoded.ok ? "an entry cut short" : decoded.reason}` };
    if (decoded.entry.index !== prevIndex + 1 + at)
      return { ok: false, reason: `an append whose entries do not follow ${prevIndex} one by one` };
    entries.push(decoded.entry);
  }
  if (!readerIsDone(reader)) return { ok: false, reason: "an append with bytes after its last entry" };
  return { ok: true, message: { kind: "append", epoch, prevEpoch, prevIndex, entries, commitIndex, active, view } };
}

function readRest(reader: ByteReader): Uint8Array {
  return readRaw(reader, remainingBytes(reader));
}

function writeEpoch(writer: ByteWriter, epoch: Epoch): void {
  writeCount(writer, epoch[0]);
  writeCount(writer, epoch[1]);
}

function readEpoch(reader: ByteReader): Epoch {
  return [readCount(reader), readCount(reader)];
}

function writeView(writer: ByteWriter, view: View | null): void {
  if (view === null) writeU32(writer, 0);
  else writeBytes(writer, encodeValue(view));
}

function readView(reader: ByteReader): View | null {
  const bytes = readBytes(reader);
  if (bytes.length === 0) return null;
  const decoded = tryDecodeValue(bytes);
  if (decoded.ok && viewShape(decoded.value)) return decoded.value;
  reader.failed = true;
  return null;
}
