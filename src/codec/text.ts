/** UTF-8 without Node: both exist everywhere JavaScript runs, but not in the language's own library. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
interface Decoder {
  decode(bytes: Uint8Array): string;
}
declare const TextDecoder: {
  new (label: string, options: { readonly fatal: boolean; readonly ignoreBOM: boolean }): Decoder;
  readonly prototype: Decoder;
};

const encoder = new TextEncoder();
// Left to itself a decoder drops the byte order mark that a text begins with: "\uFEFFk" would come back as another key.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

// With `u`, a surrogate that is half of a pair does not match: only lone ones do.
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

/** Whether the text is stored as it is: half of a surrogate pair has no UTF-8, and would come back as U+FFFD. */
export function isWholeText(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Null when the bytes are no UTF-8. */
export function decodeText(bytes: Uint8Array): string | null {
  if (bytes.length <= 32) {
    const short = decodeShort(bytes);
    if (short !== null) return short;
  }
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Names and keys are short and ASCII: a loop beats the decoder there. */
function decodeShort(bytes: Uint8Array): string | null {
  let text = "";
  for (const byte of bytes) {
    if (byte > 127) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}

const decodeAnyhow = TextDecoder.prototype.decode;

/** Runs what decodes text by decoders of its own, which nobody can tell to leave byte order marks where they are. Synchronous code only. */
export function keepingMarks<T>(run: () => T): T {
  TextDecoder.prototype.decode = (bytes) => decodeAnyhow.call(lenientDecoder, bytes);
  try {
    return run();
  } finally {
    TextDecoder.prototype.decode = decodeAnyhow;
  }
}

/** Whether there is a byte order mark (U+FEFF) in UTF-8 somewhere. */
export function hasMark(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(0xef); at >= 0; at = bytes.indexOf(0xef, at + 1))
    if (bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) return true;
  return false;
}
