import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { crc32, crc32OfText } from "../src/codec/checksum.js";
import { openEmbeddedStore } from "../src/rm/process/embedded-store.js";
import { createMemoryDisk, type Disk } from "../src/runtime/memory-disk.js";
import { encodeControl } from "../src/storage/control-file.js";
import { describeControlFile, describeFolder, type Look } from "../src/storage/inspection.js";
import { encodeRecord } from "../src/storage/record-file.js";
import { createSimulatedDisk, performOnDisk } from "../src/storage/simulated-disk.js";
import { createRig, give, resultsOf, type Rig, settle } from "../src/storage/store.test-rig.js";
import {
  CUT_ENTRY,
  FIRST_ENTRIES,
  GOLDEN_CONFIG,
  goldenContent,
  goldenFiles,
  LAST_ENTRIES,
  LOG_TIME_MS,
  SNAPSHOT_INDEX,
  STATE_SLICES,
  TABLE,
} from "./formats.test-golden.js";

/**
 * Golden files: what each version of the formats looks like, for good. A test that fails here says that old and new releases no longer
 * understand each other's files. How to add a version: docs/reference/formats.md. Written with TROUPE_WRITE_VECTORS=1.
 */
const CURRENT = 2;
const READABLE = [1, 2];
const FOLDER = new URL("./vectors/storage/", import.meta.url);
const DOCUMENT = readFileSync(new URL("../docs/reference/formats.md", import.meta.url), "utf8");
const SNAPSHOT = "snapshot-0000000000000004-3-1";
const SEGMENT = "segment-000000000001";

type Files = Map<string, Uint8Array>;

const written = await goldenFiles();
if (process.env.TROUPE_WRITE_VECTORS === "1") {
  mkdirSync(new URL(`${CURRENT}/`, FOLDER), { recursive: true });
  for (const [name, bytes] of written) writeFileSync(new URL(`${CURRENT}/${name}`, FOLDER), bytes);
}

function storedFiles(version: number): Files {
  const folder = new URL(`${version}/`, FOLDER);
  return new Map(readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]));
}

/** A copy of the current files in which one was changed. */
function changed(name: string, change: (bytes: Uint8Array, view: DataView) => void): Files {
  const files = storedFiles(CURRENT);
  const bytes = files.get(name)?.slice() ?? new Uint8Array(0);
  change(bytes, new DataView(bytes.buffer));
  return files.set(name, bytes);
}

function recover(files: Files): Rig {
  const disk = createSimulatedDisk();
  for (const [path, bytes] of files) {
    performOnDisk(disk, { kind: "create", ticket: 0, path, sizeBytes: 0 });
    performOnDisk(disk, { kind: "write", ticket: 0, path, offsetBytes: 0, chunks: [bytes] });
  }
  const rig = createRig(disk, GOLDEN_CONFIG);
  give(rig, { kind: "recover" });
  settle(rig);
  return rig;
}

async function openControl(files: Files) {
  const disk: Disk = createMemoryDisk();
  const bytes = files.get("control") ?? new Uint8Array(0);
  await new Promise((done) => disk.submit({ kind: "create", ticket: 0, path: "control", sizeBytes: 0 }, done));
  await new Promise((done) => disk.submit({ kind: "write", ticket: 0, path: "control", offsetBytes: 0, chunks: [bytes] }, done));
  return openEmbeddedStore(disk);
}

function lookAt(files: Files): Look {
  return (operation) => {
    const { ticket, path } = operation;
    if (operation.kind === "list") return { kind: "listed", ticket, names: [...files.keys()] };
    const bytes = files.get(path);
    if (bytes === undefined) return { kind: "failed", ticket, code: "ENOENT", message: `there is no file ${path}` };
    const end = operation.offsetBytes + operation.sizeBytes;
    return { kind: "read-done", ticket, bytes: bytes.slice(operation.offsetBytes, end), fileSizeBytes: bytes.length };
  };
}

it("this release writes the current version byte for byte as it was", () => {
  const stored = storedFiles(CURRENT);
  expect([...stored.keys()].sort()).toEqual([...written.keys()].sort());
  for (const [name, bytes] of written) expect(Buffer.from(stored.get(name) ?? []).equals(bytes), name).toBe(true);
});

