import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";

/** A disk operation before it has a ticket. */
export type DiskRequest = DiskOperation extends infer O ? (O extends DiskOperation ? Omit<O, "ticket"> : never) : never;

/** What a task waits for: an operation, or to be resumed by another task. `tolerates`: system codes that it wants to see itself. */
export type TaskStep = { readonly request: DiskRequest; readonly tolerates?: readonly string[] } | { readonly request: null };

/**
 * One sequence of disk operations, each begun when the one before is done: the order is the safety argument, and here it can be read.
 * A failed operation that is not tolerated never comes back to the task: the store has failed then (S5e).
 */
export type Task<Result = void> = Generator<TaskStep, Result, DiskCompletion>;

export const PARK: TaskStep = { request: null };

export function* perform(request: DiskRequest): Task {
  yield { request };
}

/** True when it was done, false at one of the tolerated codes. */
export function* attempt(request: DiskRequest, ...tolerates: string[]): Task<boolean> {
  const completion = yield { request, tolerates };
  return completion.kind !== "failed";
}

export interface ReadBytes {
  readonly bytes: Uint8Array;
  readonly fileSizeBytes: number;
}

export function* readRange(path: string, offsetBytes: number, sizeBytes: number): Task<ReadBytes> {
  const completion = yield { request: { kind: "read", path, offsetBytes, sizeBytes } };
  return completion.kind === "read-done" ? completion : { bytes: new Uint8Array(0), fileSizeBytes: 0 };
}

/** Null when there is no such file. */
export function* readWhole(path: string, sizeBytesMax: number): Task<ReadBytes | null> {
  const completion = yield { request: { kind: "read", path, offsetBytes: 0, sizeBytes: sizeBytesMax }, tolerates: ["ENOENT"] };
  return completion.kind === "read-done" ? completion : null;
}

export function* listFolder(): Task<readonly string[]> {
  const completion = yield { request: { kind: "list", path: "." } };
  return completion.kind === "listed" ? completion.names : [];
}

/** PROTOCOL section 7: a temporary file, synced, renamed, the folder synced. */
export function* replaceFile(path: string, chunks: readonly Uint8Array[]): Task {
  const temporary = `${path}.tmp`;
  // What an earlier crash left under the name may be longer than what is written now.
  yield* attempt({ kind: "remove", path: temporary }, "ENOENT");
  yield* perform({ kind: "create", path: temporary, sizeBytes: 0 });
  yield* perform({ kind: "write", path: temporary, offsetBytes: 0, chunks });
  yield* perform({ kind: "sync", path: temporary });
  yield* perform({ kind: "rename", path: temporary, toPath: path });
  yield* perform({ kind: "sync-folder", path: "." });
}
