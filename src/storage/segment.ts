import { type ByteReader, readCount, readU8, readU32, startReader } from "../codec/byte-reader.js";
import { type ByteWriter, finishWhole, startWriter, writeCount, writeU8, writeU32 } from "../codec/byte-writer.js";
import { crc32, crc32OfText } from "../codec/checksum.js";
import { decodeEntry, entrySizeAt } from "../codec/entry.js";
import type { Entry } from "../vocabulary/entry.js";
import type { GroupName, Incarnation } from "../vocabulary/ids.js";
import { type Problem, versionProblem } from "./outcome.js";

/**
 * A segment is a header, then batches. A batch is a head, the records of its entries, and a trailer that closes it. Batches are numbered
 * along the whole log, and batch n + 1 is begun only when n is synced: so an intact trailer or head of a later batch proves that this one
 * was whole once. Behind the last batch stands a mark as soon as that is synced, which proves the same; the next batch is written over it.
 * Checksums begin with a salt of incarnation and segment, so stale or foreign bytes never parse.
 */
export const SEGMENT_HEAD_SIZE_BYTES = 32;
export const BATCH_HEAD_SIZE_BYTES = 41;
export const BATCH_TRAILER_SIZE_BYTES = 36;
export const MARK_SIZE_BYTES = 32;
const SEGMENT_MAGIC = 0x54525053;
const HEAD_MAGIC = 0x54525042;
const TRAILER_MAGIC = 0x54525045;
const MARK_MAGIC = 0x5452504d;
const SIZE_AT_BYTES = 16;
const MAGIC_FIRST_BYTE = 0x54;
const FORMAT_VERSION = 1;

/** What a batch does to the log before its entries are added. `seal`: the log goes on in the next segment. */
export type BatchCut =
  | { readonly kind: "none" }
  | { readonly kind: "truncate"; readonly afterIndex: number }
  | { readonly kind: "reset"; readonly afterIndex: number }
  | { readonly kind: "seal" };

const CUT_CODES = { none: 0, truncate: 1, reset: 2, seal: 3 } as const;

export interface BatchPlace {
  readonly incarnation: Incarnation;
  readonly segmentId: number;
  readonly batchNumber: number;
}

export interface Batch {
  readonly number: number;
  readonly cut: BatchCut;
  readonly entries: readonly Entry[];
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export function segmentPath(segmentId: number): string {
  return `segment-${String(segmentId).padStart(12, "0")}`;
}

/** Of a segment that is not needed any more, and kept to become another one. */
export function freeSegmentPath(segmentId: number): string {
  return `free-${String(segmentId).padStart(12, "0")}`;
}

export function freeSegmentIdOf(name: string): number | null {
  const match = /^free-(\d{12})$/.exec(name);
  return match?.[1] === undefined ? null : Number(match[1]);
}

export function segmentIdOf(name: string): number | null {
  const match = /^segment-(\d{12})$/.exec(name);
  return match?.[1] === undefined ? null : Number(match[1]);
}

function saltOf(incarnation: Incarnation, segmentId: number): number {
  return crc32OfText(`${incarnation}/${segmentId}`);
}

/** `sizeBytes`: of the whole file, which has it before the first batch comes. */
export function encodeSegmentHead(incarnation: Incarnation, segmentId: number, sizeBytes: number): Uint8Array {
  const writer = startWriter();
  writeU32(writer, SEGMENT_MAGIC);
  writeU32(writer, FORMAT_VERSION);
  writeCount(writer, segmentId);
  writeU32(writer, sizeBytes);
  const head = finishWhole(writer);
  const padded = new Uint8Array(SEGMENT_HEAD_SIZE_BYTES);
  padded.set(head);
  new DataView(padded.buffer).setUint32(SEGMENT_HEAD_SIZE_BYTES - 4, crc32(padded.subarray(0, -4), saltOf(incarnation, segmentId)));
  return padded;
}

/** Why these are not the first bytes of that segment, or null. */
export function checkSegmentHead(bytes: Uint8Array, incarnation: Incarnation, segmentId: number): Problem | null {
  if (bytes.length < SEGMENT_HEAD_SIZE_BYTES) return { what: `it has only ${bytes.length} bytes`, isUnsupported: false };
  const reader = startReader(bytes);
  if (readU32(reader) !== SEGMENT_MAGIC) return { what: "it does not begin like a segment", isUnsupported: false };
  const version = readU32(reader);
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(SEGMENT_HEAD_SIZE_BYTES - 4);
  const checksum = crc32(bytes.subarray(0, SEGMENT_HEAD_SIZE_BYTES - 4), saltOf(incarnation, segmentId));
  if (checksum !== stored)
    return { what: "the checksum of its head is wrong, or it belongs to another life of a replica", isUnsupported: false };
  return version === FORMAT_VERSION ? null : versionProblem(version, FORMAT_VERSION);
}

/** The same for a whole file, which must not have become shorter. */
export function checkSegment(bytes: Uint8Array, incarnation: Incarnation, segmentId: number): Problem | null {
  const problem = checkSegmentHead(bytes, incarnation, segmentId);
  if (problem !== null) return problem;
  const sizeBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(SIZE_AT_BYTES);
  return bytes.length >= sizeBytes ? null : { what: `${bytes.length} of its ${sizeBytes} bytes are left`, isUnsupported: false };
}

/** `syncedIndex`: the last index that was durable before this batch. */
export function encodeBatch(place: BatchPlace, cut: BatchCut, records: readonly Uint8Array[], syncedIndex: number): Uint8Array[] {
  const salt = saltOf(place.incarnation, place.segmentId);
  const head = startWriter();
  writeU32(head, HEAD_MAGIC);
  writePlace(head, place);
  writeU8(head, CUT_CODES[cut.kind]);
  writeCount(head, "afterIndex" in cut ? cut.afterIndex : 0);
  writeU32(
    head,
    records.reduce((sum, record) => sum + record.length, 0),
  );
  writeU32(head, records.length);
  const headBytes = finishChecked(head, salt);
  const trailer = startWriter();
  writeU32(trailer, TRAILER_MAGIC);
  writePlace(trailer, place);
  writeCount(trailer, syncedIndex);
  writeU32(
    trailer,
    records.reduce((checksum, record) => crc32(record, checksum), salt),
  );
  return [headBytes, ...records, finishChecked(trailer, salt)];
}

/** Says that this batch, and `syncedIndex` with it, is synced. */
export function encodeMark(place: BatchPlace, syncedIndex: number): Uint8Array {
  const mark = startWriter();
  writeU32(mark, MARK_MAGIC);
  writePlace(mark, place);
  writeCount(mark, syncedIndex);
  return finishChecked(mark, saltOf(place.incarnation, place.segmentId));
}

function writePlace(writer: ByteWriter, place: BatchPlace): void {
  writeCount(writer, place.segmentId);
  writeCount(writer, place.batchNumber);
}

function finishChecked(writer: ByteWriter, salt: number): Uint8Array {
  writeU32(writer, 0);
  const bytes = finishWhole(writer);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4), salt));
  return bytes;
}

