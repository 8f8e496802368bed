import { assert } from "../vocabulary/assert.js";
import type { GroupName } from "../vocabulary/ids.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { Message } from "../vocabulary/message.js";
import { readRaw, readU8, remainingBytes, startReader } from "./byte-reader.js";
import { finishWriter, joinBytes, startWriter, writeRaw, writeU8, writeU32, writtenBytes } from "./byte-writer.js";
import { FRAME_HEAD_SIZE_BYTES } from "./frame.js";
import { HOT_CODES, hotKindOf, isHot, prepareHot, readHot, writeHot } from "./hot-message.js";
import { MESSAGE_SHAPES, type PlainKind } from "./message-shape.js";
import { fitsIn, type Shape } from "./shape.js";
import { encodeValue, tryDecodeValue } from "./value.js";

/** The code of messages that travel as a plain value; hot ones have codes of their own. */
const PLAIN = 0;

export type DecodedMessage = { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: string };

/**
 * A message as a whole frame: four bytes of length, one of kind, the content. Chunks are to be written one after the other; none may be
 * changed. `group`: the one that the connection is about, which the entries of an append name (L5).
 */
export function encodeFrame(message: Message, group: GroupName | null): Uint8Array[] {
  if (isHot(message)) prepareHot(message, group);
  const writer = startWriter();
  writeU32(writer, 0);
  if (isHot(message)) {
    writeU8(writer, HOT_CODES[message.kind]);
    writeHot(writer, message, group);
  } else {
    writeU8(writer, PLAIN);
    writeRaw(writer, encodeValue(message));
  }
  const size = writtenBytes(writer) - FRAME_HEAD_SIZE_BYTES;
  const chunks = finishWriter(writer);
  assert(size <= LIMITS.frameSizeBytesMax, "frame", () => `a message ${message.kind} of ${size} bytes is larger than a frame may be`);
  const first = chunks[0];
  assert(first !== undefined && first.length >= FRAME_HEAD_SIZE_BYTES, "frame");
  new DataView(first.buffer, first.byteOffset).setUint32(0, size);
  return chunks;
}

/** The body of the frame alone, without its length. */
export function encodeMessage(message: Message, group: GroupName | null): Uint8Array[] {
  const [first, ...others] = encodeFrame(message, group);
  return first === undefined ? [] : [first.subarray(FRAME_HEAD_SIZE_BYTES), ...others];
}

/** The same as one piece. */
export function encodeMessageWhole(message: Message, group: GroupName | null): Uint8Array {
  const chunks = encodeMessage(message, group);
  const only = chunks[0];
  return chunks.length === 1 && only !== undefined ? only : joinBytes(chunks);
}

/** From the body of a frame. Payloads and entries stay views into `bytes`, which must not be changed any more. Never throws. */
export function decodeMessage(bytes: Uint8Array, group: GroupName | null): DecodedMessage {
  const reader = startReader(bytes);
  const code = readU8(reader);
  if (reader.failed) return { ok: false, reason: "an empty message" };
  if (code === PLAIN) return decodePlain(readRaw(reader, remainingBytes(reader)));
  const kind = hotKindOf(code);
  return kind === undefined ? { ok: false, reason: `a message of the unknown kind ${code}` } : readHot(reader, kind, group);
}

function decodePlain(bytes: Uint8Array): DecodedMessage {
  const decoded = tryDecodeValue(bytes);
  if (!decoded.ok) return decoded;
  const kind = kindOf(decoded.value);
  if (kind === null) return { ok: false, reason: "a message of an unknown kind" };
  const shape: Shape<Message> = MESSAGE_SHAPES[kind] as Shape<Message>;
  return fitsIn(bytes.length, shape, decoded.value)
    ? { ok: true, message: decoded.value }
    : { ok: false, reason: `a message ${kind} that does not have its form` };
}

function kindOf(value: unknown): PlainKind | null {
  if (typeof value !== "object" || value === null || !("kind" in value)) return null;
  return typeof value.kind === "string" && Object.hasOwn(MESSAGE_SHAPES, value.kind) ? (value.kind as PlainKind) : null;
}
