import * as fs from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { unreachable } from "../vocabulary/assert.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import { makeFolder } from "./folder.js";
import { createMemoryDisk, type Disk } from "./memory-disk.js";

export { createMemoryDisk, type Disk };

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const ZEROS = Buffer.alloc(1024 * 1024);

type Callback = (error: NodeJS.ErrnoException | null) => void;
type Opened = (error: NodeJS.ErrnoException | null, handle: number) => void;

/** A disk whose paths are relative to `folder`, which is made when it is absent. Handles stay open until their file is renamed or removed. */
export function createDisk(folder: string): Disk {
  makeFolder(folder);
  const handles = createHandles();
  return {
    submit(operation, done) {
      const { ticket } = operation;
      const path = inside(folder, operation.path);
      const toPath = operation.kind === "rename" ? inside(folder, operation.toPath) : "";
      if (path === null || toPath === null) {
        setImmediate(() =>
          done({ kind: "failed", ticket, code: "EINVAL", message: `${operation.path}: a path that leads out of the folder` }),
        );
        return;
      }
      perform(handles, operation, path, toPath, (error, result) => {
        done(error === null ? (result ?? { kind: "done", ticket }) : failed(ticket, error));
      });
    },
  };
}

function failed(ticket: number, error: NodeJS.ErrnoException): DiskCompletion {
  return { kind: "failed", ticket, code: error.code ?? "EIO", message: error.message };
}

/** No path that came from anywhere leads out of the folder. */
function inside(folder: string, path: string): string | null {
  const clean = normalize(path);
  return path === "" || isAbsolute(clean) || clean === ".." || clean.startsWith("../") || path.includes("\0") ? null : join(folder, clean);
}

function perform(
  handles: Handles,
  operation: DiskOperation,
  path: string,
  toPath: string,
  done: (error: NodeJS.ErrnoException | null, result?: DiskCompletion) => void,
): void {
  const finish: Callback = (error) => done(error);
  switch (operation.kind) {
    case "create":
      return handles.withFile(path, true, (error, handle) => (error ? done(error) : grow(handle, operation.sizeBytes, finish)));
    case "write":
      return handles.withFile(path, false, (error, handle) =>
        error ? done(error) : writeAll(handle, [...operation.chunks], operation.offsetBytes, finish),
      );
    case "sync":
      return handles.withFile(path, false, (error, handle) => (error ? done(error) : fs.fdatasync(handle, finish)));
    case "truncate":
      return handles.withFile(path, false, (error, handle) => (error ? done(error) : fs.ftruncate(handle, operation.sizeBytes, finish)));
    case "read":
      return handles.withFile(path, false, (error, handle) => (error ? done(error) : read(handle, operation, done)));
    case "sync-folder":
      return syncFolder(path, finish);
    case "rename":
      handles.forget(toPath);
      handles.forget(path);
      return fs.rename(path, toPath, finish);
    case "remove":
      handles.forget(path);
      return fs.unlink(path, finish);
    case "make-folder":
      return fs.mkdir(path, { recursive: true, mode: FOLDER_MODE }, finish);
    case "list":
      return fs.readdir(path, (error, names) => done(error, { kind: "listed", ticket: operation.ticket, names: names ?? [] }));
    default:
      return unreachable(operation);
  }
}

interface Handles {
  withFile(path: string, create: boolean, use: Opened): void;
  forget(path: string): void;
}

function createHandles(): Handles {
  const open = new Map<string, number>();
  const waiting = new Map<string, Opened[]>();

  function withFile(path: string, create: boolean, use: Opened): void {
    const known = open.get(path);
    if (known !== undefined) return use(null, known);
    const others = waiting.get(path);
    if (others !== undefined && !create) {
      others.push(use);
      return;
    }
    const own = [use];
    waiting.set(path, own);
    const flags = fs.constants.O_RDWR | (create ? fs.constants.O_CREAT : 0);
    fs.open(path, flags, FILE_MODE, (error, handle) => {
      if (waiting.get(path) === own) {
        waiting.delete(path);
        if (error === null) open.set(path, handle);
      }
      for (const each of own) each(error, handle);
    });
  }

  function forget(path: string): void {
    const handle = open.get(path);
    if (handle === undefined) return;
    open.delete(path);
    // Everything that matters was synced before; an error here says nothing about it.
    fs.close(handle, () => {});
  }

  return { withFile, forget };
}

/** Zeros are really written: the file system has the room from then on, and a sync has no sizes or extents to record. */
function grow(handle: number, sizeBytes: number, done: Callback): void {
  fs.fstat(handle, (error, stat) => {
    if (error) return done(error);
    const missing = sizeBytes - stat.size;
    if (missing <= 0) return done(null);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < missing; at += ZEROS.length) chunks.push(ZEROS.subarray(0, Math.min(ZEROS.length, missing - at)));
    writeAll(handle, chunks, stat.size, done);
  });
}

/** At most this many chunks in one call (IOV_MAX). */
const CHUNKS_MAX = 1024;

/** A short write is no error: what is left is written. */
function writeAll(handle: number, chunks: Uint8Array[], offsetBytes: number, done: Callback): void {
  const some = chunks.slice(0, CHUNKS_MAX);
  if (some.length === 0) return done(null);
  fs.writev(handle, some, offsetBytes, (error, writtenBytes) => {
    if (error) return done(error);
    let left = writtenBytes;
    let whole = 0;
    for (let first = chunks[whole]; first !== undefined && first.length <= left; first = chunks[whole]) {
      left -= first.length;
      whole += 1;
    }
    const rest = chunks.slice(whole);
    if (left > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(left);
    writeAll(handle, rest, offsetBytes + writtenBytes, done);
  });
}

function read(
  handle: number,
  operation: Extract<DiskOperation, { kind: "read" }>,
  done: (error: NodeJS.ErrnoException | null, result?: DiskCompletion) => void,
): void {
  fs.fstat(handle, (error, stat) => {
    if (error) return done(error);
    const sizeBytes = Math.max(0, Math.min(operation.sizeBytes, stat.size - operation.offsetBytes));
    const { into } = operation;
    const bytes = into !== undefined && into.length >= sizeBytes ? into.subarray(0, sizeBytes) : new Uint8Array(sizeBytes);
    readAll(handle, bytes, 0, operation.offsetBytes, (readError, readBytes) =>
      done(readError, {
        kind: "read-done",
        ticket: operation.ticket,
        bytes: readBytes === sizeBytes ? bytes : bytes.subarray(0, readBytes),
        fileSizeBytes: stat.size,
      }),
    );
  });
}

function readAll(
  handle: number,
  bytes: Uint8Array,
  haveBytes: number,
  offsetBytes: number,
  done: (error: NodeJS.ErrnoException | null, readBytes: number) => void,
): void {
  if (haveBytes === bytes.length) return done(null, haveBytes);
  fs.read(handle, bytes, haveBytes, bytes.length - haveBytes, offsetBytes + haveBytes, (error, readBytes) => {
    if (error || readBytes === 0) return done(error, haveBytes);
    readAll(handle, bytes, haveBytes + readBytes, offsetBytes, done);
  });
}

function syncFolder(path: string, done: Callback): void {
  fs.open(path, fs.constants.O_RDONLY, (error, handle) => {
    if (error) return done(error);
    fs.fsync(handle, (syncError) => fs.close(handle, (closeError) => done(syncError ?? closeError)));
  });
}
