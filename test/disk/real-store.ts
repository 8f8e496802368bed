import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDisk } from "../../src/runtime/disk.js";
import { openReplicaDisk } from "../../src/server/shell/replica-disk.js";
import type { StoreCommand, StoreResult } from "../../src/storage/store-command.js";
import { CONFIG, entryAt } from "../../src/storage/store.test-rig.js";

/** On the project's own file system, which is a real one: /tmp may be memory. */
export function scratchFolder(name: string): string {
  const parent = fileURLToPath(new URL("../../.cache/disk-faults/", import.meta.url));
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, `${name}-`));
}

/** Small files, so that a short life goes through several of each kind. */
export const REAL_CONFIG = { ...CONFIG, segmentSizeBytes: 8 * 1024, sliceSizeBytes: 4 * 1024 };

export interface RealStore {
  submit(command: StoreCommand): void;
  readonly results: StoreResult[];
  /** The first result that is `wanted`, or that ends the store. */
  until(wanted: (result: StoreResult) => boolean): Promise<StoreResult>;
}

export const isEnd = (result: StoreResult): boolean =>
  result.kind === "failed" || result.kind === "damaged" || result.kind === "unsupported";

/** A replica's store on a folder of the real disk. */
export function openRealStore(folder: string): RealStore {
  const results: StoreResult[] = [];
  const waiting: { wanted: (result: StoreResult) => boolean; resolve: (result: StoreResult) => void }[] = [];
  const disk = openReplicaDisk(
    REAL_CONFIG,
    createDisk(folder),
    () => performance.now(),
    (result) => {
      results.push(result);
      for (const each of waiting.splice(0)) {
        if (each.wanted(result) || isEnd(result)) each.resolve(result);
        else waiting.push(each);
      }
    },
  );
  return {
    submit: (command) => disk.submit(command),
    results,
    until: (wanted) =>
      new Promise((resolve) => {
        const known = results.find((result) => wanted(result) || isEnd(result));
        if (known === undefined) waiting.push({ wanted, resolve });
        else resolve(known);
      }),
  };
}

export const ENTRY_BYTES = 200;

/** What a life does to a store: batches, a promise now and then, snapshots with the log dropped behind them. */
export interface Life {
  /** The highest index that was acknowledged as durable, and the highest promise. */
  acked: number;
  promised: number;
  published: number;
}

/** Goes on from `fromIndex` until `batches` are written or the store ends; what was acknowledged is in `life` at every moment. */
export async function live(
  store: RealStore,
  life: Life,
  fromIndex: number,
  batches: number,
  onAcked: () => void = () => {},
): Promise<StoreResult | null> {
  let next = fromIndex;
  for (let batch = 1; batch <= batches; batch++) {
    const last = next + 2;
    const entries = [next, next + 1, last].map((index) => entryAt(index, 1, ENTRY_BYTES));
    store.submit({ kind: "persist", ticket: last, truncateAfter: null, entries });
    const done = await store.until((result) => result.kind === "persisted" && result.ticket === last);
    if (isEnd(done)) return done;
    life.acked = last;
    next = last + 1;
    const more = batch % 4 === 0 ? await promise(store, life, last) : batch % 6 === 0 ? await snapshot(store, life, last) : null;
    if (more !== null) return more;
    onAcked();
  }
  return null;
}

async function promise(store: RealStore, life: Life, ticket: number): Promise<StoreResult | null> {
  store.submit({ kind: "persist-promise", ticket, promise: [ticket, 0], activeView: null, blank: false });
  const done = await store.until((result) => result.kind === "promise-persisted" && result.ticket === ticket);
  if (isEnd(done)) return done;
  life.promised = ticket;
  return null;
}

async function snapshot(store: RealStore, life: Life, index: number): Promise<StoreResult | null> {
  store.submit({
    kind: "begin-snapshot",
    index,
    epoch: [1, 1],
    ageMs: index,
    generation: 1,
    logTimeMs: index,
    table: { sessions: [], keys: [] },
  });
  for (let slice = 0; slice < 3; slice++) store.submit({ kind: "snapshot-slice", bytes: new Uint8Array(3_000).fill(index) });
  store.submit({ kind: "finish-snapshot" });
  const done = await store.until((result) => result.kind === "snapshot-persisted" && result.meta.index === index);
  if (isEnd(done)) return done;
  life.published = index;
  store.submit({ kind: "drop-log", throughIndex: index });
  return null;
}

export type Recovered = Extract<StoreResult, { kind: "recovered" }>;

/** What a start makes of the folder. */
export async function recoverFolder(folder: string): Promise<{ store: RealStore; first: StoreResult }> {
  const store = openRealStore(folder);
  store.submit({ kind: "recover" });
  return { store, first: await store.until((result) => result.kind === "recovered") };
}

/** Where the recovered log ends, with every entry checked against what was written. Throws what is wrong. */
export function lastIndexOf(found: Recovered): number {
  const base = found.snapshot?.meta.index ?? 0;
  for (const [at, { index, body }] of found.entries.entries()) {
    const expected = new Uint8Array(ENTRY_BYTES).fill(base + 1 + at);
    const isSame = index === base + 1 + at && body.kind === "request" && Buffer.compare(body.input, expected) === 0;
    if (!isSame) throw new Error(`entry ${base + 1 + at} is not what was written`);
  }
  return base + found.entries.length;
}

/** Why what was recovered is less than what was acknowledged, or null. */
export function lossOf(first: StoreResult, life: Life): string | null {
  if (first.kind !== "recovered") return `${JSON.stringify(first)}`;
  const last = lastIndexOf(first);
  if (last < life.acked) return `entries through ${last} are there, ${life.acked} were acknowledged`;
  if (first.promise[0] < life.promised) return `promise ${first.promise[0]} is there, ${life.promised} was acknowledged`;
  const index = first.snapshot?.meta.index ?? 0;
  return index < life.published ? `the snapshot at ${index} is there, ${life.published} was published` : null;
}
