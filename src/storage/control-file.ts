import { tryDecodeValue, encodeValue } from "../codec/value.js";
import { crc32 } from "../codec/checksum.js";
import { decodeRecord, encodeRecord, type RecordFormat, type Unreadable, unreadable } from "./record-file.js";

/** The embedded control store's one file: a map of plain values, each with a checksum of its own, so that damage can be named. */
export type ControlMap = ReadonlyMap<string, unknown>;

const FORMAT: RecordFormat = { magic: "TRPCTRL1", version: 1 };

export type DecodedControl = { readonly ok: true; readonly map: ControlMap } | Unreadable;

export function encodeControl(map: ControlMap): Uint8Array {
  const rows = [...map].map(([key, value]) => {
    const bytes = encodeValue(value);
    return [key, crc32(bytes), bytes];
  });
  return encodeRecord(FORMAT, rows);
}

/** `reason` says precisely what is damaged; never throws. What follows the record is room for a longer one. */
export function decodeControl(bytes: Uint8Array): DecodedControl {
  const record = decodeRecord(FORMAT, bytes, true);
  if (!record.ok && record.isUnsupported) return { ...record, reason: `the control file was written by another release: ${record.reason}` };
  if (!record.ok) return unreadable(`the control file is damaged: ${record.reason}`);
  if (!Array.isArray(record.value)) return unreadable("the control file does not hold a map");
  const map = new Map<string, unknown>();
  for (const row of record.value) {
    if (!isRow(row)) return unreadable(`entry ${map.size + 1} of the control file does not have its form`);
    const [key, checksum, value] = row;
    const decoded = tryDecodeValue(value);
    if (crc32(value) !== checksum || !decoded.ok) return unreadable(`the value of "${key}" in the control file is damaged`);
    if (map.has(key)) return unreadable(`"${key}" stands twice in the control file`);
    map.set(key, decoded.value);
  }
  return { ok: true, map };
}

function isRow(row: unknown): row is readonly [key: string, checksum: number, value: Uint8Array] {
  return Array.isArray(row) && row.length === 3 && typeof row[0] === "string" && typeof row[1] === "number" && row[2] instanceof Uint8Array;
}
