import { expect, it } from "vitest";
import { crc32 } from "../codec/checksum.js";
import { groupName } from "../vocabulary/ids.js";
import type { TableImage } from "../vocabulary/session.js";
import {
  encodeRows,
  encodeSnapshotChecksum,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  feedSnapshotScan,
  scannedSnapshot,
  startSnapshotScan,
} from "./snapshot-file.js";
import { CONFIG, createRig, give, opened, persist, resultsOf, settle, takeSnapshot } from "./store.test-rig.js";

function rowsOf(count: number): TableImage {
  const reply = { index: 1, digest: 2, reply: { refused: false, bytes: new Uint8Array(0) } };
  return { sessions: [], keys: Array.from({ length: count }, (_, at) => ({ key: `k${at}`, atAgeMs: 1, reply })) };
}

/** The file of a snapshot without state, its table in one section. */
function fileOf(table: TableImage): Uint8Array {
  const head = { group: groupName("bank"), epoch: [1, 1], index: 1, ageMs: 1, generation: 1, logTimeMs: 1 } as const;
  const end = encodeSnapshotEnd({ stateSlices: 0, stateBytes: 0, sessions: table.sessions.length, keys: table.keys.length });
  const chunks = [...encodeSnapshotHead(head), ...encodeRows(table), ...end];
  const checksum = chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);
  return Buffer.concat([...chunks, encodeSnapshotChecksum(checksum)]);
}

it("a section may hold more rows than a call can have arguments", () => {
  const table = rowsOf(200_000);
  const file = fileOf(table);
  const scan = startSnapshotScan(groupName("bank"), file.length);
  feedSnapshotScan(scan, file, () => {});
  expect(scannedSnapshot(scan)?.table.keys).toHaveLength(200_000);
});

it("passes over the table of a file that was read before, and tells damage in it all the same", () => {
  const file = fileOf(rowsOf(10));
  for (const at of [null, file.length >> 1]) {
    const changed = file.slice();
    if (at !== null) changed[at] = (changed[at] ?? 0) ^ 1;
    const scan = startSnapshotScan(groupName("bank"), file.length, false);
    feedSnapshotScan(scan, changed, () => {});
    expect(scan.keys).toEqual([]);
    expect(scan.problem).toBe(at === null ? null : "its checksum is wrong");
    expect(scan.whole).toBe(at === null);
  }
});

it("is read in small pieces as long as these are of the table, whose rows take far longer than state", () => {
  const config = { ...CONFIG, sliceSizeBytes: 128 * 1024 };
  const rig = opened(undefined, config);
  persist(rig, 1, 9);
  takeSnapshot(rig, 5, [new Uint8Array(200_000), new Uint8Array(200_000)], rowsOf(9_000));
  const again = createRig(rig.disk, config);
  const pieces: number[] = [];
  give(again, { kind: "recover" });
  settle(again, Number.POSITIVE_INFINITY, (operation) => {
    if (operation.kind === "read" && operation.path.startsWith("snapshot-") && operation.sizeBytes > 0) pieces.push(operation.sizeBytes);
    return null;
  });
  expect(resultsOf(again, "recovered")[0]?.snapshot?.table.keys).toHaveLength(9_000);
  const size = 32 * 1024;
  expect([pieces[0], Math.max(...pieces), pieces.at(-1)]).toEqual([size, 4 * size, size]);
});
