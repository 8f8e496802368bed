/** Numbers for sequences of whole numbers, exact: equal sequences get one number, in the order in which they are first seen. */
export interface SequenceTable {
  /** All sequences, one behind the other. */
  pool: Int32Array;
  /** Where sequence i begins; it ends where the next begins. */
  starts: Int32Array;
  /** Open addressing: number of the sequence + 1, 0 where free. */
  slots: Int32Array;
  /** Of each sequence, so that growing looks at no sequence again. */
  hashes: Int32Array;
  count: number;
}

export function createSequenceTable(): SequenceTable {
  return {
    pool: new Int32Array(1 << 12),
    starts: new Int32Array(1 << 10),
    slots: new Int32Array(1 << 11),
    hashes: new Int32Array(1 << 10),
    count: 0,
  };
}

function hashOf(sequence: ArrayLike<number>): number {
  let hash = sequence.length;
  for (let i = 0; i < sequence.length; i++) {
    hash = Math.imul(hash ^ (sequence[i] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

function isEqual(table: SequenceTable, id: number, sequence: ArrayLike<number>): boolean {
  const start = table.starts[id] ?? 0;
  if ((table.starts[id + 1] ?? 0) - start !== sequence.length) return false;
  for (let i = 0; i < sequence.length; i++) if (table.pool[start + i] !== sequence[i]) return false;
  return true;
}

function growSlots(table: SequenceTable): void {
  const slots = new Int32Array(table.slots.length * 2);
  const mask = slots.length - 1;
  for (let id = 0; id < table.count; id++) {
    let at = (table.hashes[id] ?? 0) & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = id + 1;
  }
  table.slots = slots;
}

/** The number of a sequence; a new one when it has not been seen (then it equals `count` before the call). */
export function intern(table: SequenceTable, sequence: ArrayLike<number>): number {
  const hash = hashOf(sequence);
  const mask = table.slots.length - 1;
  let at = hash & mask;
  for (let found = table.slots[at] ?? 0; found !== 0; found = table.slots[at] ?? 0) {
    if (table.hashes[found - 1] === hash && isEqual(table, found - 1, sequence)) return found - 1;
    at = (at + 1) & mask;
  }
  const id = table.count++;
  table.slots[at] = id + 1;
  const start = table.starts[id] ?? 0;
  const end = start + sequence.length;
  while (end > table.pool.length) table.pool = doubled(table.pool);
  if (id + 2 > table.starts.length) table.starts = doubled(table.starts);
  if (id + 1 > table.hashes.length) table.hashes = doubled(table.hashes);
  for (let i = 0; i < sequence.length; i++) table.pool[start + i] = sequence[i] ?? 0;
  table.starts[id + 1] = end;
  table.hashes[id] = hash;
  if (table.count * 2 > table.slots.length) growSlots(table);
  return id;
}

/** A view of sequence `id`: valid until the next `intern`. */
export function sequenceAt(table: SequenceTable, id: number): Int32Array {
  return table.pool.subarray(table.starts[id] ?? 0, table.starts[id + 1] ?? 0);
}

export function tableBytes(table: SequenceTable): number {
  return table.pool.byteLength + table.starts.byteLength + table.slots.byteLength + table.hashes.byteLength;
}
