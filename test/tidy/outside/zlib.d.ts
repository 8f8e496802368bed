// All of zlib that code below the cores may see (see tsconfig.core.json).
export function crc32(data: string | Uint8Array, value?: number): number;
