import { withEncoded } from "../../codec/value.js";
import { assert } from "../../vocabulary/assert.js";
import { LIMITS } from "../../vocabulary/limit.js";
import type { SnapshotCapture } from "../state-machine.js";
import { Cell, type Kind, objectKeys, type Value } from "./cell.js";
import { Dict, HOLE } from "./dict.js";
import type { Key, Leaf } from "./leaf.js";
import type { Journal } from "./scope.js";

/**
 * Snapshot format 1: a byte stream cut into slices. It is a sequence of blocks, each a 4-byte length (big-endian) and an encoded list:
 * first `[format, rootId, nextId]`; then records, one container each or a part of one, one after the other in a flat list (objects for
 * each would cost more than their content): `kind, id, totalSize, slotCount, references, ...slots`; last `[containerCount]`.
 * Slots are as in redo records, but children are plain ids, at the places that `references` lists (0: none). Parts are in order.
 */
export const SNAPSHOT_FORMAT = 1;

export interface CaptureSizes {
  readonly sliceBytes: number;
  /** Content put into one block, encoded at once: the memory of an encoder that has seen a large value stays large. */
  readonly blockBytes: number;
  /** No further block is put into a slice of so many bytes: what bounds the work of one slice. */
  readonly fillBytes: number;
  /** Dictionaries up to this size are copied whole when they are written to under a snapshot; larger ones entry by entry. */
  readonly wholeCopyMax: number;
}

const SIZES: CaptureSizes = { sliceBytes: LIMITS.snapshotSliceBytes, blockBytes: 16 * 1024, fillBytes: 128 * 1024, wholeCopyMax: 256 };

const NO_BYTES = new Uint8Array(0);

/** How a container was at the moment of capture. */
type Image =
  | { readonly kind: "items"; readonly items: readonly Value[] }
  | { readonly kind: "row"; readonly keys: readonly string[]; readonly values: readonly Value[] }
  | {
      readonly kind: "dict";
      readonly keys: readonly (Key | typeof HOLE)[];
      readonly values: readonly Value[] | null;
      /** Entries appended after the capture lie behind this. */
      readonly length: number;
      readonly size: number;
      /** Entries changed since, as they were. */
      readonly before: Map<number, readonly [Key | typeof HOLE, Value]>;
    };

/** What is left to emit of one container. */
interface Cursor {
  readonly id: number;
  readonly kind: Kind;
  readonly cell: Cell;
  place: number;
}

/**
 * Reads the state as of now, bit by bit, while operations change it. The first write to a container that was not emitted yet saves what
 * it was (copy on write); what the state loses meanwhile is kept until it is emitted. Cost: O(writes), never O(state) at once.
 */
export function captureState(journal: Journal, sizes: CaptureSizes = SIZES): SnapshotCapture {
  assert(journal.capture === null, "capture", () => "a snapshot is being taken already");
  journal.captureCount += 1;
  return new Capture(journal, journal.captureCount, sizes);
}

class Capture implements SnapshotCapture {
  readonly #journal: Journal;
  readonly #number: number;
  readonly #sizes: CaptureSizes;
  readonly #nextId: number;
  readonly #rootId: number;
  readonly #cells: Iterator<Cell>;
  readonly #images = new Map<Cell, Image>();
  readonly #purged: Cell[] = [];
  /** Of a block that was larger than a slice: what was not given out yet. */
  #rest: Uint8Array = NO_BYTES;
  #cursor: Cursor | null = null;
  #count = 0;
  #stage: "header" | "content" | "done" = "header";

  constructor(journal: Journal, number: number, sizes: CaptureSizes) {
    this.#journal = journal;
    this.#sizes = sizes;
    this.#number = number;
    this.#nextId = journal.nextId;
    this.#rootId = journal.root.id;
    this.#cells = journal.index.values();
    journal.capture = this;
  }

