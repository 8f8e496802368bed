import { assert, unreachable } from "../vocabulary/assert.js";
import type { Entry, EntryBody } from "../vocabulary/entry.js";
import type { GroupName } from "../vocabulary/ids.js";
import {
  type ByteReader,
  readBytes,
  readCount,
  readerIsDone,
  readF64,
  readFlag,
  readRaw,
  readText,
  readU8,
  readU32,
  remainingBytes,
  startReader,
} from "./byte-reader.js";
import {
  type ByteWriter,
  finishWhole,
  startWriter,
  writeBytes,
  writeCount,
  writeF64,
  writeRaw,
  writeText,
  writeU8,
  writeU32,
} from "./byte-writer.js";
import { crc32, crc32OfText } from "./checksum.js";
import { readIdentity, writeIdentity } from "./identity.js";
import { arrayOf, literal, object, real, type Shape, union } from "./shape.js";
import { encodeValue, tryDecodeValue } from "./value.js";
import { identityShape, nonceShape, sessionShape, viewShape } from "./view-shape.js";

/**
 * An entry as the log, the followers' links and the disk hold it, one and the same bytes (L5):
 *
 *     u32 size of the record   u32 crc32 of all that follows, begun with the size
 *     u32 hash of the group    u8 kind of body    u64 term, counter, index    f64 ageMs    body
 */
export const ENTRY_HEAD_SIZE_BYTES = 45;
const CHECKED_FROM_BYTES = 8;
const RECORD_SIZE_BYTES_MAX = 0x7fff_ffff;

/** `isUnsupported`: whole, and of a kind that this release does not know. */
export type DecodedEntry =
  | { readonly ok: true; readonly entry: Entry }
  | { readonly ok: false; readonly reason: string; readonly isUnsupported: boolean };

interface EncodedEntry {
  readonly group: GroupName;
  readonly bytes: Uint8Array;
}

/** An entry is encoded once, however many followers and files it goes to; what came encoded is kept as it came. */
const encoded = new WeakMap<Entry, EncodedEntry>();
const hashes = new Map<GroupName, number>();

function groupHash(group: GroupName): number {
  const known = hashes.get(group);
  if (known !== undefined) return known;
  const hash = crc32OfText(group);
  // Names come from specs, but a peer's hello may bring any: the map stays small.
  if (hashes.size < 10_000) hashes.set(group, hash);
  return hash;
}

/** The entry's record; never changes and is made only once. */
export function encodeEntry(group: GroupName, entry: Entry): Uint8Array {
  const known = encoded.get(entry);
  if (known !== undefined) {
    assert(known.group === group, "L5", () => `an entry of ${known.group} used in ${group}`);
    return known.bytes;
  }
  const bytes = encodeRecord(group, entry);
  encoded.set(entry, { group, bytes });
  return bytes;
}

function encodeRecord(group: GroupName, entry: Entry): Uint8Array {
  const writer = startWriter();
  writeU32(writer, 0);
  writeU32(writer, 0);
  writeU32(writer, groupHash(group));
  writeU8(writer, BODY_CODES[entry.body.kind]);
  writeCount(writer, entry.epoch[0]);
  writeCount(writer, entry.epoch[1]);
  writeCount(writer, entry.index);
  writeF64(writer, entry.ageMs);
  writeBody(writer, entry.body);
  const bytes = finishWhole(writer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, bytes.length);
  view.setUint32(4, crc32(bytes.subarray(CHECKED_FROM_BYTES), bytes.length));
  return bytes;
}

/** Size of the record that starts at `offsetBytes`, or null when none can start there. */
export function entrySizeAt(bytes: Uint8Array, offsetBytes: number): number | null {
  const reader = startReader(bytes, offsetBytes);
  const size = readU32(reader);
  return reader.failed || size < ENTRY_HEAD_SIZE_BYTES || size > RECORD_SIZE_BYTES_MAX ? null : size;
}

