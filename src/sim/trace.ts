import { hashOf } from "./chance.js";

/**
 * What happened, in order: each line goes into the digest by its time, place and kind, is kept for the end of a failing run, and is worded
 * only when someone reads it.
 */
export interface Trace {
  add(atMs: number, place: string, kind: string, words: () => string): void;
  /** Of everything so far: equal for equal runs. */
  digest(): string;
  readonly lineCount: number;
  /** The last lines, oldest first. */
  tail(count: number): string[];
}

export interface TraceLine {
  readonly atMs: number;
  readonly place: string;
  readonly kind: string;
  readonly words: () => string;
}

const KEPT_MAX = 1_024;

/** Puts a prefix before the kinds of lines, of which there are few: made once each, a text is found by its identity when it is looked up. */
export function prefixer(prefix: string): (kind: string) => string {
  const known = new Map<string, string>();
  return (kind) => {
    let text = known.get(kind);
    if (text === undefined) {
      text = prefix + kind;
      known.set(kind, text);
    }
    return text;
  };
}

/** `print` gets each line as it happens. */
export function createTrace(print: ((text: string, line: TraceLine) => void) | null): Trace {
  const kept: TraceLine[] = [];
  const hashes = new Map<string, number>();
  let low = 0x12345678;
  let high = 0x9e3779b9;
  let count = 0;

  function hashed(text: string): number {
    let hash = hashes.get(text);
    if (hash === undefined) {
      hash = hashOf(text);
      hashes.set(text, hash);
    }
    return hash;
  }

  function mix(value: number): void {
    low = Math.imul(low ^ value, 0x85ebca6b);
    low ^= low >>> 13;
    high = Math.imul(high ^ low, 0xc2b2ae35) + value;
    high ^= high >>> 16;
  }

  return {
    add(atMs, place, kind, words) {
      mix(Math.floor(atMs * 1_000) | 0);
      mix(hashed(place));
      mix(hashed(kind));
      const line = { atMs, place, kind, words };
      kept[count % KEPT_MAX] = line;
      count += 1;
      print?.(lineText(line), line);
    },
    digest: () => (low >>> 0).toString(16).padStart(8, "0") + (high >>> 0).toString(16).padStart(8, "0"),
    get lineCount() {
      return count;
    },
    tail(wanted) {
      const lines: string[] = [];
      for (let i = Math.max(0, count - Math.min(wanted, KEPT_MAX)); i < count; i++) {
        const line = kept[i % KEPT_MAX];
        if (line !== undefined) lines.push(lineText(line));
      }
      return lines;
    },
  };
}

export function lineText(line: TraceLine): string {
  return `${line.atMs.toFixed(3).padStart(10)} ${line.place.padEnd(12)} ${line.kind.padEnd(18)} ${line.words()}`;
}