describe.each(READABLE)("version %i is understood", (version) => {
  it("identity, promise, log and snapshot", () => {
    const rig = recover(storedFiles(version));
    const [found] = resultsOf(rig, "recovered");
    const { freshIncarnation, segmentSizeBytes: _, ...identity } = GOLDEN_CONFIG;
    expect(resultsOf(rig, "damaged")).toEqual([]);
    expect(found?.identity).toEqual({ ...identity, incarnation: freshIncarnation });
    expect(found).toMatchObject({ blank: false, promise: [4, 1], activeView: { epoch: [4, 1], leader: "bank-1" }, partial: null });
    expect(found?.entries).toEqual([...FIRST_ENTRIES.slice(SNAPSHOT_INDEX), ...LAST_ENTRIES]);
    const logTimeMs = version === 1 ? 0 : LOG_TIME_MS;
    expect(found?.snapshot).toMatchObject({ meta: { index: SNAPSHOT_INDEX, epoch: [3, 1], ageMs: 42, generation: 1, logTimeMs } });
    // A clone has plain byte arrays where the table was made with Buffers.
    expect(found?.snapshot?.table).toEqual(structuredClone(TABLE));
    give(rig, { kind: "load-state", ticket: 1 });
    settle(rig);
    for (let at = 1; at < STATE_SLICES.length; at++) {
      give(rig, { kind: "load-more", ticket: 1 });
      settle(rig);
    }
    expect(resultsOf(rig, "state-slice").map(({ bytes }) => Buffer.from(bytes))).toEqual(STATE_SLICES.map((bytes) => Buffer.from(bytes)));
  });

  it("the control store", async () => {
    const store = await openControl(storedFiles(version));
    expect(await store.read()).toEqual({ revision: 2, content: goldenContent() });
  });

  it("inspection tells all of it", () => {
    const look = lookAt(storedFiles(version));
    const folder = describeFolder(look, { fromIndex: 1, toIndex: 99 });
    expect(folder.verdict).toMatchObject({ kind: "whole", promise: [4, 1], snapshotIndex: 4, entryCount: 5, lastIndex: 9 });
    expect(folder.snapshots).toMatchObject([{ verified: true, sessions: 1, keys: 1, problem: null }]);
    expect(folder.segments.map(({ sealed, spare, problem }) => ({ sealed, spare, problem }))).toEqual([
      { sealed: true, spare: false, problem: null },
      { sealed: false, spare: false, problem: null },
      { sealed: false, spare: true, problem: null },
    ]);
    const entries = folder.segments.flatMap((segment) => segment.batches.flatMap((batch) => batch.entries));
    expect(entries.map(({ index, epoch, kind, cutOff }) => ({ index, epoch, kind, cutOff }))).toEqual(
      [...FIRST_ENTRIES, CUT_ENTRY, ...LAST_ENTRIES].map((entry) => {
        const { index, epoch, body } = entry;
        return { index, epoch, kind: body.kind, cutOff: entry === CUT_ENTRY };
      }),
    );
    expect(describeControlFile(look, "control")).toMatchObject({ ok: true, value: [{ key: "head" }, { key: "group/bank" }] });
  });
});

const SALT = crc32OfText(`${GOLDEN_CONFIG.freshIncarnation}/1`);

/** No format has it. */
const OTHER = 3;

/** Puts another version into the heads at these offsets, and makes the checksums right again. */
function otherVersion(name: string, offsets: readonly number[]): Files {
  return changed(name, (bytes, view) => {
    for (const offset of offsets) view.setUint32(offset, OTHER);
    if (name === SEGMENT) view.setUint32(28, crc32(bytes.subarray(0, 28), SALT));
    else if (name === SNAPSHOT) view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)));
    else
      for (const offset of offsets) {
        const size = view.getUint32(offset + 8);
        view.setUint32(offset + 4, crc32(bytes.subarray(offset + 12, offset + 12 + size), OTHER));
      }
  });
}

describe("another version is refused in words, and not set aside", () => {
  const words = "it has format version 3; this release reads version 1";
  const wordsOf = (name: string): string => (name === SNAPSHOT ? words.replace("version 1", "versions 1 and 2") : words);
  const cases: [name: string, offsets: number[]][] = [
    ["identity", [8]],
    ["promise", [8, 8192 + 8]],
    ["promise", [8192 + 8]],
    [SNAPSHOT, [8]],
    [SEGMENT, [4]],
  ];
  it.each(cases)("%s", (name, offsets) => {
    const files = otherVersion(name, offsets);
    const rig = recover(files);
    expect(rig.results).toEqual([
      {
        kind: "unsupported",
        where: expect.stringContaining(name),
        what: expect.stringContaining(`was written by another release: ${wordsOf(name)}`),
      },
    ]);
    expect(describeFolder(lookAt(files), null).verdict).toMatchObject({
      kind: "unsupported",
      what: expect.stringContaining(wordsOf(name)),
    });
  });

  it.each(cases)("%s: a version that is only damaged is damage", (name, offsets) => {
    const rig = recover(
      changed(name, (_, view) => {
        for (const offset of offsets) view.setUint32(offset, OTHER);
      }),
    );
    // One slot of the promise may be damaged.
    expect(rig.results.map(({ kind }) => kind)).toEqual([name === "promise" && offsets.length === 1 ? "recovered" : "damaged"]);
  });

  it("control", async () => {
    const files = otherVersion("control", [8]);
    await expect(openControl(files)).rejects.toThrow(words);
    expect(describeControlFile(lookAt(files), "control")).toMatchObject({ ok: false, problem: expect.stringContaining(words) });
  });

  it("control, whose content has another version", async () => {
    const map = new Map<string, unknown>([["head", { ...goldenContent(), revision: 2, formatVersion: 2 }]]);
    await expect(openControl(new Map([["control", encodeControl(map)]]))).rejects.toThrow("its content has version 2");
  });

  it("control, with an entry that this release does not know", async () => {
    const map = new Map<string, unknown>([
      ["head", { ...goldenContent(), groups: undefined, revision: 2 }],
      ["tenant/a", {}],
    ]);
    await expect(openControl(new Map([["control", encodeControl(map)]]))).rejects.toThrow(
      'it holds "tenant/a", which this release does not',
    );
  });
});

