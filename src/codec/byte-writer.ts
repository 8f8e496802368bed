import { encodeText } from "./text.js";

/**
 * Writes binary into slabs that are handed out once and never reused, so that what was written may be kept, stored and sent without a copy.
 * Larger byte strings are not copied: they become chunks of their own.
 */
export interface ByteWriter {
  readonly chunks: Uint8Array[];
  slab: Slab;
  /** Where the chunk that is being written starts in the slab. */
  startBytes: number;
  offsetBytes: number;
  sizeBytes: number;
}

interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  usedBytes: number;
  /** A writer is writing into it: another one that starts meanwhile takes a new slab. */
  busy: boolean;
}

const SLAB_SIZE_BYTES = 64 * 1024;
/** Up to this size a copy is cheaper than another chunk. */
const COPY_SIZE_BYTES_MAX = 1024;

let sharedSlab = createSlab(SLAB_SIZE_BYTES);

function createSlab(sizeBytes: number): Slab {
  const bytes = new Uint8Array(sizeBytes);
  return { bytes, view: new DataView(bytes.buffer), usedBytes: 0, busy: false };
}

export function startWriter(): ByteWriter {
  if (sharedSlab.busy) sharedSlab = createSlab(SLAB_SIZE_BYTES);
  const slab = sharedSlab;
  slab.busy = true;
  return { chunks: [], slab, startBytes: slab.usedBytes, offsetBytes: slab.usedBytes, sizeBytes: 0 };
}

/** Ends the writer; its chunks, in order. */
export function finishWriter(writer: ByteWriter): Uint8Array[] {
  closeChunk(writer);
  writer.slab.busy = false;
  return writer.chunks;
}

/** Ends a writer whose content must be one piece. */
export function finishWhole(writer: ByteWriter): Uint8Array {
  const chunks = finishWriter(writer);
  const only = chunks[0];
  return chunks.length === 1 && only !== undefined ? only : joinBytes(chunks);
}

export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offsetBytes = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offsetBytes);
    offsetBytes += chunk.length;
  }
  return joined;
}

/** Total size written so far. */
export function writtenBytes(writer: ByteWriter): number {
  return writer.sizeBytes + writer.offsetBytes - writer.startBytes;
}

function closeChunk(writer: ByteWriter): void {
  const { slab, startBytes, offsetBytes } = writer;
  if (offsetBytes > startBytes) writer.chunks.push(slab.bytes.subarray(startBytes, offsetBytes));
  writer.sizeBytes += offsetBytes - startBytes;
  slab.usedBytes = offsetBytes;
  writer.startBytes = offsetBytes;
}

/** Makes room for `sizeBytes` in one piece; what was written so far of the chunk moves along, so that a header stays in one piece. */
function reserve(writer: ByteWriter, sizeBytes: number): void {
  if (writer.offsetBytes + sizeBytes <= writer.slab.bytes.length) return;
  const written = writer.slab.bytes.subarray(writer.startBytes, writer.offsetBytes);
  const slab = createSlab(Math.max(SLAB_SIZE_BYTES, (written.length + sizeBytes) * 2));
  slab.bytes.set(written);
  slab.busy = true;
  if (slab.bytes.length === SLAB_SIZE_BYTES) sharedSlab = slab;
  else writer.slab.busy = false;
  writer.slab = slab;
  writer.startBytes = 0;
  writer.offsetBytes = written.length;
}

export function writeU8(writer: ByteWriter, value: number): void {
  reserve(writer, 1);
  writer.slab.bytes[writer.offsetBytes] = value;
  writer.offsetBytes += 1;
}

export function writeU32(writer: ByteWriter, value: number): void {
  reserve(writer, 4);
  writer.slab.view.setUint32(writer.offsetBytes, value);
  writer.offsetBytes += 4;
}

/** A safe integer, 0 to 2^53 - 1, in eight bytes. */
export function writeCount(writer: ByteWriter, value: number): void {
  reserve(writer, 8);
  writer.slab.view.setUint32(writer.offsetBytes, Math.floor(value / 4_294_967_296));
  writer.slab.view.setUint32(writer.offsetBytes + 4, value % 4_294_967_296);
  writer.offsetBytes += 8;
}

export function writeF64(writer: ByteWriter, value: number): void {
  reserve(writer, 8);
  writer.slab.view.setFloat64(writer.offsetBytes, value);
  writer.offsetBytes += 8;
}

/** Bytes alone, without their length. Large ones are taken as they are: they must not change any more. */
export function writeRaw(writer: ByteWriter, bytes: Uint8Array): void {
  if (bytes.length > COPY_SIZE_BYTES_MAX) {
    closeChunk(writer);
    writer.chunks.push(bytes);
    writer.sizeBytes += bytes.length;
    return;
  }
  reserve(writer, bytes.length);
  writer.slab.bytes.set(bytes, writer.offsetBytes);
  writer.offsetBytes += bytes.length;
}

export function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writeU32(writer, bytes.length);
  writeRaw(writer, bytes);
}

export function writeText(writer: ByteWriter, text: string): void {
  if (text.length <= 64) {
    reserve(writer, 4 + text.length);
    const { bytes, view } = writer.slab;
    let offsetBytes = writer.offsetBytes + 4;
    let ascii = true;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) {
        ascii = false;
        break;
      }
      bytes[offsetBytes++] = code;
    }
    if (ascii) {
      view.setUint32(writer.offsetBytes, text.length);
      writer.offsetBytes = offsetBytes;
      return;
    }
  }
  writeBytes(writer, encodeText(text));
}
