import { crc32 as platformCrc32 } from "node:zlib";

/** CRC-32 (IEEE 802.3) as an unsigned number; `start` goes on from an earlier checksum. Finds accidents, not attackers. */
export function crc32(bytes: Uint8Array, start = 0): number {
  return platformCrc32(bytes, start);
}

/** The checksum of a text's UTF-8 form. */
export function crc32OfText(text: string, start = 0): number {
  return platformCrc32(text, start);
}
