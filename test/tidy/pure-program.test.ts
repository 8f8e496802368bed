import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listFiles, projectFolder } from "./source-file.js";

const pureFolders = /^src\/(vocabulary|detection|storage|[^/]+\/core)\//;
const coreProject = `${projectFolder}tsconfig.core.json`;

function compile(...args: string[]): { readonly status: number | null; readonly lines: string[] } {
  const compiler = `${projectFolder}node_modules/.bin/tsc`;
  const run = spawnSync(compiler, args, { cwd: projectFolder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return { status: run.status, lines: run.stdout.split("\n").filter((line) => line !== "") };
}

test("the pure program holds every pure file, and no types but the language's and what test/tidy/outside declares", () => {
  const { lines } = compile("-p", coreProject, "--listFilesOnly");
  const own = lines.filter((path) => path.startsWith(projectFolder)).map((path) => path.slice(projectFolder.length));
  const pure = listFiles("src", ".ts").filter((path) => pureFolders.test(path) && !/\.test[.-]|\/test\//.test(path));
  expect(pure.length).toBeGreaterThan(0);
  expect(pure.filter((path) => !own.includes(path))).toEqual([]);
  const isOfTheLanguage = /\/lib\.(es[^/]*|decorators(\.legacy)?)\.d\.ts$/;
  const foreign = lines.filter(
    (path) => !/^(src|test\/tidy\/outside)\//.test(path.replace(projectFolder, "")) && !isOfTheLanguage.test(path),
  );
  expect(foreign).toEqual([]);
});

test("the compiler refuses Node and timers under the options of the pure program", () => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-pure-"));
  try {
    const names = [
      "Buffer",
      "process",
      "performance",
      "setTimeout",
      "setInterval",
      "setImmediate",
      "queueMicrotask",
      "crypto",
      "console",
      "fetch",
      "URL",
    ];
    const texts = [...names.map((name) => `export const planted_${name} = ${name};`), 'export { readFileSync } from "node:fs";'];
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "planted.ts"), `${texts.join("\n")}\nexport const innocent = new Map([[1, new TextEncoder()]]);\n`);
    const options = { extends: coreProject, compilerOptions: { rootDir: "/", typeRoots: [`${projectFolder}node_modules/@types`] } };
    const include = ["planted.ts", `${projectFolder}test/tidy/outside/text.d.ts`];
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...options, include, exclude: [] }));
    const refused = compile("-p", folder, "--pretty", "false").lines.flatMap((line) => /planted\.ts\((\d+),/.exec(line)?.[1] ?? []);
    expect(refused.map(Number)).toEqual(texts.map((_text, position) => position + 1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
