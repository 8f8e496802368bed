import { randomBytes, randomFillSync } from "node:crypto";

/** A 128-bit id as 32 hex digits: incarnations, boot ids, nonces. */
export function randomId(): string {
  return randomBytes(16).toString("hex");
}

const seeds = new Uint32Array(1_024);
let seedsUsed = seeds.length;

/** An unsigned 32-bit number to seed a generator with. One is wanted for each request: they are drawn many at a time. */
export function randomSeed(): number {
  if (seedsUsed === seeds.length) {
    randomFillSync(seeds);
    seedsUsed = 0;
  }
  const seed = seeds[seedsUsed] ?? 0;
  seedsUsed += 1;
  return seed;
}
