import { lay } from "../service/determinism/log-globals.js";
import type { Chance } from "../sim/chance.js";

/** The machine on which a service believes itself to run. */
export interface HostSource {
  wallMs(): number;
  monotonicMs(): number;
  readonly chance: Chance;
  readonly pid: number;
  readonly hostName: string;
  /** The service asks for something that lies outside this world: `what` completes "calls ...". Throws. */
  reach(what: string): never;
}

/** Null while code of our own runs: then everything is as it is. */
let current: HostSource | null = null;

/** Code of the service runs on this host from here on; null: none does. */
export function setHost(host: HostSource | null): void {
  current = host;
}

export function onHost<T>(host: HostSource, run: () => T): T {
  const before = current;
  current = host;
  try {
    return run();
  } finally {
    current = before;
  }
}

/**
 * Lays stand-ins over what a service can take from its machine: clocks and chance answer as of the simulated host, differently on each, and
 * what would reach outside the world does not. They stand for good in what the service keeps of them, as `const now = Date.now` does.
 * Gives what takes them off again.
 */
export function layHostGlobals(): () => void {
  const before = { Date: globalThis.Date, random: Math.random };
  globalThis.Date = HostDate;
  Math.random = () => current?.chance.unit() ?? before.random();
  const laid = [
    lay(globalThis.crypto, cryptoStandIns(globalThis.crypto)),
    lay(globalThis.performance, { now: overClock(performance.now.bind(performance)) }),
    lay(process, { hrtime: hrtimeStandIn(process.hrtime), ...processStandIns(), ...endings() }),
    layPid(),
    lay(globalThis, Object.fromEntries(OUTSIDE.filter((name) => name in globalThis).map((name) => [name, outsideOf(name)]))),
    lay(console, Object.fromEntries(PRINTING.map((name) => [name, silent(console[name])]))),
  ];
  return () => {
    for (const takeOff of laid.reverse()) takeOff();
    Math.random = before.random;
    globalThis.Date = before.Date;
  };
}

const OUTSIDE: readonly string[] = ["fetch", "WebSocket", "EventSource", "setTimeout", "setInterval", "setImmediate"];
const ENDINGS = ["exit", "abort", "kill"] as const;
const PRINTING = ["log", "info", "warn", "error", "debug"] as const;

const RealDate = Date;
const wallNow = (): number => current?.wallMs() ?? RealDate.now();

const HostDate: DateConstructor = new Proxy(RealDate, {
  apply: () => new RealDate(wallNow()).toString(),
  // A class that the service derives from Date is made as itself.
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [wallNow()] : given, newTarget) as Date,
  get: (target, key) => (key === "now" ? wallNow : Reflect.get(target, key)),
});

function overClock(real: () => number): () => number {
  return () => current?.monotonicMs() ?? real();
}

function hrtimeStandIn(real: NodeJS.HRTime): NodeJS.HRTime {
  const nowNs = (): bigint => (current === null ? real.bigint() : BigInt(Math.floor(current.monotonicMs() * 1_000_000)));
  const pair = (since?: [number, number]): [number, number] => {
    const passedNs = nowNs() - (since === undefined ? 0n : BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]));
    return [Number(passedNs / 1_000_000_000n), Number(passedNs % 1_000_000_000n)];
  };
  return Object.assign(pair, { bigint: nowNs });
}

type Draw = (host: HostSource, given: readonly unknown[]) => unknown;

const drawBytes: Draw = ({ chance }) => chance.integer(1_000_000, 1_000_000_000);

/** What Node tells a process of itself is its own: no two replicas have the same. */
const PROCESS: Readonly<Record<string, Draw>> = {
  uptime: (host) => host.monotonicMs() / 1_000,
  cpuUsage: (host, given) => ({ user: drawBytes(host, given), system: drawBytes(host, given) }),
  memoryUsage: (host, given) =>
    Object.fromEntries(["rss", "heapTotal", "heapUsed", "external", "arrayBuffers"].map((name) => [name, drawBytes(host, given)])),
};

function processStandIns(): Readonly<Record<string, unknown>> {
  const { memoryUsage, ...others } = standInsOf(process, PROCESS);
  const { rss } = standInsOf(process.memoryUsage, { rss: drawBytes });
  return { ...others, memoryUsage: Object.assign(Object(memoryUsage), { rss }) };
}

/** A handler that ends its process would end ours. */
function endings(): Readonly<Record<string, unknown>> {
  return Object.fromEntries(ENDINGS.map((name) => [name, outside(`process.${name}`, process[name])]));
}

function layPid(): () => void {
  const before = Object.getOwnPropertyDescriptor(process, "pid");
  const real = process.pid;
  Object.defineProperty(process, "pid", { get: () => current?.pid ?? real, configurable: true, enumerable: true });
  return () => Object.defineProperty(process, "pid", before ?? { value: real, configurable: true, enumerable: true });
}

/** Of the module `os`. */
export function osStandIns(real: object): Readonly<Record<string, unknown>> {
  return standInsOf(real, {
    hostname: ({ hostName }) => hostName,
    uptime: (host) => host.monotonicMs() / 1_000,
    freemem: drawBytes,
    loadavg: ({ chance }) => [chance.unit(), chance.unit(), chance.unit()],
  });
}

/** Of the global `crypto` and of the module. */
export function cryptoStandIns(real: object): Readonly<Record<string, unknown>> {
  return standInsOf(real, {
    randomUUID: ({ chance }) => uuidOf(chance.hex(32)),
    getRandomValues: ({ chance }, [view]) => fill(chance, view),
    randomFillSync: ({ chance }, [view]) => fill(chance, view),
    randomBytes: ({ chance }, [size]) => Buffer.from(chance.hex(2 * Number(size)), "hex"),
    randomInt: ({ chance }, [low, high]) =>
      high === undefined ? chance.integer(0, Number(low) - 1) : chance.integer(Number(low), Number(high) - 1),
  });
}

/** As far as the real object has them. */
function standInsOf(real: object, own: Readonly<Record<string, Draw>>): Readonly<Record<string, unknown>> {
  const standIns = Object.entries(own).flatMap(([name, draw]) => {
    const method: unknown = Reflect.get(real, name);
    if (typeof method !== "function") return [];
    const standIn = (...given: unknown[]): unknown => (current === null ? Reflect.apply(method, real, given) : draw(current, given));
    return [[name, standIn] as const];
  });
  return Object.fromEntries(standIns);
}

function fill(chance: Chance, view: unknown): unknown {
  if (!ArrayBuffer.isView(view)) return view;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = chance.uint32() & 0xff;
  return view;
}

function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function outsideOf(name: string): unknown {
  return outside(name, Reflect.get(globalThis, name));
}

/** The function or class itself, except that a service that uses it is told of. */
export function outside(name: string, real: unknown): unknown {
  if (typeof real !== "function") return real;
  return new Proxy(real, {
    apply: (target, self, given) => (current === null ? Reflect.apply(target, self, given) : current.reach(name)),
    construct: (target, given, newTarget) =>
      current === null ? (Reflect.construct(target, given, newTarget) as object) : current.reach(name),
  });
}

/** Thousands of runs would fill the screen. */
function silent(real: (...given: unknown[]) => void): (...given: unknown[]) => void {
  return (...given) => {
    if (current === null) real.apply(console, given);
  };
}
