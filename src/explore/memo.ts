/** What was worked out before: a whole number under three whole numbers, in open addressing over typed arrays (16 bytes an entry). */
export interface Memo {
  /** Three keys and the value of each entry, one behind the other. */
  cells: Int32Array;
  count: number;
}

/** Never a value. */
export const UNKNOWN = -1;

const CELL = 4;

function emptyCells(entries: number): Int32Array {
  return new Int32Array(entries * CELL).fill(UNKNOWN);
}

export function createMemo(): Memo {
  return { cells: emptyCells(1 << 8), count: 0 };
}

/** Where the entry is, or would be. */
function placeOf(cells: Int32Array, a: number, b: number, c: number): number {
  const mask = cells.length / CELL - 1;
  let hash = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35), 0x9e3779b1);
  hash ^= hash >>> 15;
  for (let at = hash & mask; ; at = (at + 1) & mask) {
    const place = at * CELL;
    if (cells[place + 3] === UNKNOWN) return place;
    if (cells[place] === a && cells[place + 1] === b && cells[place + 2] === c) return place;
  }
}

export function recall(memo: Memo, a: number, b: number, c: number): number {
  return memo.cells[placeOf(memo.cells, a, b, c) + 3] ?? UNKNOWN;
}

/** Of keys that are not known yet. */
export function remember(memo: Memo, a: number, b: number, c: number, value: number): number {
  if (memo.count * 2 * CELL > memo.cells.length) grow(memo);
  put(memo.cells, a, b, c, value);
  memo.count++;
  return value;
}

function put(cells: Int32Array, a: number, b: number, c: number, value: number): void {
  const place = placeOf(cells, a, b, c);
  cells[place] = a;
  cells[place + 1] = b;
  cells[place + 2] = c;
  cells[place + 3] = value;
}

function grow(memo: Memo): void {
  const old = memo.cells;
  memo.cells = emptyCells((old.length / CELL) * 2);
  for (let place = 0; place < old.length; place += CELL) {
    const value = old[place + 3] ?? UNKNOWN;
    if (value !== UNKNOWN) put(memo.cells, old[place] ?? 0, old[place + 1] ?? 0, old[place + 2] ?? 0, value);
  }
}
