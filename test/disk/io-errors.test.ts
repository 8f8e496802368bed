import fs, { rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { isEnd, type Life, live, lossOf, openRealStore, recoverFolder, scratchFolder } from "./real-store.js";

/** The system calls that the real disk makes, in their asynchronous form. */
const CALLS = ["fdatasync", "fsync", "writev", "open", "rename", "unlink", "read"] as const;
type Call = (typeof CALLS)[number];

const originals = new Map(CALLS.map((call) => [call, fs[call]]));
const folders: string[] = [];

afterEach(() => {
  restoreCalls();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function restoreCalls(): void {
  Object.assign(fs, Object.fromEntries(originals));
  syncBuiltinESMExports();
}

/** From its `nth` use on this call fails with `code`, as the kernel says it: a disk that has gone does not come back. */
function failFrom(call: Call, nth: number, code: string): { struck: () => number } {
  let count = 0;
  const original = originals.get(call) as (...args: unknown[]) => void;
  const failing = (...args: unknown[]): void => {
    count += 1;
    if (count < nth) return original(...args);
    const done = args.at(-1) as (error: Error) => void;
    setImmediate(() => done(Object.assign(new Error(`${code}: injected at ${call}`), { code })));
  };
  Object.assign(fs, { [call]: failing });
  syncBuiltinESMExports();
  return { struck: () => Math.max(0, count - nth + 1) };
}

/** A life on a disk of which one call fails, then a start on a sound one. Says whether the fault struck. */
async function strike(call: Call, nth: number, code: string): Promise<boolean> {
  const folder = scratchFolder(`${call}-${nth}`);
  folders.push(folder);
  const life: Life = { acked: 0, promised: 0, published: 0 };
  // Only a start reads, and there has to be something to read.
  if (call === "read") await liveOnce(folder, life);
  const fault = failFrom(call, nth, code);
  const store = openRealStore(folder);
  store.submit({ kind: "recover" });
  const first = await store.until((result) => result.kind === "recovered");
  const end = isEnd(first) ? first : await live(store, life, life.acked + 1, 14);
  restoreCalls();
  if (fault.struck() === 0) return false;
  // What fails beside the log (a spare segment, an old snapshot's removal) may be told a little later than the last batch.
  const said = end ?? (await store.until(() => false));
  expect(said, `${call} ${nth}`).toMatchObject({ kind: "failed", code });
  const heard = store.results.length;
  store.submit({ kind: "persist", ticket: 999, truncateAfter: null, entries: [] });
  await new Promise((resolve) => setImmediate(resolve));
  expect(store.results.length, "S5e: nothing is said after a failure").toBe(heard);
  expect(lossOf((await recoverFolder(folder)).first, life), `${call} ${nth}: ${JSON.stringify(life)}`).toBeNull();
  return true;
}

async function liveOnce(folder: string, life: Life): Promise<void> {
  const { store } = await recoverFolder(folder);
  expect(await live(store, life, 1, 7)).toBeNull();
}

describe("I/O errors under the real storage code", () => {
  it.each(CALLS.flatMap((call) => ["EIO", "ENOSPC"].map((code) => [call, code] as const)))(
    "S5e: %s fails with %s, at every place of a life: the store ends, and nothing acknowledged is lost",
    async (call, code) => {
      let strikes = 0;
      // Each place for the sync and the write of the log, every third one elsewhere.
      const step = code === "EIO" && (call === "fdatasync" || call === "writev") ? 1 : 3;
      for (let nth = 1; await strike(call, nth, code); nth += step) strikes += 1;
      expect(strikes).toBeGreaterThan(0);
    },
  );
});
