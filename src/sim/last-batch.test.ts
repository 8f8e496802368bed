import { describe, expect, test } from "vitest";
import { encodeEntry } from "../codec/entry.js";
import { encodeBatch, encodeMark, encodeSegmentHead, parseSegment, segmentPath } from "../storage/segment.js";
import { entryAt } from "../storage/store.test-rig.js";
import { groupName, incarnation } from "../vocabulary/ids.js";
import { createChance } from "./chance.js";
import { createSimDisk, flipBit, powerOffDisk } from "./disk.js";
import type { SimDisk, SimFile } from "./disk-state.js";
import { type LogOwner, wouldLookTorn } from "./last-batch.js";

const OWNER: LogOwner = { group: groupName("bank"), incarnation: incarnation("1".repeat(32)) };
const SIZE_BYTES = 1_200;

function batch(number: number, segmentId = 2): Buffer {
  const place = { incarnation: OWNER.incarnation, segmentId, batchNumber: number };
  return Buffer.concat(encodeBatch(place, { kind: "none" }, [encodeEntry(OWNER.group, entryAt(number))], number - 1));
}

const MARK = encodeMark({ incarnation: OWNER.incarnation, segmentId: 2, batchNumber: 3 }, 3);
const SEAL = Buffer.concat(encodeBatch({ incarnation: OWNER.incarnation, segmentId: 2, batchNumber: 4 }, { kind: "seal" }, [], 3));

/** Three batches, then `tail`, then what an earlier use of the file left. */
function segmentWith(tail: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(SIZE_BYTES);
  for (let number = 1, at = 32; at < SIZE_BYTES; number++) at += batch(number, 1).copy(bytes, at);
  Buffer.concat([encodeSegmentHead(OWNER.incarnation, 2, SIZE_BYTES), batch(1), batch(2), batch(3), tail]).copy(bytes);
  return bytes;
}

function file(content: Uint8Array, durable = content): SimFile {
  return { content: Uint8Array.from(content), durable: Uint8Array.from(durable), pending: [] };
}

function parse(bytes: Uint8Array): ReturnType<typeof parseSegment> {
  return parseSegment(bytes, { incarnation: OWNER.incarnation, segmentId: 2, group: OWNER.group }, null);
}

/** Where a flipped bit makes the store take the last batch for an unfinished one. */
function placesThatLookTorn(bytes: Uint8Array): number[] {
  const whole = parse(bytes).batches.filter(({ cut }) => cut.kind !== "seal").length;
  return [...bytes.keys()].filter((at) => {
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 4;
    const { damage, batches } = parse(flipped);
    return damage === null && batches.length < whole;
  });
}

const TAILS: readonly (readonly [string, Uint8Array, boolean])[] = [
  ["nothing", new Uint8Array(0), true],
  ["its mark", MARK, false],
  ["a part of its mark", MARK.subarray(0, 31), true],
  ["a batch that was not finished, but for its head", batch(4).subarray(0, 60), false],
  ["a batch of which a part of the head is there", batch(4).subarray(0, 40), true],
  ["the seal", SEAL, false],
];

describe("a flipped bit that would look like a torn write", () => {
  test.each(TAILS)("behind the last batch: %s", (_, tail, some) => {
    const bytes = segmentWith(tail);
    const places = placesThatLookTorn(bytes);
    expect(places.length > 0).toBe(some);
    expect([...bytes.keys()].filter((at) => wouldLookTorn(segmentPath(2), file(bytes), at, OWNER))).toEqual(places);
  });

  test("is any behind the first, in a file that is damaged already", () => {
    const bytes = segmentWith(new Uint8Array(0));
    bytes[32 + batch(1).length + 10] = 255;
    expect(wouldLookTorn(segmentPath(2), file(bytes), 40, OWNER)).toBe(false);
    expect(wouldLookTorn(segmentPath(2), file(bytes), 32 + batch(1).length + 11, OWNER)).toBe(true);
  });

  test("is in a log, not in a snapshot", () => {
    expect(wouldLookTorn("snapshot-0000000000000001-1-1", file(segmentWith(new Uint8Array(0))), 40, OWNER)).toBe(false);
  });
});

describe("flips on a disk", () => {
  const TRAILER_END_BYTES = 32 + 3 * batch(1).length;

  /** With so much behind it that the last batch is struck too. */
  function diskWith(content: Uint8Array, durable: Uint8Array): { disk: SimDisk; struck: SimFile } {
    const disk = createSimDisk();
    const grown = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, Buffer.alloc(2_048 - SIZE_BYTES + TRAILER_END_BYTES, 1)]);
    const struck = file(grown(content), grown(durable));
    struck.pending = content === durable ? [] : [{ number: 1, offsetBytes: TRAILER_END_BYTES, bytes: MARK }];
    for (const files of [disk.files, disk.durableFiles]) files.set(segmentPath(2), struck);
    return { disk, struck };
  }

  test("spare what would look torn", () => {
    const bytes = segmentWith(new Uint8Array(0));
    let spared = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const { disk, struck } = diskWith(bytes, bytes);
      if (flipBit(createChance(seed, "flip"), disk, OWNER) === null) spared += 1;
      const { damage, batches } = parse(struck.content);
      expect(damage !== null || batches.length === 3).toBe(true);
      expect(disk.flipped).toBe(!Buffer.from(struck.content).subarray(0, SIZE_BYTES).equals(bytes));
    }
    expect(spared).toBeGreaterThan(10);
  });

  test("and where only a mark in the page cache tells, that is not lost with the power", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const { disk, struck } = diskWith(segmentWith(MARK), segmentWith(new Uint8Array(0)));
      expect(flipBit(createChance(seed, "flip"), disk, OWNER)).not.toBeNull();
      powerOffDisk(createChance(seed, "power"), disk);
      const { damage, batches } = parse(struck.content);
      expect(damage !== null || batches.length === 3).toBe(true);
    }
  });
});