  next(room: Uint8Array = NO_BYTES): Uint8Array | null {
    if (this.#rest.length > 0) return this.#cut(this.#rest);
    const { sliceBytes, fillBytes } = this.#sizes;
    const slice = room.length >= sliceBytes ? room.subarray(0, sliceBytes) : new Uint8Array(sliceBytes);
    const fill = Math.min(fillBytes, sliceBytes);
    let filled = 0;
    // First and last block have slices of their own.
    for (let isFirst = false; !isFirst && filled < fill && this.#rest.length === 0; ) {
      isFirst = this.#stage === "header";
      const block = this.#nextBlock();
      if (block === null) break;
      const room = this.#stage === "done" && filled > 0 ? 0 : slice.length;
      filled += withEncoded(block, (bytes) => this.#put(bytes, slice.subarray(0, room), filled));
    }
    if (filled > 0) return slice.subarray(0, filled);
    if (this.#rest.length > 0) return this.#cut(this.#rest);
    this.close();
    return null;
  }

  close(): void {
    if (this.#journal.capture === this) this.#journal.capture = null;
    this.#stage = "done";
    this.#images.clear();
    this.#purged.length = 0;
    this.#rest = NO_BYTES;
  }

  // --- what the journal calls before it changes something

  beforeWrite(cell: Cell): void {
    if (cell.touchedBy === this.#number || cell.emittedBy === this.#number || cell.id >= this.#nextId) return;
    cell.touchedBy = this.#number;
    this.#images.set(cell, imageOf(cell, this.#sizes.wholeCopyMax));
  }

  beforeEntry(cell: Cell, place: number): void {
    const image = this.#images.get(cell);
    if (image?.kind !== "dict" || !(cell.data instanceof Dict) || cell.data.keys !== image.keys) return;
    const emitted = this.#cursor?.cell === cell ? this.#cursor.place : 0;
    if (place < emitted || place >= image.length || image.before.has(place)) return;
    image.before.set(place, [image.keys[place], image.values?.[place]]);
  }

  beforePurge(cell: Cell): void {
    if (cell.emittedBy !== this.#number && cell.id < this.#nextId && this.#cursor?.cell !== cell) this.#purged.push(cell);
  }

  // --- emitting

  #nextBlock(): unknown[] | null {
    if (this.#stage === "done") return null;
    if (this.#stage === "header") {
      this.#stage = "content";
      return [SNAPSHOT_FORMAT, this.#rootId, this.#nextId];
    }
    const records: unknown[] = [];
    let left = this.#sizes.blockBytes;
    while (left > 0) {
      this.#cursor ??= this.#nextCursor();
      if (this.#cursor === null) break;
      left -= this.#emit(this.#cursor, records, left);
    }
    if (records.length > 0) return records;
    this.#stage = "done";
    if (this.#journal.capture === this) this.#journal.capture = null;
    return [this.#count];
  }

  #nextCursor(): Cursor | null {
    const cell = this.#purged.pop() ?? this.#nextCell();
    if (cell === null) return null;
    this.#count += 1;
    return { id: cell.id, kind: cell.kind, cell, place: 0 };
  }

  #nextCell(): Cell | null {
    for (let next = this.#cells.next(); next.done !== true; next = this.#cells.next()) {
      const cell = next.value;
      if (cell.id < this.#nextId && cell.emittedBy !== this.#number) return cell;
    }
    // The iterator ends for good here; what is lost from the state later was emitted.
    return this.#purged.pop() ?? null;
  }

  /** Adds a record with as much of the container as fits, and says how many bytes that is, roughly. */
  #emit(cursor: Cursor, records: unknown[], left: number): number {
    const image = this.#images.get(cursor.cell) ?? viewOf(cursor.cell);
    const slots: Slots = { values: [], references: [] };
    const length = image.kind === "items" ? image.items.length : image.kind === "row" ? image.keys.length : image.length;
    // At least one entry each time, however little is left.
    let used = 0;
    for (; cursor.place < length && used < left; cursor.place += 1) used += addEntry(slots, image, cursor.place);
    const { values, references } = slots;
    records.push(cursor.kind, cursor.id, imageSize(image), values.length, references.length === 0 ? 0 : references);
    for (const value of values) records.push(value);
    if (cursor.place >= length) {
      cursor.cell.emittedBy = this.#number;
      this.#images.delete(cursor.cell);
      this.#cursor = null;
    }
    return used + 16;
  }

  /** Puts a block into the slice at this place, or, where it does not fit, aside. Says how many bytes of the slice it took. */
  #put(bytes: Uint8Array, slice: Uint8Array, at: number): number {
    const sizeBytes = 4 + bytes.length;
    const fits = at + sizeBytes <= slice.length;
    const framed = fits ? slice.subarray(at, at + sizeBytes) : new Uint8Array(sizeBytes);
    new DataView(framed.buffer, framed.byteOffset, 4).setUint32(0, bytes.length);
    framed.set(bytes, 4);
    if (!fits) this.#rest = framed;
    return fits ? sizeBytes : 0;
  }

  #cut(bytes: Uint8Array): Uint8Array {
    this.#rest = bytes.subarray(this.#sizes.sliceBytes);
    return bytes.subarray(0, this.#sizes.sliceBytes);
  }
}

/** A copy that later writes do not reach. */
function imageOf(cell: Cell, wholeCopyMax: number): Image {
  const view = viewOf(cell);
  switch (view.kind) {
    case "items":
      // One block move, also of a large array.
      return { kind: "items", items: view.items.slice() };
    case "row":
      return view;
    case "dict":
      return view.length > wholeCopyMax ? view : { ...view, keys: view.keys.slice(), values: view.values?.slice() ?? null };
  }
}

/** The container as it is. */
function viewOf(cell: Cell): Image {
  const { data } = cell;
  if (Array.isArray(data)) return { kind: "items", items: data };
  if (data instanceof Dict)
    return { kind: "dict", keys: data.keys, values: data.values, length: data.keys.length, size: data.size, before: new Map() };
  const keys = objectKeys(cell);
  return { kind: "row", keys, values: keys.map((key) => data[key]) };
}

function imageSize(image: Image): number {
  return image.kind === "items" ? image.items.length : image.kind === "row" ? image.keys.length : image.size;
}

interface Slots {
  readonly values: (Leaf | number)[];
  /** Places of ids in `values`. */
  readonly references: number[];
}

function addEntry(slots: Slots, image: Image, place: number): number {
  if (image.kind === "items") return addSlot(slots, image.items[place]);
  if (image.kind === "row") return addSlot(slots, image.keys[place]) + addSlot(slots, image.values[place]);
  const [key, value] = image.before.get(place) ?? [image.keys[place], image.values?.[place]];
  if (key === HOLE) return 1;
  const used = addSlot(slots, key);
  return image.values === null ? used : used + addSlot(slots, value);
}

function addSlot(slots: Slots, slot: Value): number {
  if (slot instanceof Cell) {
    slots.references.push(slots.values.length);
    slots.values.push(slot.id);
    return 8;
  }
  slots.values.push(slot);
  if (typeof slot === "string") return 3 + slot.length;
  return slot instanceof Uint8Array ? 16 + slot.length : 9;
}
