/** Rows that wait to be looked at, each with the number of its state: last in, first out. Memory is given back as they go. */
export interface RowStack {
  readonly width: number;
  readonly blocks: Int32Array[];
  count: number;
}

const BLOCK_ROWS = 1 << 14;

export function createRowStack(width: number): RowStack {
  return { width, blocks: [], count: 0 };
}

export function pushRow(stack: RowStack, number: number, row: Int32Array): void {
  const { width, blocks } = stack;
  const at = stack.count % BLOCK_ROWS;
  if (at === 0) blocks.push(new Int32Array(BLOCK_ROWS * (width + 1)));
  const block = blocks[blocks.length - 1];
  if (block === undefined) return;
  block[at * (width + 1)] = number;
  block.set(row, at * (width + 1) + 1);
  stack.count++;
}

/** The last row, into `row`; returns its number, -1 when there is none. */
export function popRow(stack: RowStack, row: Int32Array): number {
  const { width, blocks } = stack;
  const block = blocks[blocks.length - 1];
  if (block === undefined) return -1;
  stack.count--;
  const start = (stack.count % BLOCK_ROWS) * (width + 1);
  row.set(block.subarray(start + 1, start + 1 + width));
  const number = block[start] ?? -1;
  if (start === 0) blocks.pop();
  return number;
}

export function rowStackBytes(stack: RowStack): number {
  return stack.blocks.length * BLOCK_ROWS * (stack.width + 1) * 4;
}
