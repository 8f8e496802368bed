import fs, { existsSync, fsyncSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSetAside, setAside } from "./set-aside.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-aside-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function damage(where: string): void {
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "data", "identity"), where);
  setAside(folder, { where, what: "broken" });
}

test("S5c: what is set aside is kept, each in a folder of its own, and told with its reason", () => {
  damage("first");
  damage("second");
  expect(readSetAside(folder).map(({ where, keptIn }) => [where, keptIn])).toEqual([
    ["first", join(folder, "damaged-1")],
    ["second", join(folder, "damaged-2")],
  ]);
  expect(existsSync(join(folder, "damaged-1", "identity"))).toBe(true);
  expect(existsSync(join(folder, "data"))).toBe(false);
});

test("a folder without its note, or with one that is cut off, is no reason to fail", () => {
  damage("first");
  damage("second");
  writeFileSync(join(folder, "damaged-1.json"), '{"where": "fi');
  rmSync(join(folder, "damaged-2.json"));
  expect(readSetAside(folder)).toEqual([]);
  damage("third");
  expect(readSetAside(folder)).toMatchObject([{ where: "third", keptIn: join(folder, "damaged-3") }]);
});

test("S5c: what is to be told is durable before the data moves: a crash in between cannot lose it", () => {
  const done: string[] = [];
  const calls = { renameSync, fsyncSync };
  fs.renameSync = (from, to) => {
    done.push(`rename ${from}`);
    calls.renameSync(from, to);
  };
  fs.fsyncSync = (handle) => {
    done.push("sync");
    calls.fsyncSync(handle);
  };
  syncBuiltinESMExports();
  try {
    damage("first");
  } finally {
    Object.assign(fs, calls);
    syncBuiltinESMExports();
  }
  const note = join(folder, ".damaged-1.json.new");
  expect(done).toEqual(["sync", `rename ${note}`, "sync", `rename ${join(folder, "data")}`, "sync"]);
});

test("a note whose folder never came is not told, and is written over", () => {
  writeFileSync(join(folder, "damaged-1.json"), JSON.stringify({ where: "before", what: "broken", keptIn: join(folder, "damaged-1") }));
  expect(readSetAside(folder)).toEqual([]);
  damage("after");
  expect(readSetAside(folder)).toMatchObject([{ where: "after" }]);
});
