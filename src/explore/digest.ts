/**
 * Fingerprints of plain data: equal for equal data, of 64 bits. Objects count in the order of their keys as they were made: at worst two equal
 * states count as two. Of n different ones two get one fingerprint with a chance of n^2 / 2^65: 10^-7 for a million.
 */
import { isImmutable } from "./plain-data.js";

export interface Digest {
  readonly high: number;
  readonly low: number;
}

/** Tells kinds of data apart. */
const TAG = {
  null: 1,
  undefined: 2,
  false: 3,
  true: 4,
  whole: 5,
  float: 6,
  text: 7,
  bytes: 8,
  list: 9,
  map: 10,
  set: 11,
  object: 12,
};

let high = 0;
let low = 0;
const texts = new Map<string, number>();
const known = new WeakMap<object, Digest>();
const floats = new Float64Array(1);
const halves = new Int32Array(floats.buffer);

function mix(word: number): void {
  high = Math.imul(high ^ word, 0x9e3779b1);
  high ^= high >>> 15;
  low = Math.imul(low ^ word, 0x85ebca6b) + 0x27220a95;
  low ^= low >>> 13;
}

function mixText(text: string): void {
  let number = texts.get(text);
  if (number === undefined) {
    number = texts.size;
    texts.set(text, number);
  }
  mix(number);
}

function mixNumber(value: number): void {
  if ((value | 0) === value) {
    mix(TAG.whole);
    return mix(value);
  }
  floats[0] = value;
  mix(TAG.float);
  mix(halves[0] ?? 0);
  mix(halves[1] ?? 0);
}

function mixAny(value: unknown): void {
  switch (typeof value) {
    case "number":
      return mixNumber(value);
    case "string":
      mix(TAG.text);
      return mixText(value);
    case "boolean":
      return mix(value ? TAG.true : TAG.false);
    case "object":
      return value === null ? mix(TAG.null) : mixObject(value);
    default:
      return mix(TAG.undefined);
  }
}

function mixObject(value: object): void {
  if (value instanceof Uint8Array) {
    mix(TAG.bytes);
    mix(value.length);
    for (const byte of value) mix(byte);
  } else if (Array.isArray(value)) {
    mix(TAG.list);
    mix(value.length);
    for (const item of value as unknown[]) mixAny(item);
  } else if (value instanceof Map) {
    mix(TAG.map);
    mix(value.size);
    for (const [key, item] of value) {
      mixAny(key);
      mixAny(item);
    }
  } else if (value instanceof Set) {
    mix(TAG.set);
    mix(value.size);
    for (const item of value) mixAny(item);
  } else mixPlain(value);
}

/** Each object has a fingerprint of its own; of what nobody changes it is made once. */
function mixPlain(value: object): void {
  const isFixed = isImmutable(value);
  const made = isFixed ? known.get(value) : undefined;
  const highBefore = high;
  const lowBefore = low;
  if (made === undefined) {
    begin();
    mixFields(value);
    if (isFixed) known.set(value, { high, low });
  } else ({ high, low } = made);
  const ownHigh = high;
  const ownLow = low;
  high = highBefore;
  low = lowBefore;
  mix(TAG.object);
  mix(ownHigh);
  mix(ownLow);
}

function mixFields(value: object): void {
  const keys = Object.keys(value);
  mix(keys.length);
  for (const key of keys) {
    mixText(key);
    mixAny((value as Record<string, unknown>)[key]);
  }
}

function begin(): void {
  high = 0x243f6a88;
  low = 0x13198a2e;
}

export function digestOf(value: unknown): Digest {
  begin();
  mixAny(value);
  return { high, low };
}
