import { crc32, crc32OfText } from "./checksum.js";

/** S6g: tells another request under the same number or key from a retry. Unsigned 32 bit. */
export function requestDigest(operation: string, input: Uint8Array): number {
  return crc32(input, crc32OfText(`${operation.length}:${operation}\n`));
}
