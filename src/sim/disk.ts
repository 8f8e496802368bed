import { unreachable } from "../vocabulary/assert.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import type { Chance } from "./chance.js";
import type { PendingName, PendingWrite, SimDisk, SimFile } from "./disk-state.js";
import { type LogOwner, wouldLookTorn } from "./last-batch.js";
import { after, isAlive, mark, reach, type SimProcess, type World } from "./world.js";

export function createSimDisk(): SimDisk {
  return {
    files: new Map(),
    durableFiles: new Map(),
    pendingNames: [],
    underWay: new Set(),
    faults: { failProbability: 0, full: false, slowness: 1, hangs: false },
    held: [],
    flipped: false,
    maimed: false,
    nextNumber: 1,
  };
}

/** Performs an operation for a process, as runtime/disk.ts does: several at once may overtake each other, completions come later. */
export function submitToDisk(
  world: World,
  process: SimProcess,
  disk: SimDisk,
  operation: DiskOperation,
  done: (completion: DiskCompletion) => void,
): void {
  const { settings, chance } = world;
  disk.underWay.add(operation);
  // A sync covers what was done before it began.
  const lies =
    operation.kind === "sync" &&
    operation.path.startsWith("segment-") &&
    world.nowMs >= (settings.diskLiesFromMs ?? Number.POSITIVE_INFINITY);
  const through = lies ? 0 : disk.nextNumber - 1;
  const share = operation.kind === "sync" || operation.kind === "sync-folder" ? 1 : 0.2;
  const delayMs = chance.disk.between(settings.diskMinMs, settings.diskMaxMs) * share * disk.faults.slowness;
  if (disk.faults.slowness > 1) mark(world, "disk-slowed");
  const finish = (): void => {
    if (disk.faults.hangs) {
      mark(world, "disk-held");
      disk.held.push(finish);
      return;
    }
    if (!isAlive(process) || !disk.underWay.delete(operation)) return;
    const completion = failureOf(world, disk, operation, through) ?? perform(disk, operation, through);
    reach(process, () => done(completion));
  };
  after(world, delayMs, finish);
}

/** It works again, and ends what it was asked meanwhile. */
export function releaseDisk(disk: SimDisk): void {
  disk.faults.hangs = false;
  for (const finish of disk.held.splice(0)) finish();
}

function failureOf(world: World, disk: SimDisk, operation: DiskOperation, through: number): DiskCompletion | null {
  const { kind, ticket, path } = operation;
  if (disk.faults.full && (kind === "write" || kind === "create")) {
    mark(world, "disk-full");
    return { kind: "failed", ticket, code: "ENOSPC", message: "no space left on the simulated disk" };
  }
  if (!world.chance.disk.happens(disk.faults.failProbability)) return null;
  mark(world, `disk-error-${kind}`);
  const file = disk.files.get(path);
  // The kernel forgets that these pages are dirty: a later sync does not bring them back (fsyncgate).
  if (kind === "sync" && file !== undefined)
    file.pending = file.pending.filter((write) => write.number > through || world.chance.disk.happens(0.5));
  return { kind: "failed", ticket, code: "EIO", message: `simulated error at ${kind}` };
}

/** A process died: what it had under way was done, or not, or in part. */
export function killDisk(chance: Chance, disk: SimDisk): void {
  for (const operation of disk.underWay) {
    if (!chance.happens(0.5)) continue;
    if (operation.kind === "write") perform(disk, torn(chance, operation), 0);
    else if (operation.kind !== "read" && operation.kind !== "list") perform(disk, operation, disk.nextNumber - 1);
  }
  disk.underWay.clear();
}

function torn(chance: Chance, write: Extract<DiskOperation, { kind: "write" }>): DiskOperation {
  const whole = joined(write.chunks);
  return { ...write, chunks: [chance.happens(0.5) ? whole : whole.subarray(0, chance.integer(0, whole.length))] };
}

