/**
 * How much the replicated state remembers of requests, in bytes: the leader admits by it. Counted where the table changes, so that nobody
 * has to walk through it; a part of no snapshot, for the table itself tells it.
 */
import { REMEMBERED_OVERHEAD_BYTES } from "../../vocabulary/limit.js";
import { entriesOf } from "./aged-map.js";
import type { Remembered, SessionTable, Tally } from "./session-record.js";

export function createTally(): Tally {
  return { count: 0, bytes: 0, keyBytes: 0 };
}

/** `key`: null for a request of a session. */
export function sizeBytes(key: string | null, { reply }: Remembered): number {
  return REMEMBERED_OVERHEAD_BYTES + (key?.length ?? 0) + (reply?.bytes.length ?? 0);
}

function count(tally: Tally, isKey: boolean, bytes: number): void {
  tally.bytes += bytes;
  if (isKey) tally.keyBytes += bytes;
}

export function countIn(tally: Tally, key: string | null, remembered: Remembered): void {
  tally.count++;
  count(tally, key !== null, sizeBytes(key, remembered));
}

export function countOut(tally: Tally, key: string | null, remembered: Remembered): void {
  tally.count--;
  count(tally, key !== null, -sizeBytes(key, remembered));
}

/** The reply has come to what was counted without one. */
export function countReply(tally: Tally, kind: "session" | "key", { reply }: Remembered): void {
  count(tally, kind === "key", reply?.bytes.length ?? 0);
}

/** By a walk through all of the table: what the tally has to be. */
export function tallyOf({ sessions, keys }: SessionTable): Tally {
  const tally = createTally();
  for (const { replies } of sessions.values()) for (const remembered of replies.values()) countIn(tally, null, remembered);
  for (const [key, { remembered }] of entriesOf(keys)) countIn(tally, key, remembered);
  return tally;
}
