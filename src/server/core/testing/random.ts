/** Seeded chance (mulberry32). */
export interface Chance {
  state: number;
}

export function below(chance: Chance, bound: number): number {
  chance.state = (chance.state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(chance.state ^ (chance.state >>> 15), 1 | chance.state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
}

export function oneIn(chance: Chance, count: number): boolean {
  return below(chance, count) === 0;
}
