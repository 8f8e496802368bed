import { readU8, readU32, startReader } from "../codec/byte-reader.js";
import { crc32 } from "../codec/checksum.js";
import { count, object, real, type Shape } from "../codec/shape.js";
import { encodeText } from "../codec/text.js";
import { encodeValue, tryDecodeValue } from "../codec/value.js";
import { epochShape, groupShape, tableShape } from "../codec/view-shape.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { GroupName } from "../vocabulary/ids.js";
import type { KeyImage, SessionImage, TableImage } from "../vocabulary/session.js";
import { versionProblem } from "./outcome.js";
import type { SnapshotMeta } from "./store-command.js";

/**
 * A snapshot file: eight letters, format version, then sections (u32 size, u8 kind, content): one head, state slices, table pieces, one
 * end with counts; then the checksum of everything before it. It is the same file on the disk and on the way to a learner.
 */
export interface SnapshotHead {
  readonly group: GroupName;
  readonly epoch: Epoch;
  readonly index: number;
  readonly ageMs: number;
  readonly generation: number;
  /** Version 1 does not have it: 0. */
  readonly logTimeMs: number;
}

interface SnapshotEnd {
  readonly stateSlices: number;
  readonly stateBytes: number;
  readonly sessions: number;
  readonly keys: number;
}

export const SNAPSHOT_CHECKSUM_SIZE_BYTES = 4;
const MAGIC = "TRPSNAP1";
const FORMAT_VERSION = 2;
const READABLE_VERSIONS = [1, FORMAT_VERSION];
const PREFIX_SIZE_BYTES = MAGIC.length + 4;
const SECTION_HEAD_SIZE_BYTES = 5;
const KINDS = { head: 1, state: 2, table: 3, end: 4 } as const;
const KNOWN_KINDS: ReadonlySet<number> = new Set(Object.values(KINDS));
const TABLE_PIECE_ROWS = 512;

type FirstHead = Omit<SnapshotHead, "logTimeMs">;
const firstHeadFields = { group: groupShape, epoch: epochShape, index: count, ageMs: real, generation: count };
const firstHeadShape: Shape<FirstHead> = object<FirstHead>(firstHeadFields);
const headShape: Shape<SnapshotHead> = object<SnapshotHead>({ ...firstHeadFields, logTimeMs: real });
const endShape: Shape<SnapshotEnd> = object<SnapshotEnd>({ stateSlices: count, stateBytes: count, sessions: count, keys: count });

/** `<index>-<term>-<counter>`: names sort by index. */
export function snapshotPath(index: number, epoch: Epoch): string {
  return `snapshot-${String(index).padStart(16, "0")}-${epoch[0]}-${epoch[1]}`;
}

export function snapshotOfName(name: string): { readonly index: number; readonly epoch: Epoch } | null {
  const match = /^snapshot-(\d{16})-(\d{1,16})-(\d{1,16})$/.exec(name);
  return match === null ? null : { index: Number(match[1]), epoch: [Number(match[2]), Number(match[3])] };
}

function section(kind: number, content: Uint8Array): Uint8Array[] {
  const head = new Uint8Array(SECTION_HEAD_SIZE_BYTES);
  new DataView(head.buffer).setUint32(0, content.length);
  head[4] = kind;
  return [head, content];
}

export function encodeSnapshotHead(head: SnapshotHead): Uint8Array[] {
  const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
  prefix.set(encodeText(MAGIC));
  new DataView(prefix.buffer).setUint32(MAGIC.length, FORMAT_VERSION);
  return [prefix, ...section(KINDS.head, encodeValue(head))];
}

export function encodeStateSlice(bytes: Uint8Array): Uint8Array[] {
  return section(KINDS.state, bytes);
}

/** A table in pieces: a large one does not hold the event loop. */
export function* piecesOf(table: TableImage): Generator<TableImage> {
  for (let at = 0; at < table.sessions.length; at += TABLE_PIECE_ROWS)
    yield { sessions: table.sessions.slice(at, at + TABLE_PIECE_ROWS), keys: [] };
  for (let at = 0; at < table.keys.length; at += TABLE_PIECE_ROWS)
    yield { sessions: [], keys: table.keys.slice(at, at + TABLE_PIECE_ROWS) };
}

export function encodeRows(rows: TableImage): Uint8Array[] {
  return section(KINDS.table, encodeValue({ sessions: rows.sessions, keys: rows.keys }));
}

export function encodeSnapshotEnd({ stateSlices, stateBytes, sessions, keys }: SnapshotEnd): Uint8Array[] {
  const end: SnapshotEnd = { stateSlices, stateBytes, sessions, keys };
  return section(KINDS.end, encodeValue(end));
}

