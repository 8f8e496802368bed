import { decodeText } from "./text.js";

/**
 * Reads what a byte writer wrote. It never throws and never reads past the end: the first field that does not fit sets `failed`, and from
 * then on every read gives an empty value. Whoever reads looks at `failed` once, at the end.
 */
export interface ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offsetBytes: number;
  failed: boolean;
}

const EMPTY = new Uint8Array(0);

export function startReader(bytes: Uint8Array, offsetBytes = 0): ByteReader {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offsetBytes, failed: false };
}

export function remainingBytes(reader: ByteReader): number {
  return reader.failed ? 0 : reader.bytes.length - reader.offsetBytes;
}

/** Everything was read, and all of it was there. */
export function readerIsDone(reader: ByteReader): boolean {
  return !reader.failed && reader.offsetBytes === reader.bytes.length;
}

/** The offset of the next `sizeBytes`, or -1. */
function take(reader: ByteReader, sizeBytes: number): number {
  const offsetBytes = reader.offsetBytes;
  if (reader.failed || sizeBytes > reader.bytes.length - offsetBytes) {
    reader.failed = true;
    return -1;
  }
  reader.offsetBytes = offsetBytes + sizeBytes;
  return offsetBytes;
}

export function readU8(reader: ByteReader): number {
  const at = take(reader, 1);
  return at < 0 ? 0 : (reader.bytes[at] ?? 0);
}

/** A byte that must be 0 or 1. */
export function readFlag(reader: ByteReader): boolean {
  const value = readU8(reader);
  if (value > 1) reader.failed = true;
  return value === 1;
}

export function readU32(reader: ByteReader): number {
  const at = take(reader, 4);
  return at < 0 ? 0 : reader.view.getUint32(at);
}

/** A safe integer, 0 to 2^53 - 1. */
export function readCount(reader: ByteReader): number {
  const at = take(reader, 8);
  if (at < 0) return 0;
  const high = reader.view.getUint32(at);
  if (high >= 2_097_152) {
    reader.failed = true;
    return 0;
  }
  return high * 4_294_967_296 + reader.view.getUint32(at + 4);
}

/** Finite, and not -0: nothing in a message may be NaN. */
export function readF64(reader: ByteReader): number {
  const at = take(reader, 8);
  if (at < 0) return 0;
  const value = reader.view.getFloat64(at);
  if (!Number.isFinite(value)) {
    reader.failed = true;
    return 0;
  }
  return value === 0 ? 0 : value;
}

/** A view into the bytes read from, not a copy. */
export function readRaw(reader: ByteReader, sizeBytes: number): Uint8Array {
  const at = take(reader, sizeBytes);
  return at < 0 ? EMPTY : reader.bytes.subarray(at, at + sizeBytes);
}

export function readBytes(reader: ByteReader): Uint8Array {
  return readRaw(reader, readU32(reader));
}

export function readText(reader: ByteReader): string {
  const text = decodeText(readBytes(reader));
  if (text === null) {
    reader.failed = true;
    return "";
  }
  return text;
}