export interface ParsedSegment {
  readonly batches: readonly Batch[];
  /** Where the next batch goes; what lies behind, if anything, is a mark, an unfinished batch, or of an earlier use of the file. */
  readonly endBytes: number;
  readonly sealed: boolean;
  readonly damage: ({ readonly offsetBytes: number } & Problem) | null;
}

/** Reads the batches of a segment whose head was checked. `nextNumber`: that its first batch must have; null when any will do. */
export function parseSegment(
  bytes: Uint8Array,
  place: { readonly incarnation: Incarnation; readonly segmentId: number; readonly group: GroupName },
  nextNumber: number | null,
): ParsedSegment {
  const salt = saltOf(place.incarnation, place.segmentId);
  const batches: Batch[] = [];
  let offsetBytes = SEGMENT_HEAD_SIZE_BYTES;
  let expected = nextNumber;
  for (;;) {
    const batch = parseBatch(bytes, offsetBytes, salt, place.segmentId, place.group);
    if (batch.kind === "whole" && (expected === null || batch.batch.number === expected)) {
      batches.push(batch.batch);
      expected = batch.batch.number + 1;
      offsetBytes += batch.batch.sizeBytes;
      if (batch.batch.cut.kind === "seal") return { batches, endBytes: offsetBytes, sealed: true, damage: null };
      continue;
    }
    const problem =
      batch.kind === "whole"
        ? { what: "a batch with a wrong number", isUnsupported: false }
        : (batch.problem ?? laterTrace(bytes, offsetBytes, salt, place.segmentId, expected));
    return { batches, endBytes: offsetBytes, sealed: false, damage: problem === null ? null : { offsetBytes, ...problem } };
  }
}

/** What stands at `offsetBytes`, where a batch was expected and none is whole: for people. */
export function traceAt(bytes: Uint8Array, offsetBytes: number, incarnation: Incarnation, segmentId: number): "mark" | "head" | null {
  const salt = saltOf(incarnation, segmentId);
  if (readChecked(bytes, offsetBytes, MARK_SIZE_BYTES, MARK_MAGIC, salt, segmentId) !== null) return "mark";
  return readChecked(bytes, offsetBytes, BATCH_HEAD_SIZE_BYTES, HEAD_MAGIC, salt, segmentId) === null ? null : "head";
}

type ParsedBatch = { readonly kind: "whole"; readonly batch: Batch } | { readonly kind: "bad"; readonly problem: Problem | null };

