import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listPlanted, projectFolder } from "./source-file.js";

type Violation = { readonly from: string; readonly rule: { readonly name: string }; readonly cycle?: readonly { name: string }[] };
type Report = {
  readonly summary: {
    readonly violations: readonly Violation[];
    readonly ruleSetUsed: { readonly forbidden: readonly { name: string }[] };
  };
};

const planted = listPlanted("test/tidy/planted/import.txt").map(({ expected, text }) => {
  const [path = "", target = ""] = text.split(": ");
  return { rule: expected, path, target };
});
let folder: string;
let report: Report;

/** A small project under the real rules: an innocent `a.ts` in each folder, and beside it the planted files. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-imports-"));
  for (const name of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"]) copyFileSync(projectFolder + name, join(folder, name));
  symlinkSync(`${projectFolder}node_modules`, join(folder, "node_modules"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const { path, target } of planted) {
    write(join(dirname(path), "a.ts"), "export const a = 1;\n");
    write(path, `export * from "${target}";\n`);
  }
  write("src/runtime/a.test.ts", "export const a = 1;\n");
  write("src/lfd/core/loop-back.ts", 'export * from "./loop.js";\n');
  const run = spawnSync(
    process.execPath,
    [
      `${projectFolder}node_modules/dependency-cruiser/bin/dependency-cruise.mjs`,
      "--config",
      ".dependency-cruiser.cjs",
      "--output-type",
      "json",
      "src",
    ],
    { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  if (run.stdout === "") throw new Error(run.stderr);
  report = JSON.parse(run.stdout);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(planted)("imports: $rule finds $path importing $target", ({ rule, path }) => {
  // A cycle is reported once, from whichever of its files comes first.
  const isAbout = ({ from, cycle }: Violation): boolean => from === path || cycle?.some(({ name }) => name === path) === true;
  const found = report.summary.violations.filter(isAbout).map((violation) => violation.rule.name);
  expect(found).toContain(rule);
});

test("imports: each rule has a planted violation, and the innocent files break none", () => {
  const plantedRules = new Set(planted.map(({ rule }) => rule));
  expect(report.summary.ruleSetUsed.forbidden.map(({ name }) => name).filter((name) => !plantedRules.has(name))).toEqual([]);
  expect(report.summary.violations.filter(({ from }) => from.endsWith("/a.ts"))).toEqual([]);
});
