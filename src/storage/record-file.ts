import { readerIsDone, readBytes, readRaw, readU32, startReader } from "../codec/byte-reader.js";
import { finishWhole, startWriter, writeBytes, writeRaw, writeU32 } from "../codec/byte-writer.js";
import { crc32 } from "../codec/checksum.js";
import { encodeText } from "../codec/text.js";
import { encodeValue, tryDecodeValue } from "../codec/value.js";
import { versionProblem } from "./outcome.js";

/** A small file that holds one plain value: magic, format version, size, checksum, value. */
export interface RecordFormat {
  /** Eight letters. */
  readonly magic: string;
  readonly version: number;
}

/** `isUnsupported`: whole, and of another version. */
export type Unreadable = { readonly ok: false; readonly reason: string; readonly isUnsupported: boolean };
export type DecodedRecord = { readonly ok: true; readonly value: unknown } | Unreadable;

export function encodeRecord(format: RecordFormat, value: unknown): Uint8Array {
  const body = encodeValue(value);
  const writer = startWriter();
  writeRaw(writer, encodeText(format.magic));
  writeU32(writer, format.version);
  writeU32(writer, crc32(body, format.version));
  writeBytes(writer, body);
  return finishWhole(writer);
}

/** Says precisely what is wrong; never throws. Bytes after the record are ignored when `padded`. */
export function decodeRecord(format: RecordFormat, bytes: Uint8Array, padded = false): DecodedRecord {
  const reader = startReader(bytes);
  const magic = readRaw(reader, format.magic.length);
  const expected = encodeText(format.magic);
  if (reader.failed) return unreadable(`it has only ${bytes.length} bytes`);
  if (!magic.every((byte, at) => byte === expected[at])) return unreadable(`it does not begin with ${format.magic}`);
  const version = readU32(reader);
  const checksum = readU32(reader);
  const body = readBytes(reader);
  if (reader.failed || (!padded && !readerIsDone(reader))) return unreadable("its size does not fit its content");
  // The checksum begins with the version: a version that was damaged is told from one of another release.
  if (crc32(body, version) !== checksum) return unreadable("its checksum is wrong");
  if (version !== format.version) return { ok: false, reason: versionProblem(version, format.version).what, isUnsupported: true };
  const decoded = tryDecodeValue(body);
  return decoded.ok ? decoded : unreadable(decoded.reason);
}

export function unreadable(reason: string): Unreadable {
  return { ok: false, reason, isUnsupported: false };
}