describe("what this version does not have is refused, with its place", () => {
  const salt = SALT;
  // The second batch of the first segment: its head, the record of entry 3, its trailer.
  const [head, record, trailer] = [463, 504, 966];

  function refusalOf(files: Files): { where: string; what: string } {
    const rig = recover(files);
    const [found] = [...resultsOf(rig, "unsupported"), ...resultsOf(rig, "damaged")];
    expect(describeFolder(lookAt(files), null).verdict).toEqual(found);
    return { where: found?.where ?? "", what: found?.what ?? "" };
  }

  it("a kind of entry", () => {
    const files = changed(SEGMENT, (bytes, view) => {
      bytes[record + 12] = 9;
      const size = view.getUint32(record);
      view.setUint32(record + 4, crc32(bytes.subarray(record + 8, record + size), size));
      view.setUint32(trailer + 28, crc32(bytes.subarray(record, trailer), salt));
      view.setUint32(trailer + 32, crc32(bytes.subarray(trailer, trailer + 32), salt));
    });
    expect(refusalOf(files)).toEqual({
      where: `${SEGMENT} at offset ${head}`,
      what: "the log was written by another release: in batch 2: entry 3 is of kind 9, which this release does not know",
    });
  });

  it("a kind of batch", () => {
    const files = changed(SEGMENT, (bytes, view) => {
      bytes[head + 20] = 9;
      view.setUint32(head + 37, crc32(bytes.subarray(head, head + 37), salt));
    });
    expect(refusalOf(files)).toEqual({
      where: `${SEGMENT} at offset ${head}`,
      what: "the log was written by another release: batch 2 is of kind 9, which this release does not know",
    });
  });

  it("a kind of section", () => {
    const at = tablesOf(SNAPSHOT).find(({ field }) => field.includes("kind of section: table"))?.offset ?? 0;
    const files = changed(SNAPSHOT, (bytes, view) => {
      bytes[at] = 9;
      view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)));
    });
    expect(refusalOf(files)).toEqual({
      where: expect.stringContaining(SNAPSHOT),
      what: "the snapshot was written by another release: it has a section of kind 9, which this release does not know",
    });
  });

  it("an identity or a promise of another form", () => {
    const identity = { ...GOLDEN_CONFIG, incarnation: GOLDEN_CONFIG.freshIncarnation, durability: "tape" };
    const files = storedFiles(CURRENT).set("identity", encodeRecord({ magic: "TRPIDENT", version: 1 }, identity));
    expect(refusalOf(files)).toMatchObject({ where: "identity", what: expect.stringContaining("it does not hold an identity") });
    const promise = new Uint8Array(16_384);
    for (const slot of [0, 8_192]) promise.set(encodeRecord({ magic: "TRPPROMI", version: 1 }, { promise: "none" }), slot);
    expect(refusalOf(storedFiles(CURRENT).set("promise", promise))).toMatchObject({ where: "promise" });
  });
});

interface Row {
  readonly offset: number;
  readonly size: number;
  readonly field: string;
  readonly holds: string;
}

/** All rows of the document's tables about one golden file. */
function tablesOf(name: string): Row[] {
  const tables = DOCUMENT.split(`Golden file \`${name}\`:\n`).slice(1);
  return tables.flatMap((text) => {
    const rows = /^\n((?:\|.*\n)+)/.exec(`${text}\n`)?.[1] ?? "";
    return [...rows.matchAll(/^\| *(\d+) *\| *(\d+) *\| *(.*?) *\| *`(.*)` *\|$/gm)].map(([, offset, size, field, holds]) => ({
      offset: Number(offset),
      size: Number(size),
      field: field ?? "",
      holds: holds ?? "",
    }));
  });
}

describe("docs/reference/formats.md", () => {
  it.each([...written.keys()])("its tables of %s are the file, from the first byte to the last", (name) => {
    const bytes = storedFiles(CURRENT).get(name) ?? new Uint8Array(0);
    let at = 0;
    for (const { offset, size, field, holds } of tablesOf(name)) {
      const hex = Buffer.from(bytes.subarray(offset, offset + size)).toString("hex");
      const shown = holds === "zeros" ? "00".repeat(size) : holds.replace(/ …$/, "").replaceAll(" ", "");
      expect({ field, offset, hex: holds.endsWith("…") ? hex.slice(0, shown.length) : hex }).toEqual({ field, offset: at, hex: shown });
      at += size;
    }
    expect(at).toBe(bytes.length);
  });
});
