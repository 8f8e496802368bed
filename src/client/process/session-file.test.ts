import { appendFile, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { crc32 } from "../../codec/checksum.js";
import type { SessionId } from "../../vocabulary/ids.js";
import { openSessionFile } from "./session-file.js";

const SESSION = "1.5.aa" as SessionId;
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-file-"));
});
afterEach(() => rm(folder, { recursive: true }));

function opened(path: string) {
  const saved: number[] = [];
  let wake = () => {};
  const until = async (sequence: number) => {
    while ((saved.at(-1) ?? 0) < sequence)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  const events = {
    onSaved: (_: SessionId, through: number) => {
      saved.push(through);
      wake();
    },
    onError: (error: Error) => {
      throw error;
    },
  };
  return openSessionFile(path, events).then((file) => ({ file, saved, until }));
}

it("S6f: what was open is there after a restart, what had ended is not", async () => {
  const path = join(folder, "client.session");
  const { file, saved, until } = await opened(path);
  expect(file.saved).toBeNull();
  file.saveSession(SESSION);
  for (const sequence of [1, 2, 3]) file.saveRequest(SESSION, sequence, "add", new Uint8Array([sequence]));
  await until(3);
  expect(saved).toEqual([3]);
  file.saveSettled(SESSION, 2);
  await file.close();
  const again = await opened(path);
  expect(again.file.saved?.requests.map((request) => [request.sequence, [...request.input]])).toEqual([
    [1, [1]],
    [3, [3]],
  ]);
  expect(again.file.saved?.highestSequence).toBe(3);
  await again.file.close();
});

it("S6f: numbers that were used stay used, though nothing is open", async () => {
  const path = join(folder, "client.session");
  const { file, until } = await opened(path);
  file.saveSession(SESSION);
  file.saveRequest(SESSION, 7, "add", new Uint8Array());
  await until(7);
  file.saveSettled(SESSION, 7);
  await file.close();
  await (await opened(path)).file.close();
  const third = await opened(path);
  expect(third.file.saved).toEqual({ session: SESSION, highestSequence: 7, requests: [] });
  await third.file.close();
});

it("a torn last line is passed over, damage before it is refused", async () => {
  const path = join(folder, "client.session");
  const { file, until } = await opened(path);
  file.saveSession(SESSION);
  file.saveRequest(SESSION, 1, "add", new Uint8Array());
  await until(1);
  await file.close();
  await appendFile(path, '12345678 {"kind":"requ');
  const again = await opened(path);
  expect(again.file.saved?.requests).toHaveLength(1);
  await again.file.close();
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace("add", "sub"));
  await expect(opened(path)).rejects.toThrow(/damaged at line 2/);
});

it("one file serves one client at a time", async () => {
  const path = join(folder, "client.session");
  const { file } = await opened(path);
  await expect(opened(path)).rejects.toThrow(/in use by another client/);
  await file.close();
  await (await opened(path)).file.close();
});

it("a file that holds something else is refused and left as it is; the torn beginning of a first line is not", async () => {
  const path = join(folder, "client.session");
  for (const other of ["a note without an end of line", "x".repeat(5_000), "cafebabe of somebody else's"]) {
    await writeFile(path, other);
    await expect(opened(path)).rejects.toThrow("is no session file");
    expect(await readFile(path, "utf8")).toBe(other);
  }
  for (const torn of ["", "0a1b", '0a1b2c3d {"kind":"sess', "0a1b\0\0\0", "\0\0"]) {
    await writeFile(path, torn);
    const { file } = await opened(path);
    expect(file.saved).toBeNull();
    await file.close();
  }
});

it("a client that lives for long does not make its file grow without end, and loses nothing of it", async () => {
  const path = join(folder, "client.session");
  const { file, until } = await opened(path);
  file.saveSession(SESSION);
  file.saveRequest(SESSION, 1, "add", new Uint8Array([1]));
  const input = new Uint8Array(64 * 1024).fill(7);
  for (let sequence = 2; sequence <= 100; sequence += 1) {
    file.saveRequest(SESSION, sequence, "add", input);
    if (sequence > 2) file.saveSettled(SESSION, sequence - 1);
    await until(sequence);
  }
  await file.close();
  // 100 inputs of 64 KB were written: of them two are open.
  expect((await stat(path)).size).toBeLessThan(2 * 1024 * 1024);
  const again = await opened(path);
  expect(again.file.saved?.requests.map((request) => [request.sequence, request.input.length])).toEqual([
    [1, 1],
    [100, input.length],
  ]);
  expect(again.file.saved?.highestSequence).toBe(100);
  await again.file.close();
});

it("S6h: an end is on the disk when the file says so", async () => {
  const path = join(folder, "client.session");
  const { file, until } = await opened(path);
  expect(await file.durable()).toBe(true);
  file.saveSession(SESSION);
  file.saveRequest(SESSION, 1, "add", new Uint8Array());
  await until(1);
  file.saveSettled(SESSION, 1);
  expect(await file.durable()).toBe(true);
  expect(await readFile(path, "utf8")).toContain('"kind":"settled"');
  expect(await file.durable()).toBe(true);
  await file.close();
});

it("S5e: behind a write that failed nothing is written, and nothing is said to be durable: the file stays readable", async () => {
  const path = join(folder, "client.session");
  let onSaved = () => {};
  let onError = (_: Error): void => {};
  const saved = new Promise<void>((resolve) => {
    onSaved = resolve;
  });
  const failed = new Promise<Error>((resolve) => {
    onError = resolve;
  });
  const file = await openSessionFile(path, { onSaved: () => onSaved(), onError: (error) => onError(error) });
  file.saveSession(SESSION);
  file.saveRequest(SESSION, 1, "add", new Uint8Array([1]));
  await saved;
  const probe = await open(path);
  const appending = vi.spyOn(Object.getPrototypeOf(probe) as typeof probe, "appendFile");
  await probe.close();
  appending.mockImplementationOnce(async (batch) => {
    const half = String(batch).slice(0, String(batch).length / 2);
    await appendFile(path, half);
    throw new Error("ENOSPC: no space left on device");
  });
  file.saveRequest(SESSION, 2, "add", new Uint8Array([2]));
  expect((await failed).message).toContain("ENOSPC");
  // There is room again.
  file.saveSettled(SESSION, 1);
  expect(await file.durable()).toBe(false);
  await file.close();
  appending.mockRestore();
  const again = await opened(path);
  expect(again.file.saved?.requests.map(({ sequence }) => sequence)).toEqual([1]);
  await again.file.close();
});

it("S6b: what was open comes back in the order of its numbers, in whatever order the lines stand", async () => {
  const path = join(folder, "client.session");
  const line = (record: object): string => {
    const text = JSON.stringify(record);
    return `${crc32(Buffer.from(text)).toString(16).padStart(8, "0")} ${text}\n`;
  };
  const request = (sequence: number) => line({ kind: "request", session: SESSION, sequence, operation: "add", input: "" });
  await writeFile(path, line({ kind: "session", session: SESSION, highest: 6 }) + request(6) + request(5));
  const { file } = await opened(path);
  expect(file.saved?.requests.map(({ sequence }) => sequence)).toEqual([5, 6]);
  await file.close();
});
