import { appendFileSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { turnLog } from "../runtime/log-file.js";
import { openTail } from "./logs.js";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "logs-"));
  path = join(folder, "bank-1.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (...lines: readonly (string | number)[]) => appendFileSync(path, lines.map((line) => `${line}\n`).join(""));

describe("the lines to begin with", () => {
  it.each([
    [2, ["b", "c"]],
    [9, ["a", "b", "c"]],
    [0, []],
  ])("%i of them", (lines, expected) => {
    write("a", "b", "c");
    const tail = openTail(path, lines);
    expect(tail()).toEqual(expected);
    write("d");
    expect(tail()).toEqual(["d"]);
  });

  it("reach back behind the beginning of a log that was begun anew", async () => {
    write("a", "b");
    await turnLog(path, 1);
    write("c");
    expect(openTail(path, 2)()).toEqual(["b", "c"]);
  });

  it("are whole, also where the end of a large log is read", () => {
    const long = "x".repeat(1_000);
    write(...Array.from({ length: 1_000 }, () => long));
    expect(new Set(openTail(path, 1_000)())).toEqual(new Set([long]));
  });
});

it("follows a log that is begun anew: no line twice, none left out", async () => {
  const tail = openTail(path, 10);
  const seen = [...tail()];
  for (let line = 0; line < 40; line++) {
    write(`line ${line}`);
    if (line % 7 === 0) seen.push(...tail());
    if (line % 10 === 5) {
      await turnLog(path, 1);
      // Where nothing was looked at in between, two generations are as far as it goes back.
      write(`after ${line}`);
      seen.push(...tail());
    }
  }
  seen.push(...tail());
  const expected = Array.from({ length: 40 }, (_, line) => (line % 10 === 5 ? [`line ${line}`, `after ${line}`] : [`line ${line}`])).flat();
  expect(seen).toEqual(expected);
});

it("a line that is cut in two by it is one line", async () => {
  const tail = openTail(path, 10);
  appendFileSync(path, "first ha");
  expect(tail()).toEqual([]);
  await turnLog(path, 1);
  appendFileSync(path, "lf\n");
  expect(tail()).toEqual(["first half"]);
});

it("goes on in a log that somebody else has emptied", () => {
  write("a", "b", "c");
  const tail = openTail(path, 10);
  tail();
  truncateSync(path, 0);
  write("d");
  expect(tail()).toEqual(["d"]);
});
