import { unreachable } from "../vocabulary/assert.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";

/**
 * Performs disk operations. Several may be under way at once and may overtake each other: who needs an order waits for the completion.
 * Completions never come from within `submit`.
 */
export interface Disk {
  submit(operation: DiskOperation, done: (completion: DiskCompletion) => void): void;
}

interface MemoryFile {
  bytes: Uint8Array;
  sizeBytes: number;
}

/** The same interface for `durability: memory`: nothing outlives the process, and preallocated room takes no memory before it is written. */
export function createMemoryDisk(): Disk {
  const files = new Map<string, MemoryFile>();
  return {
    submit(operation, done) {
      const completion = perform(files, operation);
      queueMicrotask(() => done(completion));
    },
  };
}

function perform(files: Map<string, MemoryFile>, operation: DiskOperation): DiskCompletion {
  const { ticket, path } = operation;
  switch (operation.kind) {
    case "make-folder":
    case "sync-folder":
      return { kind: "done", ticket };
    case "list":
      return { kind: "listed", ticket, names: namesIn(files, path) };
    case "create": {
      const file = files.get(path) ?? { bytes: new Uint8Array(0), sizeBytes: 0 };
      file.sizeBytes = Math.max(file.sizeBytes, operation.sizeBytes);
      files.set(path, file);
      return { kind: "done", ticket };
    }
    case "write":
    case "sync":
    case "truncate":
    case "read":
    case "rename":
    case "remove": {
      const file = files.get(path);
      if (file === undefined) return { kind: "failed", ticket, code: "ENOENT", message: `there is no file ${path}` };
      return performOnFile(files, file, operation);
    }
    default:
      return unreachable(operation);
  }
}

type FileOperation = Extract<DiskOperation, { kind: "write" | "sync" | "truncate" | "read" | "rename" | "remove" }>;

function performOnFile(files: Map<string, MemoryFile>, file: MemoryFile, operation: FileOperation): DiskCompletion {
  const { ticket, path } = operation;
  switch (operation.kind) {
    case "sync":
      break;
    case "write": {
      let at = operation.offsetBytes;
      for (const chunk of operation.chunks) {
        reserve(file, at + chunk.length);
        file.bytes.set(chunk, at);
        at += chunk.length;
      }
      file.sizeBytes = Math.max(file.sizeBytes, at);
      break;
    }
    case "truncate":
      file.bytes.fill(0, operation.sizeBytes);
      file.sizeBytes = operation.sizeBytes;
      break;
    case "rename":
      files.delete(path);
      files.set(operation.toPath, file);
      break;
    case "remove":
      files.delete(path);
      break;
    case "read": {
      const endBytes = Math.max(operation.offsetBytes, Math.min(file.sizeBytes, operation.offsetBytes + operation.sizeBytes));
      const bytes = new Uint8Array(endBytes - operation.offsetBytes);
      bytes.set(file.bytes.subarray(operation.offsetBytes, Math.min(endBytes, file.bytes.length)));
      return { kind: "read-done", ticket, bytes, fileSizeBytes: file.sizeBytes };
    }
    default:
      return unreachable(operation);
  }
  return { kind: "done", ticket };
}

function reserve(file: MemoryFile, sizeBytes: number): void {
  if (sizeBytes <= file.bytes.length) return;
  const grown = new Uint8Array(Math.max(sizeBytes, file.bytes.length * 2, 4096));
  grown.set(file.bytes);
  file.bytes = grown;
}

function namesIn(files: Map<string, MemoryFile>, folder: string): string[] {
  const prefix = folder === "." ? "" : `${folder}/`;
  const names = new Set<string>();
  for (const path of files.keys()) {
    if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/")[0] ?? "");
  }
  return [...names];
}
