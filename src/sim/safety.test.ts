import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const rows = readFileSync(`${root}docs/internals/safety.md`, "utf8")
  .split("\n")
  .filter((line) => /^\| [SL]\d/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

test("the table of rules has every rule, each held somewhere, in files that exist", () => {
  expect(rows.length).toBe(38);
  for (const [, rule, , asserted = "-", watched = "-", tests = "-"] of rows) {
    expect(
      [asserted, watched, tests].some((cell) => cell !== "-"),
      rule,
    ).toBe(true);
    for (const path of [...asserted.split(", "), ...tests.split(", ")])
      if (path !== "-") expect(existsSync(`${root}src/${path}`), `${rule}: ${path}`).toBe(true);
    for (const path of watched.match(/checkers\/[a-z0-9-]+\.ts/g) ?? [])
      expect(existsSync(`${root}src/sim/${path}`), `${rule}: ${path}`).toBe(true);
  }
});
