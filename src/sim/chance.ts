/**
 * A seeded source of random numbers: sfc32 (Chris Doty-Humphrey's PractRand), in 32-bit integer arithmetic, so that it gives the same on every
 * machine. A world has one stream a concern: a new draw in one shifts none of the others.
 */
export interface Chance {
  /** Uniform in [0, 1). */
  unit(): number;
  uint32(): number;
  /** Uniform among the integers from `low` through `high`. */
  integer(low: number, high: number): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** True with this probability; draws nothing when it is 0. */
  happens(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** Lower-case hex digits. */
  hex(digits: number): string;
}

export function createChance(seed: number, stream: string): Chance {
  let a = seed >>> 0;
  let b = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let c = hashOf(stream);
  let counter = 1;

  function uint32(): number {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  }

  for (let i = 0; i < 15; i++) uint32();
  const unit = (): number => uint32() / 0x1_0000_0000;
  return {
    unit,
    uint32,
    integer: (low, high) => low + Math.floor(unit() * (high - low + 1)),
    between: (low, high) => low + unit() * (high - low),
    happens: (probability) => probability > 0 && unit() < probability,
    pick(choices) {
      const chosen = choices[Math.floor(unit() * choices.length)];
      if (chosen === undefined) throw new RangeError("nothing to pick from");
      return chosen;
    },
    hex(digits) {
      let text = "";
      while (text.length < digits) text += uint32().toString(16).padStart(8, "0");
      return text.slice(0, digits);
    },
  };
}

/** FNV-1a. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
