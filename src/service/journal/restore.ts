import { decodeValue } from "../../codec/value.js";
import { assert } from "../../vocabulary/assert.js";
import { ARRAY, Cell, emptyData, growIntoDict, OBJECT, ROW_KEYS_MAX } from "./cell.js";
import { SNAPSHOT_FORMAT } from "./capture.js";
import { type Leaf, leafOut } from "./leaf.js";
import { addSlots, checkKind } from "./redo-record.js";
import type { Journal } from "./scope.js";

/** Takes slices in order, in any cut, and gives the state at the end. Throws when they are no snapshot; checksums are the caller's. */
export interface Restore {
  addSlice(slice: Uint8Array): void;
  finish(): Journal;
}

export function startRestore(): Restore {
  return new RunningRestore();
}

class RunningRestore implements Restore {
  readonly #index = new Map<number, Cell>();
  readonly #complete = new Set<Cell>();
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #rootId = 0;
  #nextId = 0;
  #stage: "header" | "content" | "done" = "header";

  addSlice(slice: Uint8Array): void {
    this.#pending.push(slice);
    this.#pendingBytes += slice.length;
    if (this.#pendingBytes < 4 || this.#pendingBytes < 4 + this.#nextBlockSize()) return;
    let bytes = this.#joined();
    while (bytes.length >= 4) {
      const size = blockSize(bytes);
      if (bytes.length < 4 + size) break;
      this.#takeBlock(decodeValue(bytes.subarray(4, 4 + size)));
      bytes = bytes.subarray(4 + size);
    }
    this.#pending = bytes.length === 0 ? [] : [bytes];
    this.#pendingBytes = bytes.length;
  }

  finish(): Journal {
    assert(this.#stage === "done" && this.#pendingBytes === 0, "restore", () => "the snapshot is not complete");
    const root = this.#index.get(this.#rootId);
    assert(root !== undefined, "restore", () => "the snapshot has no root");
    return { root, index: this.#index, nextId: this.#nextId, captureCount: 0, openCount: 0, wasteful: new Set(), capture: null };
  }

  #nextBlockSize(): number {
    const [first] = this.#pending;
    if (first !== undefined && first.length >= 4) return blockSize(first);
    this.#pending = [this.#joined()];
    return blockSize(this.#pending[0] ?? new Uint8Array(4));
  }

  #joined(): Uint8Array {
    const [first] = this.#pending;
    if (this.#pending.length === 1 && first !== undefined) return first;
    const joined = new Uint8Array(this.#pendingBytes);
    let at = 0;
    for (const part of this.#pending) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  #takeBlock(block: unknown): void {
    assert(Array.isArray(block), "restore", () => "a block that is no list");
    assert(this.#stage !== "done", "restore", () => "a block after the last");
    if (this.#stage === "header") {
      const [format, rootId, nextId] = block as [number, number, number];
      assert(format === SNAPSHOT_FORMAT, "restore", () => `snapshot format ${format}; this version reads ${SNAPSHOT_FORMAT}`);
      this.#rootId = rootId;
      this.#nextId = nextId;
      this.#stage = "content";
      return;
    }
    if (block.length === 1) {
      assert(block[0] === this.#complete.size && block[0] === this.#index.size, "restore", () => "containers are missing");
      this.#stage = "done";
      return;
    }
    for (let at = 0; at < block.length; ) at = this.#takeRecord(block, at);
  }

  /** Reads the record that begins at `start`, and says where the next begins. */
  #takeRecord(block: readonly unknown[], start: number): number {
    const [kind, id, size, slotCount, references] = block.slice(start, start + 5) as [number, number, number, number, number[] | 0];
    const cell = this.#find(id);
    if (!this.#complete.has(cell)) {
      this.#complete.add(cell);
      cell.kind = checkKind(kind);
      cell.data = emptyData(cell.kind);
      if (kind === OBJECT && size > ROW_KEYS_MAX) growIntoDict(cell);
    }
    const from = start + 5;
    const end = from + slotCount;
    // A negative count would lead back to where it came from.
    assert(slotCount >= 0 && end <= block.length, "restore", () => "a record is cut off");
    let next = 0;
    addSlots(cell, block, from, end, (slot, place) => {
      if (references === 0 || references[next] !== place - from) return leafOut(slot as Leaf);
      next += 1;
      const child = this.#find(slot as number);
      child.parent = cell;
      return child;
    });
    return end;
  }

  /** A container may be referred to before its record comes. */
  #find(id: number): Cell {
    const known = this.#index.get(id);
    if (known !== undefined) return known;
    const cell = new Cell(id, ARRAY, []);
    this.#index.set(id, cell);
    return cell;
  }
}

function blockSize(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
