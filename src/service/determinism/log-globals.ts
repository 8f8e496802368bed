import type { LogSource } from "../context.js";

/**
 * S9: runs synchronous code with `Date`, `Math.random`, `crypto.randomUUID`, `crypto.getRandomValues` and `performance.now` answering from
 * the log, and puts the real ones back whatever happens. Does not reach what was imported from `node:` modules or saved before.
 */
export function withLogGlobals<T>(source: LogSource, run: () => T): T {
  const real = { Date: globalThis.Date, random: Math.random };
  const restoreCrypto = replace(globalThis.crypto, {
    randomUUID: () => source.uuid(),
    getRandomValues: (view: ArrayBufferView) => fillRandom(source, view),
  });
  const restorePerformance = replace(globalThis.performance, { now: () => source.now });
  globalThis.Date = logDate(real.Date, source.now);
  Math.random = () => source.random();
  try {
    return run();
  } finally {
    Math.random = real.random;
    globalThis.Date = real.Date;
    restorePerformance();
    restoreCrypto();
  }
}

/** The real Date, except that the present is the log's: its objects are Dates to `instanceof` before and after. */
function logDate(RealDate: DateConstructor, nowMs: number): DateConstructor {
  const now = (): number => nowMs;
  return new Proxy(RealDate, {
    apply: () => new RealDate(nowMs).toString(),
    construct: (target, given) => Reflect.construct(target, given.length === 0 ? [nowMs] : given) as Date,
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });
}

/** Lays own methods over a platform object's, and gives what takes them off again. Absent objects are left absent. */
function replace(object: object | undefined, methods: Readonly<Record<string, unknown>>): () => void {
  if (object === undefined) return () => {};
  const before = Object.keys(methods).map((name) => [name, Object.getOwnPropertyDescriptor(object, name)] as const);
  for (const [name, value] of Object.entries(methods)) Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, descriptor);
    }
  };
}

function fillRandom(source: LogSource, view: ArrayBufferView): ArrayBufferView {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = source.nextUint32() & 0xff;
  return view;
}