export function encodeSnapshotChecksum(checksum: number): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_CHECKSUM_SIZE_BYTES);
  new DataView(bytes.buffer).setUint32(0, checksum);
  return bytes;
}

/** Reads a snapshot file piece by piece, with no more in memory than one section and the table. */
export interface SnapshotScan {
  readonly group: GroupName;
  readonly fileSizeBytes: number;
  /** False: the table was read before, and is passed over. */
  readonly keepsRows: boolean;
  /** The last section was of the state: those of the table cost far more for their size. */
  isInState: boolean;
  offsetBytes: number;
  /** Behind the last whole piece: the beginning of the next. In `room`, which all of them go through. */
  rest: Uint8Array;
  room: Uint8Array;
  checksum: number;
  version: number;
  head: SnapshotHead | null;
  readonly sessions: SessionImage[];
  readonly keys: KeyImage[];
  stateSlices: number;
  stateBytes: number;
  end: SnapshotEnd | null;
  /**
   * A version or a section that this release does not know. What follows is read for the checksum alone, which tells whether another
   * release wrote it or whether it is damaged.
   */
  unsupported: string | null;
  /** What is wrong with the file, at `offsetBytes`; null so far. */
  problem: string | null;
  /** Everything was read and is as it should be. */
  whole: boolean;
}

export function startSnapshotScan(group: GroupName, fileSizeBytes: number, keepsRows = true): SnapshotScan {
  return {
    group,
    fileSizeBytes,
    keepsRows,
    isInState: false,
    offsetBytes: 0,
    rest: new Uint8Array(0),
    room: new Uint8Array(0),
    checksum: 0,
    version: 0,
    head: null,
    sessions: [],
    keys: [],
    stateSlices: 0,
    stateBytes: 0,
    end: null,
    unsupported: null,
    problem: null,
    whole: false,
  };
}

/** The next bytes of the file; `onState` gets the state slices that they complete, in memory that is used again. None (an early end) is a problem, too. */
export function feedSnapshotScan(scan: SnapshotScan, bytes: Uint8Array, onState: (slice: Uint8Array) => void): void {
  if (bytes.length === 0 && !scan.whole) scan.problem ??= "it ends too early";
  let data = scan.rest.length === 0 ? bytes : joinRest(scan, bytes);
  while (scan.problem === null && !scan.whole) {
    const size = scan.unsupported === null ? pieceSize(scan, data) : unknownSize(scan, data);
    if (size === null || size > data.length) break;
    takePiece(scan, data.subarray(0, size), onState);
    data = data.subarray(size);
  }
  keepRest(scan, data);
}

/** The rest stands at the beginning of the room already. */
function joinRest(scan: SnapshotScan, bytes: Uint8Array): Uint8Array {
  const { length } = scan.rest;
  makeRoom(scan, length + bytes.length);
  scan.room.set(bytes, length);
  return scan.room.subarray(0, length + bytes.length);
}

/** `data` may lie in the room itself. */
function keepRest(scan: SnapshotScan, data: Uint8Array): void {
  if (data.buffer !== scan.room.buffer) makeRoom(scan, data.length);
  scan.room.set(data);
  scan.rest = scan.room.subarray(0, data.length);
}

function makeRoom(scan: SnapshotScan, sizeBytes: number): void {
  if (scan.room.length >= sizeBytes) return;
  const room = new Uint8Array(2 * sizeBytes);
  room.set(scan.rest);
  scan.room = room;
}

/** Size of the next piece, null when too little is here to know. */
function pieceSize(scan: SnapshotScan, data: Uint8Array): number | null {
  if (scan.offsetBytes === 0) return PREFIX_SIZE_BYTES;
  if (scan.end !== null) return SNAPSHOT_CHECKSUM_SIZE_BYTES;
  if (data.length < SECTION_HEAD_SIZE_BYTES) return null;
  const size = SECTION_HEAD_SIZE_BYTES + readU32(startReader(data));
  // Checked before anything is kept for it.
  if (scan.offsetBytes + size + SNAPSHOT_CHECKSUM_SIZE_BYTES <= scan.fileSizeBytes) return size;
  scan.problem = "a section is larger than the file";
  return null;
}

/** Whatever it is: all that is here, and the checksum by itself. */
function unknownSize(scan: SnapshotScan, data: Uint8Array): number | null {
  const leftBytes = scan.fileSizeBytes - SNAPSHOT_CHECKSUM_SIZE_BYTES - scan.offsetBytes;
  if (leftBytes <= 0) return SNAPSHOT_CHECKSUM_SIZE_BYTES;
  return data.length === 0 ? null : Math.min(leftBytes, data.length);
}

