import { randomBytes } from "node:crypto";

/** A 128-bit id as 32 hex digits: incarnations, boot ids, nonces. */
export function randomId(): string {
  return randomBytes(16).toString("hex");
}

/** An unsigned 32-bit number to seed a generator with. */
export function randomSeed(): number {
  return randomBytes(4).readUInt32BE(0);
}
