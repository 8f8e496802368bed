import type { LogSource } from "../context.js";

/**
 * S9: runs synchronous code with `Date`, `Math.random`, `crypto.randomUUID`, `crypto.getRandomValues` and `performance.now` answering from
 * the log, and puts back what was there, whatever happens. Does not reach what was imported from `node:` modules or saved before.
 */
export function withLogGlobals<T>(source: LogSource, run: () => T): T {
  const before = { source: current, Date: globalThis.Date, random: Math.random };
  current = source;
  const restoreCrypto = lay(globalThis.crypto, CRYPTO);
  const restorePerformance = lay(globalThis.performance, PERFORMANCE);
  globalThis.Date = LogDate;
  Math.random = logRandom;
  try {
    return run();
  } finally {
    Math.random = before.random;
    globalThis.Date = before.Date;
    restorePerformance();
    restoreCrypto();
    current = before.source;
  }
}

/** What the stand-ins answer from. Null outside: then a stand-in that a handler has kept answers as at the beginning of time. */
let current: LogSource | null = null;

const RealDate = Date;
const logNow = (): number => current?.now ?? 0;
const logRandom = (): number => current?.random() ?? 0;

/** The real Date, except that the present is the log's: its objects are Dates to `instanceof` before and after. */
const LogDate: DateConstructor = new Proxy(RealDate, {
  apply: () => new RealDate(logNow()).toString(),
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [logNow()] : given, newTarget) as Date,
  get: (target, key) => (key === "now" ? logNow : Reflect.get(target, key)),
});

const CRYPTO = { randomUUID: () => current?.uuid() ?? "", getRandomValues: fillRandom };
const PERFORMANCE = { now: logNow };

/** Lays own methods over a platform object's, and gives what takes them off again. Absent objects are left absent. */
export function lay(object: object | undefined, methods: Readonly<Record<string, unknown>>): () => void {
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

function fillRandom(view: ArrayBufferView): ArrayBufferView {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (current?.nextUint32() ?? 0) & 0xff;
  return view;
}
