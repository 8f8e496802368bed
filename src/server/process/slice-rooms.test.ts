import { expect, test } from "vitest";
import type { DiskOperation } from "../../vocabulary/disk.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { createSliceRooms } from "./slice-rooms.js";

const seen: DiskOperation[] = [];
const rooms = createSliceRooms();
const disk = rooms.over({ submit: (operation) => seen.push(operation) });

function read(path: string, into?: Uint8Array): Uint8Array | undefined {
  const sizeBytes = LIMITS.snapshotSliceBytes;
  disk.submit({ kind: "read", ticket: 1, path, offsetBytes: 0, sizeBytes, ...(into === undefined ? {} : { into }) }, () => {});
  const operation = seen.at(-1);
  return operation?.kind === "read" ? operation.into : undefined;
}

test("slices are read into memory that is used again, once it was given back", () => {
  const first = read("snapshot-1");
  const second = read("snapshot-1");
  if (first === undefined || second === undefined) throw new Error("no memory came");
  expect(second.buffer).not.toBe(first.buffer);
  // The last slice of a file is shorter.
  rooms.giveBack(first.subarray(0, 7));
  expect(read("snapshot-1")?.buffer).toBe(first.buffer);
  rooms.giveBack(second);
  rooms.giveBack(second);
  expect(read("snapshot-1")?.buffer).toBe(second.buffer);
  expect(read("snapshot-1")?.buffer).not.toBe(second.buffer);
});

test("other reads, and bytes of others, are left alone", () => {
  const own = new Uint8Array(LIMITS.snapshotSliceBytes);
  expect(read("snapshot-1", own)).toBe(own);
  expect(read("log-1")).toBeUndefined();
  rooms.giveBack(own);
  expect(read("snapshot-1")?.buffer).not.toBe(own.buffer);
});
