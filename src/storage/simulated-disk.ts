import { unreachable } from "../vocabulary/assert.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";

/**
 * A disk that can lose what was not synced. For each file it keeps what is durable and the changes since the last sync; for the folder the
 * changes of names since the folder was synced. A crash keeps any subset of a file's changes, one of them torn at any byte, and the first
 * so many changes of names (the file system's journal keeps their order). Plain data: `structuredClone` copies it.
 */
export interface SimulatedDisk {
  /** Content by file number, as a program sees it now. */
  readonly files: Map<number, SimulatedFile>;
  readonly names: Map<string, number>;
  readonly durableNames: Map<string, number>;
  readonly nameChanges: { readonly path: string; readonly file: number; readonly fromPath: string | null; readonly removed: boolean }[];
  nextFile: number;
}

interface SimulatedFile {
  now: Uint8Array;
  durable: Uint8Array;
  changes: FileChange[];
  /** A sync has failed: what it had to write is in memory only, for good. */
  forgot: boolean;
}

interface FileChange {
  /** The file's size after it, at least (`write`, `grow`) or exactly (`truncate`). */
  readonly kind: "write" | "grow" | "truncate";
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

export function createSimulatedDisk(): SimulatedDisk {
  return { files: new Map(), names: new Map(), durableNames: new Map(), nameChanges: [], nextFile: 1 };
}

/**
 * Performs the operation at once; when its completion is delivered is the caller's choice. With `faultCode` it fails: nothing is changed, a
 * write may be cut in half, and a failed sync forgets what it had to write (as kernels do: a later sync says nothing about it).
 */
export function performOnDisk(disk: SimulatedDisk, operation: DiskOperation, faultCode: string | null = null): DiskCompletion {
  if (faultCode !== null) return fail(disk, operation, faultCode);
  const { ticket, path } = operation;
  const number = disk.names.get(path);
  const file = number === undefined ? undefined : disk.files.get(number);
  switch (operation.kind) {
    case "make-folder":
      return { kind: "done", ticket };
    case "sync-folder":
      syncNames(disk);
      return { kind: "done", ticket };
    case "list":
      return { kind: "listed", ticket, names: [...disk.names.keys()] };
    case "create":
      create(disk, path, file, operation.sizeBytes);
      return { kind: "done", ticket };
    case "write":
    case "sync":
    case "truncate":
    case "rename":
    case "remove":
    case "read":
      if (file === undefined || number === undefined)
        return { kind: "failed", ticket, code: "ENOENT", message: `there is no file ${path}` };
      return performOnFile(disk, number, file, operation);
    default:
      return unreachable(operation);
  }
}

type OnFile = Extract<DiskOperation, { readonly kind: "write" | "sync" | "truncate" | "rename" | "remove" | "read" }>;

function performOnFile(disk: SimulatedDisk, number: number, file: SimulatedFile, operation: OnFile): DiskCompletion {
  const { ticket, path } = operation;
  switch (operation.kind) {
    case "write":
      change(file, { kind: "write", offsetBytes: operation.offsetBytes, bytes: join(operation.chunks) });
      break;
    case "truncate":
      change(file, { kind: "truncate", offsetBytes: operation.sizeBytes, bytes: NOTHING });
      break;
    case "sync":
      file.durable = file.forgot ? file.changes.reduce(applied, file.durable) : file.now;
      file.changes = [];
      break;
    case "rename":
      changeName(disk, { path: operation.toPath, file: number, fromPath: path, removed: false });
      break;
    case "remove":
      changeName(disk, { path, file: number, fromPath: null, removed: true });
      break;
    case "read": {
      const bytes = file.now.slice(operation.offsetBytes, operation.offsetBytes + operation.sizeBytes);
      if (operation.into !== undefined && operation.into.length >= bytes.length) {
        operation.into.set(bytes);
        return { kind: "read-done", ticket, bytes: operation.into.subarray(0, bytes.length), fileSizeBytes: file.now.length };
      }
      return { kind: "read-done", ticket, bytes, fileSizeBytes: file.now.length };
    }
    default:
      return unreachable(operation);
  }
  return { kind: "done", ticket };
}

function create(disk: SimulatedDisk, path: string, known: SimulatedFile | undefined, sizeBytes: number): void {
  let file = known;
  if (file === undefined) {
    file = { now: NOTHING, durable: NOTHING, changes: [], forgot: false };
    const number = disk.nextFile++;
    disk.files.set(number, file);
    changeName(disk, { path, file: number, fromPath: null, removed: false });
  }
  if (sizeBytes > file.now.length) change(file, { kind: "grow", offsetBytes: sizeBytes, bytes: NOTHING });
}

function change(file: SimulatedFile, made: FileChange): void {
  file.now = applied(file.now, made);
  file.changes.push(made);
}

/** A new array each time: contents that were handed on stay as they are. */
function applied(content: Uint8Array, made: FileChange): Uint8Array {
  const { kind, offsetBytes, bytes } = made;
  const size = kind === "truncate" ? offsetBytes : Math.max(content.length, offsetBytes + bytes.length);
  const changed = new Uint8Array(size);
  changed.set(content.subarray(0, size));
  changed.set(bytes, kind === "write" ? offsetBytes : 0);
  return changed;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

type NameChange = SimulatedDisk["nameChanges"][number];

function changeName(disk: SimulatedDisk, made: NameChange): void {
  applyName(disk.names, made);
  disk.nameChanges.push(made);
}

function applyName(names: Map<string, number>, made: NameChange): void {
  if (made.fromPath !== null) names.delete(made.fromPath);
  if (made.removed) names.delete(made.path);
  else names.set(made.path, made.file);
}

function syncNames(disk: SimulatedDisk): void {
  for (const made of disk.nameChanges) applyName(disk.durableNames, made);
  disk.nameChanges.length = 0;
}

function fail(disk: SimulatedDisk, operation: DiskOperation, code: string): DiskCompletion {
  const file = disk.files.get(disk.names.get(operation.path) ?? 0);
  if (operation.kind === "write" && file !== undefined) {
    const bytes = join(operation.chunks);
    change(file, { kind: "write", offsetBytes: operation.offsetBytes, bytes: bytes.subarray(0, bytes.length >> 1) });
  }
  // The pages count as clean now, though they never reached the disk.
  if (operation.kind === "sync" && file !== undefined && file.changes.length > 0) {
    file.changes = [];
    file.forgot = true;
  }
  return { kind: "failed", ticket: operation.ticket, code, message: `simulated: ${code} at ${operation.kind} of ${operation.path}` };
}

/**
 * The machine loses power. `choose(n)` gives a number from 0 to n - 1 and decides what survives of what was not synced: a seeded one in the
 * simulator, all of them in turn in a test.
 */
export function crashDisk(disk: SimulatedDisk, choose: (count: number) => number): void {
  const kept = choose(disk.nameChanges.length + 1);
  for (const made of disk.nameChanges.slice(0, kept)) applyName(disk.durableNames, made);
  disk.nameChanges.length = 0;
  disk.names.clear();
  for (const [path, file] of disk.durableNames) disk.names.set(path, file);
  const reachable = new Set(disk.names.values());
  for (const [number, file] of disk.files) {
    if (reachable.has(number)) crashFile(file, choose);
    else disk.files.delete(number);
  }
}

/** Where a torn write ends: nothing of it, its first byte, half, all but the last byte, all of it. */
function tornSizes(sizeBytes: number): readonly number[] {
  return [...new Set([0, sizeBytes, 1, sizeBytes >> 1, sizeBytes - 1])].filter((size) => size >= 0 && size <= sizeBytes);
}

function crashFile(file: SimulatedFile, choose: (count: number) => number): void {
  let content = file.durable;
  file.changes.forEach((made, at) => {
    const last = at === file.changes.length - 1;
    const sizes = made.kind === "write" && last ? tornSizes(made.bytes.length) : [0, made.bytes.length];
    const choice = made.kind === "write" ? (sizes[choose(sizes.length)] ?? 0) : choose(2);
    if (made.kind === "write") {
      if (choice > 0) content = applied(content, { ...made, bytes: made.bytes.subarray(0, choice) });
    } else if (choice === 1) content = applied(content, made);
  });
  file.now = content;
  file.durable = content;
  file.changes = [];
  file.forgot = false;
}

/** Turns one bit over: damage, for tests of its discovery. */
export function flipBit(disk: SimulatedDisk, path: string, offsetBytes: number, bit = 0): void {
  const file = disk.files.get(disk.names.get(path) ?? 0);
  if (file === undefined || offsetBytes >= file.now.length) return;
  const flipped = file.now.slice();
  flipped[offsetBytes] = (flipped[offsetBytes] ?? 0) ^ (1 << bit);
  file.now = flipped;
  file.durable = flipped;
  file.forgot = false;
}
