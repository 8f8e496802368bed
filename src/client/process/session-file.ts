import { type FileHandle, open, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "../../codec/checksum.js";
import { makeFolder } from "../../runtime/folder.js";
import { FolderInUse, type FolderLock, lockFolder } from "../../runtime/folder-lock.js";
import { isSessionId, type SessionId } from "../../vocabulary/ids.js";
import type { SavedSession } from "../core/state.js";
import { hasCode } from "../../runtime/error-code.js";

/**
 * S6f: what a client that must survive its own restart writes down: its session, each request before it is sent, and each end.
 * One line a record, `<crc32 of the rest in hex> <JSON>`; an unfinished last line is a torn write, anything else that does not read is damage.
 */
type FileRecord =
  | { readonly kind: "session"; readonly session: SessionId; readonly highest: number }
  | { readonly kind: "request"; readonly session: SessionId; readonly sequence: number; readonly operation: string; readonly input: string }
  | { readonly kind: "settled"; readonly session: SessionId; readonly sequence: number };

export interface SessionFile {
  readonly saved: SavedSession | null;
  saveSession(session: SessionId): void;
  saveRequest(session: SessionId, sequence: number, operation: string, input: Uint8Array): void;
  saveSettled(session: SessionId, sequence: number): void;
  /** True once everything that was said so far is on the disk; false when that cannot be. */
  durable(): Promise<boolean>;
  close(): Promise<void>;
}

export interface SessionFileEvents {
  /** Everything of `session` through the number is on the disk. */
  readonly onSaved: (session: SessionId, throughSequence: number) => void;
  readonly onError: (error: Error) => void;
}

/** Opens or makes the file; what it holds is rewritten without what has ended. Throws when it is damaged or cannot be written. */
export async function openSessionFile(path: string, events: SessionFileEvents): Promise<SessionFile> {
  const lock = await lockFile(path);
  try {
    const saved = await readSaved(path);
    return fileOver(path, await replace(path, linesOf(contentOf(saved))), lock, saved, events);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Two clients that give out the same numbers would get each other's answers. The file is replaced, so that a folder beside it carries the lock. */
async function lockFile(path: string): Promise<FolderLock> {
  const folder = `${path}.lock`;
  makeFolder(folder);
  try {
    return await lockFolder(folder);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    throw new Error(`The session file ${path} is in use by another client; each needs a file of its own. ${error.message}`);
  }
}

/** What the file is to be read as: the session, and the lines of the requests that have not ended. */
interface Content {
  session: SessionId | null;
  highest: number;
  readonly open: Map<number, string>;
}

/** A file that has grown so far, and to so many times what it has to hold, is written anew: a client may live for years. */
const REWRITE_BYTES_MIN = 1024 * 1024;
const REWRITE_FACTOR = 4;

function fileOver(
  path: string,
  rewritten: Rewritten,
  lock: FolderLock,
  saved: SavedSession | null,
  events: SessionFileEvents,
): SessionFile {
  let { handle, sizeBytes } = rewritten;
  const content = contentOf(saved);
  let lines: string[] = [];
  let through: { session: SessionId; sequence: number } | null = null;
  let writing: Promise<void> | null = null;
  /** Something was written behind the last fsync. */
  let isDirty = false;
  /** S5e: nothing is written behind a write that failed, of which half a line may be there, and nothing is durable any more. */
  let hasFailed = false;
  const waiting: ((durable: boolean) => void)[] = [];

  /** Everything that came while the last batch was written goes into the next one: one fsync for many requests. */
  async function writeBatches(): Promise<void> {
    while (lines.length > 0 || waiting.length > 0) {
      const batch = lines.join("");
      const covers = through;
      const askedCount = waiting.length;
      lines = [];
      through = null;
      isDirty ||= batch !== "";
      await handle.appendFile(batch);
      sizeBytes += Buffer.byteLength(batch);
      // An end need not be durable by itself: a request that comes after it in the file makes it so.
      if (covers !== null || askedCount > 0) {
        await handle.datasync();
        isDirty = false;
      }
      if (covers !== null) events.onSaved(covers.session, covers.sequence);
      for (const tell of waiting.splice(0, askedCount)) tell(true);
      if (sizeBytes >= REWRITE_BYTES_MIN) await shrink();
    }
    // In the same turn as the last look at `lines`: what comes next starts anew.
    writing = null;
  }

  /** What has come since the last batch is in the new file, and is written behind it once more: read twice it means the same. */
  async function shrink(): Promise<void> {
    const kept = linesOf(content);
    if (sizeBytes < REWRITE_FACTOR * kept.reduce((sum, line) => sum + line.length, 0)) return;
    const before = handle;
    ({ handle, sizeBytes } = await replace(path, kept));
    isDirty = false;
    await before.close();
  }

  function add(record: FileRecord): void {
    const line = lineOf(record);
    note(content, record, line);
    lines.push(line);
    startWriting();
  }

  function startWriting(): void {
    if (hasFailed) return;
    writing ??= Promise.resolve()
      .then(writeBatches)
      .catch((error: unknown) => {
        hasFailed = true;
        writing = null;
        for (const tell of waiting.splice(0)) tell(false);
        events.onError(error instanceof Error ? error : new Error(String(error)));
      });
  }

  return {
    saved,
    saveSession: (session) => add({ kind: "session", session, highest: 0 }),
    saveRequest(session, sequence, operation, input) {
      through = { session, sequence };
      add({ kind: "request", session, sequence, operation, input: Buffer.from(input).toString("base64") });
    },
    saveSettled: (session, sequence) => add({ kind: "settled", session, sequence }),
    durable() {
      if (hasFailed) return Promise.resolve(false);
      if (lines.length === 0 && !isDirty) return Promise.resolve(true);
      return new Promise((resolve) => {
        waiting.push(resolve);
        startWriting();
      });
    },
    async close() {
      while (writing !== null) await writing;
      // What was said to be durable was synced: an error at the end (some file systems report a full disk there) takes nothing of it back.
      await handle.close().catch(() => {});
      await lock.release();
    },
  };
}

function contentOf(saved: SavedSession | null): Content {
  if (saved === null) return { session: null, highest: 0, open: new Map() };
  const { session, highestSequence: highest, requests } = saved;
  const open = new Map(
    requests.map(({ sequence, operation, input }) => {
      const record = { kind: "request", session, sequence, operation, input: Buffer.from(input).toString("base64") } as const;
      return [sequence, lineOf(record)] as const;
    }),
  );
  return { session, highest, open };
}

/** As `readSaved` will understand the record. */
function note(content: Content, record: FileRecord, line: string): void {
  if (record.kind === "session") {
    content.session = record.session;
    content.highest = record.highest;
    content.open.clear();
    return;
  }
  if (record.session !== content.session) return;
  content.highest = Math.max(content.highest, record.sequence);
  if (record.kind === "request") content.open.set(record.sequence, line);
  else content.open.delete(record.sequence);
}

function linesOf({ session, highest, open }: Content): string[] {
  return session === null ? [] : [lineOf({ kind: "session", session, highest }), ...open.values()];
}

function lineOf(record: FileRecord): string {
  const text = JSON.stringify(record);
  return `${checksumOf(text)} ${text}\n`;
}

function checksumOf(text: string): string {
  return crc32(Buffer.from(text)).toString(16).padStart(8, "0");
}

async function readSaved(path: string): Promise<SavedSession | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  const lines = text.split("\n");
  // What follows the last line end is empty, or a write that the crash cut short: never acted upon, since nothing is sent before its fsync.
  const rest = lines.pop() ?? "";
  if (lines.length === 0 && !isTornLine(rest))
    throw new Error(`${path} is no session file: it holds something else, which would be overwritten. Name another file.`);
  let saved: { session: SessionId; highest: number; requests: Map<number, SavedSession["requests"][number]> } | null = null;
  for (const [index, line] of lines.entries()) {
    const record = parseLine(line);
    if (record === null)
      throw new Error(
        `${path} is damaged at line ${index + 1}: what this client had outstanding cannot be told. Keep the file for a look, and start with a new one; outcomes of its requests are unknown.`,
      );
    if (record.kind === "session") saved = { session: record.session, highest: record.highest, requests: new Map() };
    else if (saved !== null && saved.session === record.session) {
      saved.highest = Math.max(saved.highest, record.sequence);
      if (record.kind === "settled") saved.requests.delete(record.sequence);
      else
        saved.requests.set(record.sequence, {
          sequence: record.sequence,
          operation: record.operation,
          input: Buffer.from(record.input, "base64"),
        });
    }
  }
  if (saved === null) return null;
  // S6b: the first is the floor of all. Where the file was written anew, a line that came meanwhile stands behind later numbers.
  const requests = [...saved.requests.values()].sort((a, b) => a.sequence - b.sequence);
  return { session: saved.session, highestSequence: saved.highest, requests };
}

/** The beginning of a line of ours; zeros are what a file system may leave in place of what it had not written. */
function isTornLine(text: string): boolean {
  return /^(?:[0-9a-f]{0,8}|[0-9a-f]{8} (?:\{.*)?)$/s.test(text.replace(/\0+$/, ""));
}

function parseLine(line: string): FileRecord | null {
  const text = line.slice(9);
  if (line[8] !== " " || line.slice(0, 8) !== checksumOf(text)) return null;
  const record: unknown = JSON.parse(text);
  // The checksum says that it is ours; the shape is checked where a session id would travel on.
  return isRecord(record) && isSessionId(record.session) ? record : null;
}

function isRecord(value: unknown): value is FileRecord {
  return typeof value === "object" && value !== null && "kind" in value && "session" in value && typeof value.session === "string";
}

interface Rewritten {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/** Temporary file, fsync, rename, fsync of the folder: the old content or the new, never half. Open for what comes behind it. */
async function replace(path: string, lines: readonly string[]): Promise<Rewritten> {
  const text = lines.join("");
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  await folder.sync();
  await folder.close();
  return { handle: await open(path, "a", 0o600), sizeBytes: Buffer.byteLength(text) };
}
