import { LIMITS } from "../vocabulary/limit.js";

/** Written once in each direction, before the first frame: "TRP1" and the version of the framing. */
export const PREAMBLE: Uint8Array = new Uint8Array([0x54, 0x52, 0x50, 0x31, 1]);
export const FRAME_HEAD_SIZE_BYTES = 4;

/**
 * Cuts a stream of bytes into frames: four bytes of length, then as many. The length is checked before anything is kept for it, so a peer
 * can make us hold no more than one frame of the size limit.
 */
export interface FrameSplitter {
  /** What came so far of the piece that is being waited for. */
  readonly pending: Uint8Array[];
  pendingBytes: number;
  /** Size of the frame that is being received; -1 while its head is, -2 while the preamble is. */
  bodySizeBytes: number;
  failure: string | null;
}

const IN_HEAD = -1;
const IN_PREAMBLE = -2;

export function createFrameSplitter(): FrameSplitter {
  return { pending: [], pendingBytes: 0, bodySizeBytes: IN_PREAMBLE, failure: null };
}

/**
 * Takes the next bytes and calls `onFrame` with the body of each frame that they complete (a view, not a copy, where the frame came whole).
 * Returns why the stream can not be read on, or null. After a failure nothing is taken any more.
 */
export function splitFrames(splitter: FrameSplitter, bytes: Uint8Array, onFrame: (body: Uint8Array) => void): string | null {
  let offsetBytes = 0;
  while (splitter.failure === null) {
    const wanted = wantedBytes(splitter);
    const available = splitter.pendingBytes + bytes.length - offsetBytes;
    if (available < wanted) {
      const rest = bytes.subarray(offsetBytes);
      if (splitter.bodySizeBytes === IN_PREAMBLE && !startsLikePreamble(splitter, rest)) return fail(splitter, FOREIGN);
      if (rest.length > 0) {
        // A copy of small pieces: a slow peer must not pin one read buffer for every byte.
        splitter.pending.push(rest.length < 512 ? rest.slice() : rest);
        splitter.pendingBytes += rest.length;
        if (splitter.pending.length > 1024) compact(splitter);
      }
      return null;
    }
    const taken = wanted - splitter.pendingBytes;
    const piece = complete(splitter, bytes.subarray(offsetBytes, offsetBytes + taken));
    offsetBytes += taken;
    takePiece(splitter, piece, onFrame);
  }
  return splitter.failure;
}

const FOREIGN = "the peer does not speak Troupe's protocol, or another version of its framing";

function fail(splitter: FrameSplitter, reason: string): string {
  splitter.failure = reason;
  splitter.pending.length = 0;
  splitter.pendingBytes = 0;
  return reason;
}

function wantedBytes(splitter: FrameSplitter): number {
  if (splitter.bodySizeBytes === IN_PREAMBLE) return PREAMBLE.length;
  return splitter.bodySizeBytes === IN_HEAD ? FRAME_HEAD_SIZE_BYTES : splitter.bodySizeBytes;
}

function takePiece(splitter: FrameSplitter, piece: Uint8Array, onFrame: (body: Uint8Array) => void): void {
  if (splitter.bodySizeBytes === IN_PREAMBLE) {
    if (!piece.every((byte, at) => byte === PREAMBLE[at])) fail(splitter, FOREIGN);
    else splitter.bodySizeBytes = IN_HEAD;
  } else if (splitter.bodySizeBytes === IN_HEAD) {
    const size = (piece[0] ?? 0) * 16_777_216 + (((piece[1] ?? 0) << 16) | ((piece[2] ?? 0) << 8) | (piece[3] ?? 0));
    if (size === 0 || size > LIMITS.frameSizeBytesMax) {
      fail(splitter, `a frame of ${size} bytes is announced; the limit is ${LIMITS.frameSizeBytesMax}`);
    } else splitter.bodySizeBytes = size;
  } else {
    splitter.bodySizeBytes = IN_HEAD;
    onFrame(piece);
  }
}

function complete(splitter: FrameSplitter, last: Uint8Array): Uint8Array {
  if (splitter.pendingBytes === 0) return last;
  splitter.pending.push(last);
  splitter.pendingBytes += last.length;
  compact(splitter);
  const whole = splitter.pending[0] ?? last;
  splitter.pending.length = 0;
  splitter.pendingBytes = 0;
  return whole;
}

function compact(splitter: FrameSplitter): void {
  const whole = new Uint8Array(splitter.pendingBytes);
  let at = 0;
  for (const piece of splitter.pending) {
    whole.set(piece, at);
    at += piece.length;
  }
  splitter.pending.length = 0;
  splitter.pending.push(whole);
}

function startsLikePreamble(splitter: FrameSplitter, rest: Uint8Array): boolean {
  const before = splitter.pendingBytes;
  return rest.every((byte, at) => byte === PREAMBLE[before + at]);
}
