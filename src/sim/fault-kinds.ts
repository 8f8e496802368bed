import type { DiskOperation } from "../vocabulary/disk.js";

/** What an operator orders is no fault, whatever it may bring to light. */
const ORDERED: readonly string[] = ["change", "change-many", "hand-over"];

const OPERATIONS: readonly DiskOperation["kind"][] = [
  ...(["create", "write", "sync", "sync-folder", "rename"] as const),
  ...(["remove", "truncate", "make-folder", "list", "read"] as const),
];
const CORES = ["server", "lfd", "gfd", "rm", "client"];

/** Kinds that lie in wait when they strike, and the marks that they leave once they have taken effect. */
const SHOWN_BY: Readonly<Record<string, readonly string[]>> = {
  "kill-between-effects": ["server-dies-between-effects"],
  "rm-between-effects": ["rm-dies-between-effects"],
  "core-dies-mid-turn": CORES.map((core) => `${core}-dies-between-effects`),
  "pause-in-a-turn": CORES.map((core) => `${core}-stops-between-effects`),
  "slow-process": ["process-slowed"],
  "slow-link": ["link-slowed"],
  "entry-damaged": ["entry-damaged"],
  "disk-errors": OPERATIONS.map((operation) => `disk-error-${operation}`),
  "disk-full": ["disk-full"],
  "disk-slow": ["disk-slowed"],
  "disk-hang": ["disk-held"],
  "deadly-request": ["died-at-request"],
};

/** The kinds of fault that a run with these marks has really had. */
export function faultKinds(marks: ReadonlyMap<string, number>): string[] {
  return [...marks.keys()].flatMap((name) => {
    const kind = name.startsWith("fault-") ? name.slice("fault-".length) : null;
    if (kind === null || ORDERED.includes(kind)) return [];
    return SHOWN_BY[kind]?.some((shown) => marks.has(shown)) === false ? [] : [kind];
  });
}
