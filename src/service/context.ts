/** What an operation may know beside state and input: the same on every replica that executes it. A retry gets the result of the first time. */
export interface OperationContext {
  /** Wall clock when the request was taken in, in milliseconds since 1970. Does not advance while the handler runs. */
  readonly now: number;
  /** Pseudo-random, 0 <= x < 1. Not for secrets. */
  random(): number;
  /** A version 4 UUID, unique without coordination. Not for secrets. */
  uuid(): string;
}

/** What a query may know beside state and input. */
export interface QueryContext {
  /** Wall clock of the replica that answers, in milliseconds since 1970. */
  readonly now: number;
}

export interface ContextSource {
  readonly nowMs: number;
  readonly seed: number;
  readonly requestKey: string;
}

/** Context and the generator under it, which also feeds the replaced globals of active style. */
export interface LogSource extends OperationContext {
  nextUint32(): number;
}

export function createContext(source: ContextSource): LogSource {
  const nextUint32 = createGenerator(source);
  return {
    now: Math.floor(source.nowMs),
    nextUint32,
    random: () => ((nextUint32() >>> 5) * 67_108_864 + (nextUint32() >>> 6)) / 9_007_199_254_740_992,
    uuid: () => uuidOf([nextUint32(), nextUint32(), nextUint32(), nextUint32()]),
  };
}

/**
 * sfc32 (PractRand), started from 128 bits: the entry's seed, its time, and the request's key. The seed alone has 32 bits, among which
 * two ids would meet after some ten thousand requests; the key is different for each request and the same on each replica.
 */
function createGenerator({ nowMs, seed, requestKey }: ContextSource): () => number {
  let a = seed | 0;
  let b = Math.imul(Math.floor(nowMs) | 0, 0x9e3779b1);
  let c = hashText(requestKey, 0x811c9dc5);
  let counter = hashText(requestKey, 0x2545f491);
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/** FNV-1a with the final mix of MurmurHash3. */
function hashText(text: string, start: number): number {
  let hash = start;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function uuidOf(words: readonly [number, number, number, number]): string {
  const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  const variant = ((words[2] >>> 28) & 0x3) | 0x8;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant.toString(16)}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