/** `problem` is set when the batch is bad beyond doubt: its trailer is intact, its content is not. */
function parseBatch(bytes: Uint8Array, offsetBytes: number, salt: number, segmentId: number, group: GroupName): ParsedBatch {
  const unfinished: ParsedBatch = { kind: "bad", problem: null };
  const reader = readChecked(bytes, offsetBytes, BATCH_HEAD_SIZE_BYTES, HEAD_MAGIC, salt, segmentId);
  if (reader === null) return unfinished;
  const number = readCount(reader);
  const cutCode = readU8(reader);
  const cut = cutOf(cutCode, readCount(reader));
  const recordsSizeBytes = readU32(reader);
  const entryCount = readU32(reader);
  const recordsAt = offsetBytes + BATCH_HEAD_SIZE_BYTES;
  const trailerAt = recordsAt + recordsSizeBytes;
  const trailer = readChecked(bytes, trailerAt, BATCH_TRAILER_SIZE_BYTES, TRAILER_MAGIC, salt, segmentId);
  if (trailer === null || readCount(trailer) !== number) return unfinished;
  readCount(trailer);
  const bad = (what: string, isUnsupported = false): ParsedBatch => ({ kind: "bad", problem: { what, isUnsupported } });
  if (crc32(bytes.subarray(recordsAt, trailerAt), salt) !== readU32(trailer))
    return bad(`batch ${number} is closed by its trailer, but its content is damaged`);
  if (cut === null) return bad(`batch ${number} is of kind ${cutCode}, which this release does not know`, true);
  const entries = parseEntries(bytes, recordsAt, trailerAt, group);
  if (!Array.isArray(entries)) return bad(`in batch ${number}: ${entries.what}`, entries.isUnsupported);
  if (entries.length !== entryCount) return bad(`batch ${number} holds another number of entries than it says`);
  const sizeBytes = trailerAt + BATCH_TRAILER_SIZE_BYTES - offsetBytes;
  return { kind: "whole", batch: { number, cut, entries, offsetBytes, sizeBytes } };
}

function cutOf(code: number, afterIndex: number): BatchCut | null {
  if (code === CUT_CODES.none) return { kind: "none" };
  if (code === CUT_CODES.seal) return { kind: "seal" };
  if (code === CUT_CODES.truncate) return { kind: "truncate", afterIndex };
  return code === CUT_CODES.reset ? { kind: "reset", afterIndex } : null;
}

function parseEntries(bytes: Uint8Array, fromBytes: number, toBytes: number, group: GroupName): Entry[] | Problem {
  const entries: Entry[] = [];
  let at = fromBytes;
  while (at < toBytes) {
    const size = entrySizeAt(bytes, at);
    if (size === null || at + size > toBytes) return { what: "an entry of a wrong size", isUnsupported: false };
    // A copy: an entry that lives on must not keep the whole segment in memory.
    const decoded = decodeEntry(group, bytes.slice(at, at + size));
    if (!decoded.ok) return { what: decoded.reason, isUnsupported: decoded.isUnsupported };
    entries.push(decoded.entry);
    at += size;
  }
  return entries;
}

/** A reader behind magic and segment id of a head or trailer that is intact, or null. */
function readChecked(bytes: Uint8Array, at: number, sizeBytes: number, magic: number, salt: number, segmentId: number): ByteReader | null {
  if (at + sizeBytes > bytes.length) return null;
  const piece = bytes.subarray(at, at + sizeBytes);
  const reader = startReader(piece);
  if (readU32(reader) !== magic || readCount(reader) !== segmentId || reader.failed) return null;
  const stored = reader.view.getUint32(sizeBytes - 4);
  return crc32(piece.subarray(0, -4), salt) === stored ? reader : null;
}

/**
 * PROTOCOL section 7: an intact trailer, a head of a later batch, or a mark of the batch that is expected here, behind a bad place proves
 * damage. Null: only an unfinished batch is here.
 */
function laterTrace(bytes: Uint8Array, offsetBytes: number, salt: number, segmentId: number, expected: number | null): Problem | null {
  const damage = (what: string): Problem => ({ what: `damaged before ${what}`, isUnsupported: false });
  for (let at = bytes.indexOf(MAGIC_FIRST_BYTE, offsetBytes); at >= 0; at = bytes.indexOf(MAGIC_FIRST_BYTE, at + 1)) {
    const trailer = readChecked(bytes, at, BATCH_TRAILER_SIZE_BYTES, TRAILER_MAGIC, salt, segmentId);
    if (trailer !== null) return damage(`the trailer of batch ${readCount(trailer)}, which is intact`);
    const mark = readChecked(bytes, at, MARK_SIZE_BYTES, MARK_MAGIC, salt, segmentId);
    const marked = mark === null ? null : readCount(mark);
    // The mark of the batch before stands here until another is written over it.
    if (marked !== null && (expected === null || marked >= expected)) return damage(`the mark that says that batch ${marked} was synced`);
    if (at === offsetBytes) continue;
    const head = readChecked(bytes, at, BATCH_HEAD_SIZE_BYTES, HEAD_MAGIC, salt, segmentId);
    if (head !== null) return damage(`batch ${readCount(head)}, which was begun only when what is damaged was synced`);
  }
  return null;
}