function takeUnknown(scan: SnapshotScan, piece: Uint8Array): string | null {
  if (scan.offsetBytes + SNAPSHOT_CHECKSUM_SIZE_BYTES < scan.fileSizeBytes) return null;
  if (readU32(startReader(piece)) === scan.checksum) return scan.unsupported;
  scan.unsupported = null;
  return "its checksum is wrong";
}

function takePiece(scan: SnapshotScan, piece: Uint8Array, onState: (slice: Uint8Array) => void): void {
  scan.problem = problemOf(scan, piece, onState);
  // The checksum that a file is known by does not cover itself.
  if (scan.problem !== null || scan.whole) return;
  scan.checksum = crc32(piece, scan.checksum);
  scan.offsetBytes += piece.length;
}

function problemOf(scan: SnapshotScan, piece: Uint8Array, onState: (slice: Uint8Array) => void): string | null {
  if (scan.unsupported !== null) return takeUnknown(scan, piece);
  if (scan.offsetBytes === 0) return takePrefix(scan, piece);
  return scan.end === null ? takeSection(scan, piece, onState) : finishScan(scan, piece);
}

function takePrefix(scan: SnapshotScan, piece: Uint8Array): string | null {
  const magic = encodeText(MAGIC);
  if (!magic.every((byte, at) => byte === piece[at])) return `it does not begin with ${MAGIC}`;
  const version = readU32(startReader(piece, MAGIC.length));
  scan.version = version;
  if (!READABLE_VERSIONS.includes(version)) scan.unsupported = versionProblem(version, ...READABLE_VERSIONS).what;
  return null;
}

const FORMLESS = "a section does not have its form";

function takeSection(scan: SnapshotScan, piece: Uint8Array, onState: (slice: Uint8Array) => void): string | null {
  const kind = readU8(startReader(piece, 4));
  const content = piece.subarray(SECTION_HEAD_SIZE_BYTES);
  if (!KNOWN_KINDS.has(kind)) {
    scan.unsupported = `it has a section of kind ${kind}, which this release does not know`;
    return null;
  }
  if ((kind === KINDS.head) !== (scan.head === null)) return "its head is not at its beginning";
  scan.isInState = kind === KINDS.state;
  if (kind === KINDS.state) {
    scan.stateSlices += 1;
    scan.stateBytes += content.length;
    onState(content);
    return null;
  }
  if (kind === KINDS.table && !scan.keepsRows) return null;
  const decoded = tryDecodeValue(content);
  if (!decoded.ok) return decoded.reason;
  if (kind === KINDS.head) return takeHead(scan, decoded.value);
  if (kind === KINDS.table && tableShape(decoded.value)) {
    // One by one: as arguments of one call, many rows would not fit on the stack.
    for (const session of decoded.value.sessions) scan.sessions.push(session);
    for (const key of decoded.value.keys) scan.keys.push(key);
    return null;
  }
  if (kind !== KINDS.end || !endShape(decoded.value)) return FORMLESS;
  scan.end = decoded.value;
  return null;
}

function takeHead(scan: SnapshotScan, value: unknown): string | null {
  if (headShape(value)) scan.head = value;
  else if (scan.version === 1 && firstHeadShape(value)) scan.head = { ...value, logTimeMs: 0 };
  else return FORMLESS;
  return scan.head.group === scan.group ? null : `it is of group ${scan.head.group}`;
}

function finishScan(scan: SnapshotScan, piece: Uint8Array): string | null {
  const { end } = scan;
  if (readU32(startReader(piece)) !== scan.checksum) return "its checksum is wrong";
  if (scan.offsetBytes + piece.length !== scan.fileSizeBytes) return "bytes stand behind its end";
  if (end?.stateSlices !== scan.stateSlices || end.stateBytes !== scan.stateBytes) return "a part of the state is missing";
  const isWhole = end.sessions === scan.sessions.length && end.keys === scan.keys.length;
  if (scan.keepsRows && !isWhole) return "a part of the session table is missing";
  scan.whole = true;
  return null;
}

/** What a whole file says of itself; null when it is not whole. */
export function scannedSnapshot(scan: SnapshotScan): { readonly meta: SnapshotMeta; readonly table: TableImage } | null {
  if (!scan.whole || scan.head === null) return null;
  const { epoch, index, ageMs, generation, logTimeMs } = scan.head;
  const meta = { epoch, index, ageMs, generation, logTimeMs, sizeBytes: scan.fileSizeBytes, checksum: scan.checksum };
  return { meta, table: { sessions: scan.sessions, keys: scan.keys } };
}
