/** Scatters the bits of a whole number over 32 (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A 32-bit hash of a text (FNV-1a over its code units, then scattered), begun with `seed` so that two seeds give two independent hashes. */
export function hashText(text: string, seed: number): number {
  let h = 0x811c9dc5 ^ mix(seed);
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h ^ text.length);
}
