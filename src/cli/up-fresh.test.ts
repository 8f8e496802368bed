import fs, { existsSync, fstatSync, fsyncSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeData } from "./up-fresh.js";

const calls = { fsyncSync };
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "troupe-fresh-"));
  for (const name of ["rm", "replicas", "lfd", "logs", "run"]) mkdirSync(join(dir, name));
  for (const name of ["config.json", "cluster.json", "rm/control"]) writeFileSync(join(dir, name), "of before");
});
afterEach(() => {
  Object.assign(fs, calls);
  syncBuiltinESMExports();
  rmSync(dir, { recursive: true });
});

it("leaves empty folders behind whose names are durable: what is synced inside must not go with them at a power cut", () => {
  const folder = statSync(dir).ino;
  let namesWhenSynced: string[] = [];
  Object.assign(fs, {
    fsyncSync(handle: number) {
      if (fstatSync(handle).ino === folder) namesWhenSynced = readdirSync(dir);
      calls.fsyncSync(handle);
    },
  });
  syncBuiltinESMExports();
  removeData(dir);
  expect(readdirSync(dir).sort()).toEqual(["cluster.json", "lfd", "logs", "replicas", "rm", "run"]);
  expect(existsSync(join(dir, "rm", "control"))).toBe(false);
  expect(namesWhenSynced.sort()).toEqual(readdirSync(dir).sort());
});