/** The power goes: of what was not synced any part survives, the last of it torn; names survive up to some point of their journal. */
export function powerOffDisk(chance: Chance, disk: SimDisk): void {
  killDisk(chance, disk);
  const last = disk.pendingNames[chance.integer(0, disk.pendingNames.length) - 1]?.number ?? 0;
  for (const name of disk.pendingNames) if (name.number <= last) settleName(disk, name);
  disk.pendingNames = [];
  for (const file of new Set(disk.durableFiles.values())) {
    const share = chance.pick([0, 0.5, 0.9, 1]);
    for (const write of file.pending) {
      if (!chance.happens(share)) continue;
      const bytes =
        write.bytes === null || chance.happens(0.8) ? write.bytes : write.bytes.subarray(0, chance.integer(0, write.bytes.length));
      file.durable = applied(file.durable, { ...write, bytes });
    }
    file.pending = [];
    file.content = file.durable.slice();
  }
  disk.files = new Map(disk.durableFiles);
}

/** So much at the end of what a segment holds is left alone; what an earlier use of its file left counts, so the last batch is struck too. */
const SPARED_BYTES = 2_048;

/** Flips one bit somewhere in the middle of a log or snapshot of `owner`. Returns where, or null when there is nothing to damage. */
export function flipBit(chance: Chance, disk: SimDisk, owner: LogOwner): string | null {
  const targets = [...disk.files].flatMap(([path, file]) => {
    let used = file.content.length;
    while (used > 0 && file.content[used - 1] === 0) used -= 1;
    return used > SPARED_BYTES || (path.startsWith("snapshot-") && used > 0) ? [{ path, file, used }] : [];
  });
  if (targets.length === 0) return null;
  const { path, file, used } = chance.pick(targets);
  const at = chance.integer(0, path.startsWith("snapshot-") ? used - 1 : used - SPARED_BYTES);
  const bit = 1 << chance.integer(0, 7);
  if (wouldLookTorn(path, file, at, owner)) return null;
  disk.flipped = true;
  keepMark(path, file, at, owner);
  for (const bytes of [file.content, file.durable]) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ bit;
  return `${path} at byte ${at}`;
}

/** What alone tells that there is damage is not lost with the power after it: that would be the second fault at one place. */
function keepMark(path: string, file: SimFile, atBytes: number, owner: LogOwner): void {
  if (!wouldLookTorn(path, { ...file, content: file.durable }, atBytes, owner)) return;
  writeBack(file);
}

/** All that was written is on the disk itself. */
function writeBack(file: SimFile): void {
  file.durable = file.content.slice();
  file.pending = [];
}

/** A file is gone, whatever it was. Returns which, or null when there is none. */
export function loseFile(chance: Chance, disk: SimDisk): string | null {
  const path = anyFile(chance, disk);
  if (path === null) return null;
  for (const files of [disk.files, disk.durableFiles]) files.delete(path);
  disk.pendingNames = disk.pendingNames.filter((name) => name.path !== path);
  return path;
}

/** A file ends before its end, and before `sizeBytesMax`. Returns which and where, or null when there is none. */
export function cutFile(chance: Chance, disk: SimDisk, sizeBytesMax: number): string | null {
  const path = anyFile(chance, disk);
  const file = path === null ? undefined : disk.files.get(path);
  if (file === undefined || file.content.length === 0) return null;
  const sizeBytes = chance.integer(0, Math.min(file.content.length, sizeBytesMax) - 1);
  file.content = file.content.slice(0, sizeBytes);
  writeBack(file);
  return `${path} after ${sizeBytes} bytes`;
}

function anyFile(chance: Chance, disk: SimDisk): string | null {
  if (disk.files.size === 0) return null;
  disk.maimed = true;
  return chance.pick([...disk.files.keys()]);
}

function perform(disk: SimDisk, operation: DiskOperation, through: number): DiskCompletion {
  const { ticket, path } = operation;
  switch (operation.kind) {
    case "make-folder":
      return { kind: "done", ticket };
    case "sync-folder":
      syncFolder(disk, path, through);
      return { kind: "done", ticket };
    case "list":
      return { kind: "listed", ticket, names: namesIn(disk, path) };
    case "create": {
      const file = disk.files.get(path) ?? createFile(disk, path);
      if (file.content.length < operation.sizeBytes) change(disk, file, operation.sizeBytes, null);
      return { kind: "done", ticket };
    }
    case "write":
    case "sync":
    case "truncate":
    case "read":
    case "rename":
    case "remove": {
      const file = disk.files.get(path);
      if (file === undefined) return { kind: "failed", ticket, code: "ENOENT", message: `there is no file ${path}` };
      return performOnFile(disk, file, operation, through);
    }
    default:
      return unreachable(operation);
  }
}

