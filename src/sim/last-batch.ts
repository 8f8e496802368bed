import { BATCH_TRAILER_SIZE_BYTES, parseSegment, segmentIdOf, traceAt } from "../storage/segment.js";
import type { GroupName, Incarnation } from "../vocabulary/ids.js";
import type { SimFile } from "./disk-state.js";

/** Whose log a disk holds. */
export interface LogOwner {
  readonly group: GroupName;
  readonly incarnation: Incarnation;
}

/**
 * Damage here would leave what a torn write leaves (docs/reference/formats.md): in the trailer of the last batch, with nothing behind it that
 * says that it was synced. That takes two faults at one place, and no log with one sync for a batch can tell it. In a file that is damaged
 * already a further bit may hide the first, so from there on it is the same.
 */
export function wouldLookTorn(path: string, file: SimFile, atBytes: number, { group, incarnation }: LogOwner): boolean {
  const segmentId = segmentIdOf(path);
  if (segmentId === null) return false;
  const parsed = parseSegment(file.content, { incarnation, segmentId, group }, null);
  if (parsed.damage !== null) return atBytes >= parsed.endBytes;
  const inTrailer = atBytes < parsed.endBytes && atBytes >= parsed.endBytes - BATCH_TRAILER_SIZE_BYTES;
  return (
    inTrailer && parsed.batches.length > 0 && !parsed.sealed && traceAt(file.content, parsed.endBytes, incarnation, segmentId) === null
  );
}
