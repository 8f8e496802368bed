/** UTF-8 without Node: both exist everywhere JavaScript runs, but not in the language's own library. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

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
