import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";

/** A disk operation before it has a ticket. */
export type DiskRequest = DiskOperation extends infer O ? (O extends DiskOperation ? Omit<O, "ticket"> : never) : never;

/** What a task waits for: an operation, or another task that resumes it. `tolerates`: system codes that it wants to see itself. */
export type TaskStep =
  | { readonly request: DiskRequest; readonly tolerates?: readonly string[] }
  | { readonly request: null; readonly park: string };

/**
 * One sequence of disk operations, each begun when the one before is done: the order is the safety argument, and here it can be read.
 * A failed operation that is not tolerated never comes back to the task: the store has failed then (S5e).
 */
export type Task<Result = void> = Generator<TaskStep, Result, DiskCompletion>;

/** Runs tasks: who waits for which completion, and what is to be submitted. */
export interface TaskRunner {
  nextTicket: number;
  readonly waiting: Map<number, { readonly task: Task; readonly tolerates: readonly string[] }>;
  readonly parked: Map<string, Task>;
  operations: DiskOperation[];
  /** Set by the first failure; nothing runs any more. */
  failure: { readonly code: string; readonly message: string } | null;
}

export function createTaskRunner(): TaskRunner {
  return { nextTicket: 1, waiting: new Map(), parked: new Map(), operations: [], failure: null };
}

const FIRST: DiskCompletion = { kind: "done", ticket: 0 };

export function startTask(runner: TaskRunner, task: Task): void {
  advance(runner, task, FIRST);
}

/** Resumes the task that waits under this name, if one does. */
export function unpark(runner: TaskRunner, name: string): void {
  const task = runner.parked.get(name);
  if (task === undefined) return;
  runner.parked.delete(name);
  advance(runner, task, FIRST);
}

export function* park(name: string): Task {
  yield { request: null, park: name };
}

/** Takes a completion to the task that waits for it. */
export function completeTask(runner: TaskRunner, completion: DiskCompletion): void {
  const waiter = runner.waiting.get(completion.ticket);
  runner.waiting.delete(completion.ticket);
  if (waiter === undefined || runner.failure !== null) return;
  if (completion.kind === "failed" && !waiter.tolerates.includes(completion.code)) {
    // S5e: nothing is tried again; what was not synced before is not trusted.
    runner.failure = { code: completion.code, message: completion.message };
    return;
  }
  advance(runner, waiter.task, completion);
}

function advance(runner: TaskRunner, task: Task, completion: DiskCompletion): void {
  const step = task.next(completion);
  if (step.done) return;
  if (step.value.request === null) {
    runner.parked.set(step.value.park, task);
    return;
  }
  const ticket = runner.nextTicket++;
  runner.waiting.set(ticket, { task, tolerates: step.value.tolerates ?? [] });
  // The request is the runner's: tasks make one for each step, and copying it would take longer than the step.
  runner.operations.push(Object.assign(step.value.request, { ticket }));
}

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

/** `into`: memory that may be read into. At a tolerated code the file seems to be empty. */
export function* readRange(
  path: string,
  offsetBytes: number,
  sizeBytes: number,
  into?: Uint8Array,
  ...tolerates: string[]
): Task<ReadBytes> {
  const completion = yield { request: { kind: "read", path, offsetBytes, sizeBytes, ...(into === undefined ? {} : { into }) }, tolerates };
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
