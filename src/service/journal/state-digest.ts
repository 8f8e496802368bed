import { ARRAY, Cell, OBJECT, objectKeys, SET, type Value, valueAt } from "./cell.js";
import { Dict, HOLE } from "./dict.js";
import type { Leaf } from "./leaf.js";

/**
 * Checksum (32 bits) of a container and all below it: kinds, contents, iteration order; not ids, and not how a container is kept inside.
 * MurmurHash3 over words; no guard against someone who wants a collision.
 */
export function digestOf(root: Cell): number {
  const hash = startHash();
  // A stack of its own: a long chain of containers must not exhaust the engine's.
  const stack: (Value | typeof END)[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (value === END) mix(hash, 0x0e0d);
    else if (value instanceof Cell) pushContent(hash, stack, value);
    else mixLeaf(hash, value as Leaf);
  }
  return finish(hash);
}

const END = Symbol("end");

function pushContent(hash: Hash, stack: (Value | typeof END)[], cell: Cell): void {
  mix(hash, 0xc0 + cell.kind);
  const content: Value[] = [];
  const { data } = cell;
  if (cell.kind === ARRAY && Array.isArray(data)) for (const item of data) content.push(item);
  else if (cell.kind === OBJECT) for (const key of objectKeys(cell)) content.push(key, valueAt(cell, key));
  else if (data instanceof Dict)
    for (const [place, key] of data.keys.entries()) {
      if (key === HOLE) continue;
      content.push(key);
      if (cell.kind !== SET) content.push(data.values?.[place]);
    }
  stack.push(END);
  for (let at = content.length - 1; at >= 0; at -= 1) stack.push(content[at]);
}

function mixLeaf(hash: Hash, leaf: Leaf): void {
  switch (typeof leaf) {
    case "string":
      mix(hash, 1);
      mixText(hash, leaf);
      return;
    case "number":
      mix(hash, 2);
      mixNumber(hash, leaf);
      return;
    case "boolean":
      mix(hash, leaf ? 3 : 4);
      return;
    case "undefined":
      mix(hash, 5);
      return;
    case "bigint":
      mix(hash, 6);
      mixText(hash, leaf.toString(16));
      return;
    default:
      mixObjectLeaf(hash, leaf);
  }
}

function mixObjectLeaf(hash: Hash, leaf: Date | Uint8Array | null): void {
  if (leaf === null) {
    mix(hash, 7);
  } else if (leaf instanceof Uint8Array) {
    mix(hash, 8);
    mix(hash, leaf.length);
    for (const byte of leaf) mix(hash, byte);
  } else {
    mix(hash, 9);
    mixNumber(hash, leaf.getTime());
  }
}

function mixText(hash: Hash, text: string): void {
  mix(hash, text.length);
  for (let at = 0; at < text.length; at += 1) mix(hash, text.charCodeAt(at));
}

const NUMBER_VIEW = new DataView(new ArrayBuffer(8));

function mixNumber(hash: Hash, number: number): void {
  NUMBER_VIEW.setFloat64(0, Number.isNaN(number) ? 0 : number);
  mix(hash, Number.isNaN(number) ? 1 : 0);
  mix(hash, NUMBER_VIEW.getUint32(0));
  mix(hash, NUMBER_VIEW.getUint32(4));
}

interface Hash {
  value: number;
}

function startHash(): Hash {
  return { value: 0x9747b28c };
}

function mix(hash: Hash, word: number): void {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash.value ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  hash.value = (Math.imul(h, 5) + 0xe6546b64) | 0;
}

function finish(hash: Hash): number {
  let h = hash.value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
