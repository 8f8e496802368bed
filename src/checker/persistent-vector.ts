/**
 * A vector of numbers, changed by copying the path to the changed place (Bagwell; Okasaki, Purely functional data structures): a search
 * keeps the states of its whole path, and a copy of all accounts for each would not fit in memory.
 */
export type PersistentVector = { readonly depth: number; readonly root: Branch | undefined };

type Branch = readonly (number | Branch | undefined)[];

const widthBits = 4;
const width = 1 << widthBits;

/** A vector for indexes below `size`, all undefined. */
export function newPersistentVector(size: number): PersistentVector {
  let depth = 1;
  for (let capacity = width; capacity < size; capacity *= width) depth++;
  return { depth, root: undefined };
}

export function vectorGet(vector: PersistentVector, index: number): number | undefined {
  let branch = vector.root;
  for (let shift = (vector.depth - 1) * widthBits; ; shift -= widthBits) {
    const entry = branch?.[(index >>> shift) & (width - 1)];
    if (typeof entry !== "object") return entry;
    branch = entry;
  }
}

/** The vector with one entry changed. */
export function vectorSet(vector: PersistentVector, index: number, value: number): PersistentVector {
  return { depth: vector.depth, root: withEntry(vector.root, (vector.depth - 1) * widthBits, index, value) };
}

function withEntry(branch: Branch | undefined, shift: number, index: number, value: number): Branch {
  const copy: (number | Branch | undefined)[] = branch === undefined ? new Array<undefined>(width).fill(undefined) : [...branch];
  const place = (index >>> shift) & (width - 1);
  const below = copy[place];
  copy[place] = shift === 0 ? value : withEntry(typeof below === "object" ? below : undefined, shift - widthBits, index, value);
  return copy;
}
