import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openExecutingMark, readExecutingMark } from "./executing-mark.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-mark-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("S6i: another process sees what is executed, also when the one that executes says no more", () => {
  const mark = openExecutingMark(folder);
  expect(readExecutingMark(folder)).toBeNull();
  mark.set("s1.7/3");
  expect(readExecutingMark(folder)).toBe("s1.7/3");
  mark.set("a much longer key, ü too");
  mark.set("short");
  expect(readExecutingMark(folder)).toBe("short");
  mark.set(null);
  expect(readExecutingMark(folder)).toBe("short");
  mark.settle();
  expect(readExecutingMark(folder)).toBeNull();
  mark.set("left behind");
  mark.close();
  expect(readExecutingMark(folder)).toBe("left behind");
});

it("has its room from the start, when the disk may still have some", () => {
  const mark = openExecutingMark(folder);
  const { size } = statSync(join(folder, "executing"));
  mark.set("k".repeat(255));
  expect(statSync(join(folder, "executing")).size).toBe(size);
});

// A device of Linux on which nothing has room.
it.runIf(existsSync("/dev/full"))("a full disk costs the mark, not the process that executes", () => {
  symlinkSync("/dev/full", join(folder, "executing"));
  const mark = openExecutingMark(folder);
  mark.set("s1.7/3");
  mark.set(null);
  mark.settle();
  mark.close();
});

it("a new process begins with nothing, and what is torn is nothing", () => {
  openExecutingMark(folder).set("of before");
  const mark = openExecutingMark(folder);
  expect(readExecutingMark(folder)).toBeNull();
  mark.close();
  writeFileSync(join(folder, "executing"), Buffer.from([200, 0, 1, 2]));
  expect(readExecutingMark(folder)).toBeNull();
  expect(readExecutingMark(join(folder, "missing"))).toBeNull();
});
