import { performance } from "node:perf_hooks";

/** Milliseconds since the process started, with fractions. Never jumps; compares only within one process. */
export function monotonicMs(): number {
  return performance.now();
}

/** Milliseconds since 1970, for people and for handlers' `nowMs`. May jump. */
export function wallMs(): number {
  return Date.now();
}
