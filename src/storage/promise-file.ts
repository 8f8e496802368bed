import { count, flag, nullable, object, type Shape } from "../codec/shape.js";
import { epochShape, viewShape } from "../codec/view-shape.js";
import type { Epoch } from "../vocabulary/epoch.js";
import type { View } from "../vocabulary/view.js";
import { perform, type Task } from "./task.js";
import { decodeRecord, encodeRecord, type RecordFormat, type Unreadable, unreadable } from "./record-file.js";

/**
 * The promise (S2a), the last view known to be active (S1e), in two slots of one file. A new promise goes to the first
 * slot and is durable with one sync; then the second slot is brought up to the same. So one slot is whole at any moment, and when nothing
 * is under way both hold the promise: damage to one loses nothing.
 */
export const PROMISE_PATH = "promise";
export const PROMISE_SLOT_SIZE_BYTES = 8192;
const FORMAT: RecordFormat = { magic: "TRPPROMI", version: 1 };

export interface PromiseRecord {
  readonly sequence: number;
  readonly promise: Epoch;
  readonly activeView: View | null;
  /** The replica has never heard of an active view (S1e). */
  readonly blank: boolean;
}

const promiseShape: Shape<PromiseRecord> = object<PromiseRecord>({
  sequence: count,
  promise: epochShape,
  activeView: nullable(viewShape),
  blank: flag,
});

export function encodePromise(record: PromiseRecord): Uint8Array {
  return encodeRecord(FORMAT, record);
}

type DecodedSlot = { readonly ok: true; readonly record: PromiseRecord } | Unreadable;
export type DecodedPromise = { readonly ok: true; readonly record: PromiseRecord; readonly slot: 0 | 1 } | Unreadable;

/** The newest whole slot of the file's bytes. */
export function decodePromise(bytes: Uint8Array): DecodedPromise {
  const first = decodeSlot(bytes.subarray(0, PROMISE_SLOT_SIZE_BYTES));
  const second = decodeSlot(bytes.subarray(PROMISE_SLOT_SIZE_BYTES, 2 * PROMISE_SLOT_SIZE_BYTES));
  // Another release may have promised more in the slot that cannot be read.
  for (const slot of [first, second]) if (!slot.ok && slot.isUnsupported) return slot;
  if (first.ok && (!second.ok || first.record.sequence >= second.record.sequence)) return { ...first, slot: 0 };
  if (second.ok) return { ...second, slot: 1 };
  return unreadable(`neither slot is whole (first: ${first.ok ? "" : first.reason}; second: ${second.reason})`);
}

function decodeSlot(bytes: Uint8Array): DecodedSlot {
  const record = decodeRecord(FORMAT, bytes, true);
  if (!record.ok) return record;
  return promiseShape(record.value) ? { ok: true, record: record.value } : unreadable("it does not hold a promise");
}

/** A slot's content; the promise is durable when the task ends. */
export function* writePromiseSlot(slot: 0 | 1, bytes: Uint8Array): Task {
  yield* perform({ kind: "write", path: PROMISE_PATH, offsetBytes: slot * PROMISE_SLOT_SIZE_BYTES, chunks: [bytes] });
  yield* perform({ kind: "sync", path: PROMISE_PATH });
}
