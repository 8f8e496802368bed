/**
 * The states that were reached, by fingerprints of 64 bits, with the state from which each was reached first. Of n states two may be taken for one
 * with a chance of n^2 / 2^65: 10^-5 for 2 * 10^7 states. 25 to 35 bytes a state; the rows themselves are kept by whoever still needs them.
 */
export interface StateTable {
  count: number;
  /** Open addressing: number of the state + 1, 0 where free. */
  slots: Int32Array;
  /** By number, in chunks that are never moved: the two halves of the fingerprint, the parent's number, and a mark for the search. */
  readonly chunks: Chunk[];
}

interface Chunk {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly parents: Int32Array;
  readonly marks: Uint8Array;
}

const CHUNK_BITS = 18;
const CHUNK_SIZE = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SIZE - 1;
const CHUNK_BYTES = CHUNK_SIZE * 13;

export function createStateTable(): StateTable {
  return { count: 0, slots: new Int32Array(1 << 12), chunks: [] };
}

function chunkOf(table: StateTable, number: number): Chunk {
  const known = table.chunks[number >>> CHUNK_BITS];
  if (known !== undefined) return known;
  const chunk = {
    low: new Int32Array(CHUNK_SIZE),
    high: new Int32Array(CHUNK_SIZE),
    parents: new Int32Array(CHUNK_SIZE),
    marks: new Uint8Array(CHUNK_SIZE),
  };
  table.chunks.push(chunk);
  return chunk;
}

/** The number of the state in this row; a new one (`count` before the call) when it was not reached before. `parent` counts only then. */
export function reached(table: StateTable, row: Int32Array, parent: number): number {
  let low = row.length;
  let high = 0x5bd1e995;
  for (let i = 0; i < row.length; i++) {
    const cell = row[i] ?? 0;
    low = Math.imul(low ^ cell, 0x9e3779b1);
    low ^= low >>> 15;
    high = Math.imul(high ^ cell, 0x85ebca6b) + 0x27220a95;
    high ^= high >>> 13;
  }
  low = finish(low);
  high = finish(high ^ 0x3c6ef372);
  const mask = table.slots.length - 1;
  let at = low & mask;
  for (let found = table.slots[at] ?? 0; found !== 0; found = table.slots[at] ?? 0) {
    const { low: lows, high: highs } = chunkOf(table, found - 1);
    const place = (found - 1) & CHUNK_MASK;
    if (lows[place] === low && highs[place] === high) return found - 1;
    at = (at + 1) & mask;
  }
  const number = table.count++;
  table.slots[at] = number + 1;
  const chunk = chunkOf(table, number);
  chunk.low[number & CHUNK_MASK] = low;
  chunk.high[number & CHUNK_MASK] = high;
  chunk.parents[number & CHUNK_MASK] = parent;
  if (table.count * 1.6 > table.slots.length) growSlots(table);
  return number;
}

/** Each bit of the hash depends on each bit of what went into it (MurmurHash3). */
function finish(hash: number): number {
  let mixed = hash;
  mixed ^= mixed >>> 16;
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function growSlots(table: StateTable): void {
  const slots = new Int32Array(table.slots.length * 2);
  const mask = slots.length - 1;
  for (let number = 0; number < table.count; number++) {
    let at = (chunkOf(table, number).low[number & CHUNK_MASK] ?? 0) & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = number + 1;
  }
  table.slots = slots;
}

export function parentOf(table: StateTable, number: number): number {
  return chunkOf(table, number).parents[number & CHUNK_MASK] ?? 0;
}

export function setParent(table: StateTable, number: number, parent: number): void {
  chunkOf(table, number).parents[number & CHUNK_MASK] = parent;
}

/** 0 until it is set. */
export function markOf(table: StateTable, number: number): number {
  return chunkOf(table, number).marks[number & CHUNK_MASK] ?? 0;
}

export function setMark(table: StateTable, number: number, mark: number): void {
  chunkOf(table, number).marks[number & CHUNK_MASK] = mark;
}

export function stateTableBytes(table: StateTable): number {
  return table.slots.byteLength + table.chunks.length * CHUNK_BYTES;
}
