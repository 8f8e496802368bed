import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeFolder, makeFolderDurably } from "./folder.js";

const scratch = mkdtempSync(join(tmpdir(), "troupe-folder-"));
afterAll(() => rmSync(scratch, { recursive: true }));

it.each([makeFolder, makeFolderDurably])("%o makes what is missing, for no other eyes, and leaves alone what is there", (make) => {
  const folder = join(scratch, make.name, "a", "b");
  make(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, "..")).mode & 0o777).toBe(0o700);
  writeFileSync(join(folder, "kept"), "");
  make(folder);
  expect(statSync(join(folder, "kept")).isFile()).toBe(true);
});

it.each([makeFolder, makeFolderDurably])("%o says at once that nothing can be made below /proc, or below a file", (make) => {
  expect(() => make("/proc/no-such-process/a")).toThrow(/ENOENT|EROFS|EACCES/);
  const file = join(scratch, `${make.name}-file`);
  writeFileSync(file, "");
  expect(() => make(join(file, "a"))).toThrow("ENOTDIR");
});