type FileOperation = Extract<DiskOperation, { kind: "write" | "sync" | "truncate" | "read" | "rename" | "remove" }>;

function performOnFile(disk: SimDisk, file: SimFile, operation: FileOperation, through: number): DiskCompletion {
  const { ticket, path } = operation;
  switch (operation.kind) {
    case "write":
      change(disk, file, operation.offsetBytes, joined(operation.chunks));
      break;
    case "truncate":
      change(disk, file, operation.sizeBytes, null);
      break;
    case "sync":
      for (const write of file.pending) if (write.number <= through) file.durable = applied(file.durable, write);
      file.pending = file.pending.filter((write) => write.number > through);
      break;
    case "rename": {
      // One entry of the file system's journal: both names change, or none.
      const number = disk.nextNumber++;
      setName(disk, number, path, null);
      setName(disk, number, operation.toPath, file);
      break;
    }
    case "remove":
      setName(disk, disk.nextNumber++, path, null);
      break;
    case "read": {
      const { offsetBytes, sizeBytes, into } = operation;
      const read = file.content.slice(offsetBytes, offsetBytes + sizeBytes);
      const fits = into !== undefined && into.length >= read.length;
      if (fits) into.set(read);
      const bytes = fits ? into.subarray(0, read.length) : read;
      return { kind: "read-done", ticket, bytes, fileSizeBytes: file.content.length };
    }
    default:
      return unreachable(operation);
  }
  return { kind: "done", ticket };
}

function createFile(disk: SimDisk, path: string): SimFile {
  const file: SimFile = { content: new Uint8Array(0), durable: new Uint8Array(0), pending: [] };
  setName(disk, disk.nextNumber++, path, file);
  return file;
}

function setName(disk: SimDisk, number: number, path: string, file: SimFile | null): void {
  const slash = path.lastIndexOf("/");
  disk.pendingNames.push({ number, folder: slash < 0 ? "." : path.slice(0, slash), path, file });
  if (file === null) disk.files.delete(path);
  else disk.files.set(path, file);
}

function settleName(disk: SimDisk, { path, file }: PendingName): void {
  if (file === null) disk.durableFiles.delete(path);
  else disk.durableFiles.set(path, file);
}

function syncFolder(disk: SimDisk, path: string, through: number): void {
  const folder = path === "" ? "." : path;
  for (const name of disk.pendingNames) if (name.folder === folder && name.number <= through) settleName(disk, name);
  disk.pendingNames = disk.pendingNames.filter((name) => name.folder !== folder || name.number > through);
}

function change(disk: SimDisk, file: SimFile, offsetBytes: number, bytes: Uint8Array | null): void {
  const write = { number: disk.nextNumber++, offsetBytes, bytes };
  file.pending.push(write);
  file.content = applied(file.content, write);
}

/** `target` after the write; changed in place where it is large enough. */
function applied(target: Uint8Array, { offsetBytes, bytes }: PendingWrite): Uint8Array {
  if (bytes === null) {
    const cut = new Uint8Array(offsetBytes);
    cut.set(target.subarray(0, offsetBytes));
    return cut;
  }
  const endBytes = offsetBytes + bytes.length;
  let result = target;
  if (endBytes > target.length) {
    result = new Uint8Array(endBytes);
    result.set(target);
  }
  result.set(bytes, offsetBytes);
  return result;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function namesIn(disk: SimDisk, folder: string): string[] {
  const prefix = folder === "." || folder === "" ? "" : `${folder}/`;
  const names = new Set<string>();
  for (const path of disk.files.keys()) if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/")[0] ?? "");
  return [...names].sort();
}