/** `bytes` is exactly one record. L5: a damaged one, or one of another group, is refused with the reason. */
export function decodeEntry(group: GroupName, bytes: Uint8Array): DecodedEntry {
  const reader = startReader(bytes);
  const size = readU32(reader);
  const checksum = readU32(reader);
  if (reader.failed || size !== bytes.length || size < ENTRY_HEAD_SIZE_BYTES) return refused("an entry of a wrong size");
  if (crc32(bytes.subarray(CHECKED_FROM_BYTES), size) !== checksum) return refused("an entry whose checksum is wrong");
  if (readU32(reader) !== groupHash(group)) return refused(`an entry that is not of group ${group}`);
  const code = readU8(reader);
  const epoch = [readCount(reader), readCount(reader)] as const;
  const index = readCount(reader);
  const ageMs = readF64(reader);
  if (!KNOWN_CODES.has(code))
    return { ok: false, reason: `entry ${index} is of kind ${code}, which this release does not know`, isUnsupported: true };
  const body = readBody(reader, code);
  if (body === null || !readerIsDone(reader)) return refused(`entry ${index} does not have the form of its kind`);
  const entry: Entry = { index, epoch, ageMs, body };
  encoded.set(entry, { group, bytes });
  return { ok: true, entry };
}

function refused(reason: string): DecodedEntry {
  return { ok: false, reason, isUnsupported: false };
}

const BODY_CODES: { readonly [K in EntryBody["kind"]]: number } = {
  request: 1,
  update: 2,
  start: 3,
  "session-opened": 4,
  "session-resumed": 5,
  "sessions-renewed": 6,
  "sessions-expired": 7,
  "keys-expired": 8,
};
const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(BODY_CODES));
const REQUEST = BODY_CODES.request;
const UPDATE = BODY_CODES.update;

function writeBody(writer: ByteWriter, body: EntryBody): void {
  switch (body.kind) {
    case "request":
      writeIdentity(writer, body.identity);
      writeU32(writer, body.digest);
      writeText(writer, body.operation);
      writeF64(writer, body.nowMs);
      writeU32(writer, body.seed);
      writeRaw(writer, body.input);
      return;
    case "update":
      writeIdentity(writer, body.identity);
      writeU32(writer, body.digest);
      writeU8(writer, body.reply.refused ? 1 : 0);
      writeBytes(writer, body.reply.bytes);
      writeRaw(writer, body.redo);
      return;
    case "start":
    case "session-opened":
    case "session-resumed":
    case "sessions-renewed":
    case "sessions-expired":
    case "keys-expired":
      // Rare ones: a plain value, checked against its shape when it is read.
      writeRaw(writer, encodeValue(body));
      return;
    default:
      unreachable(body);
  }
}

function readBody(reader: ByteReader, code: number): EntryBody | null {
  if (code === REQUEST) return readRequest(reader);
  if (code === UPDATE) return readUpdate(reader);
  const decoded = tryDecodeValue(readRaw(reader, remainingBytes(reader)));
  if (!decoded.ok || !rareBody(decoded.value)) return null;
  return BODY_CODES[decoded.value.kind] === code ? decoded.value : null;
}

function readRequest(reader: ByteReader): EntryBody {
  return {
    kind: "request",
    identity: readIdentity(reader),
    digest: readU32(reader),
    operation: readText(reader),
    nowMs: readF64(reader),
    seed: readU32(reader),
    input: readRaw(reader, remainingBytes(reader)),
  };
}

function readUpdate(reader: ByteReader): EntryBody {
  return {
    kind: "update",
    identity: readIdentity(reader),
    digest: readU32(reader),
    reply: { refused: readFlag(reader), bytes: readBytes(reader) },
    redo: readRaw(reader, remainingBytes(reader)),
  };
}

type RareBody = Exclude<EntryBody, { readonly kind: "request" | "update" }>;
type Body<K extends RareBody["kind"]> = Extract<RareBody, { readonly kind: K }>;

const rareBody: Shape<RareBody> = union<RareBody>({
  start: object<Body<"start">>({ kind: literal("start"), view: viewShape, poison: arrayOf(identityShape) }),
  "session-opened": object<Body<"session-opened">>({ kind: literal("session-opened"), nonce: nonceShape }),
  "session-resumed": object<Body<"session-resumed">>({ kind: literal("session-resumed"), session: sessionShape }),
  "sessions-renewed": object<Body<"sessions-renewed">>({ kind: literal("sessions-renewed"), sessions: arrayOf(sessionShape) }),
  "sessions-expired": object<Body<"sessions-expired">>({ kind: literal("sessions-expired"), sessions: arrayOf(sessionShape) }),
  "keys-expired": object<Body<"keys-expired">>({ kind: literal("keys-expired"), belowAgeMs: real }),
});
