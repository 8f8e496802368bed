import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, it } from "vitest";
import { proveHere } from "./in-process.js";
import { SERVICE_BUNDLE, serviceMaker } from "./service-code.js";

const folder = mkdtempSync(join(tmpdir(), "service-code-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SERVICE = `defineService({ name: "plain", state: () => ({ count: 0 }), operations: {}, queries: {} })`;

/** As the command bundles it. */
async function makerOf(name: string, text: string): Promise<ReturnType<typeof serviceMaker>> {
  const file = join(folder, name);
  writeFileSync(file, text);
  const bundled = await build({ ...SERVICE_BUNDLE, entryPoints: [file], bundle: true, write: false, platform: "node", target: "node20" });
  return serviceMaker({ text: bundled.outputFiles[0]?.text ?? "", file });
}

it.each([
  ["plain.ts", `import { defineService } from "troupe"; export default ${SERVICE};`],
  ["plain.cjs", `const { defineService } = require("troupe"); module.exports = ${SERVICE};`],
  ["compiled.cjs", `exports.__esModule = true; const { defineService } = require("troupe"); exports.default = ${SERVICE};`],
])("a service is what `up` would take for one: %s", async (name, text) => {
  expect((await makerOf(name, text))().name).toBe("plain");
});

it("a module that a handler imports when it runs is guarded as one that its file imports", async () => {
  const newService = await makerOf(
    "late.ts",
    `import { defineService } from "troupe";
    export default defineService({
      name: "late",
      state: () => ({ size: 0 }),
      operations: {
        async measure(state) {
          const { readFile } = await import("node:fs/promises");
          state.size = (await readFile("/etc/hostname")).length;
        },
      },
      queries: {},
    });`,
  );
  const { outline } = await proveHere({ newService }, { seeds: 1, firstSeed: 1, without: [] });
  expect(outline.notRun.map(({ why }) => why)).toEqual([
    "The operation measure calls fs/promises.readFile, which reaches outside the service.",
  ]);
});

it("what is none is refused in words", () => {
  expect(() => serviceMaker({ text: "module.exports = { a: 1 };", file: "/a.cjs" })()).toThrow(/a\.cjs is no service/);
  expect(() => serviceMaker({ text: "module.exports = undefined;", file: "/a.cjs" })()).toThrow(/a\.cjs is no service/);
});
