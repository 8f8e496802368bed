import { isNativeAccelerationEnabled, Packr } from "msgpackr";
import { hasMark, keepingMarks } from "./text.js";

/**
 * Self-contained: no state between two values, so bytes may be stored and sent to several readers. The format's gaps (-0, sparse arrays,
 * lone surrogates, own `__proto__`, boxed primitives, class instances) are refused where values enter a service's state,
 * and what would be another value afterwards before a client sends it (faithful.ts). A key `toJSON` is a key like any other: the packer
 * would call what lies there, where it does not see a plain object (one that has a key `constructor`, or no prototype).
 */
const packr = new Packr({ structuredClone: true, copyBuffers: true, useToJSON: false, writeFunction: refuseFunction });

/** Left to itself the packer makes `undefined` of a function that lies inside a value. */
function refuseFunction(): never {
  throw new TypeError("a function cannot be encoded");
}

/** Throws a TypeError on what cannot be encoded (functions, symbols). */
export function encodeValue(value: unknown): Uint8Array {
  return packr.pack(value);
}

/**
 * As `encodeValue`, for bytes that are used up when `use` returns: the next value is encoded over them. A stream of large values would
 * otherwise leave its whole size behind as garbage outside the heap, of which each 64 MB costs a collection of all that is in it.
 */
export function withEncoded<Result>(value: unknown, use: (bytes: Uint8Array) => Result): Result {
  const from = packr.position;
  const bytes = packr.pack(value);
  const result = use(bytes);
  // In memory that had to be made for this value there is nothing of others yet.
  packr.position = bytes.byteOffset === 0 ? 0 : from;
  return result;
}

export type DecodedValue =
  | { readonly ok: true; readonly value: unknown }
  /** `isTooDeep`: nested so deeply that the stack was exhausted, of which others may have more. */
  | { readonly ok: false; readonly reason: string; readonly isTooDeep: boolean };

/** For bytes from outside: never throws. */
export function tryDecodeValue(bytes: Uint8Array): DecodedValue {
  try {
    return { ok: true, value: unpack(plainBytes(bytes)) };
  } catch (error) {
    const isTooDeep = error instanceof RangeError && /call stack/i.test(error.message);
    return { ok: false, reason: `not an encoded value: ${error instanceof Error ? error.message : String(error)}`, isTooDeep };
  }
}

/**
 * S9: the unpacker makes byte arrays of the kind that it reads from. What came in one piece from a socket is a Buffer, in two pieces or from
 * a file perhaps not, and a handler would see the difference (`toString`, `slice`, JSON) on one replica and not on another.
 */
function plainBytes(bytes: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * S9: where its native part is not installed, the unpacker drops the byte order mark of longer texts, so that a replica would lose what
 * another has, and a backup what its primary has.
 */
function unpack(bytes: Uint8Array): unknown {
  if (isNativeAccelerationEnabled || !hasMark(bytes)) return packr.unpack(bytes);
  return keepingMarks((): unknown => packr.unpack(bytes));
}

/** For bytes that were checked before; throws a TypeError on anything that `encodeValue` has not made. */
export function decodeValue(bytes: Uint8Array): unknown {
  const decoded = tryDecodeValue(bytes);
  if (!decoded.ok) throw new TypeError(decoded.reason);
  return decoded.value;
}
