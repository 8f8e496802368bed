import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, it } from "vitest";
import { SERVICE_BUNDLE, serviceMaker } from "./service-code.js";

const folder = mkdtempSync(join(tmpdir(), "service-code-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SERVICE = `defineService({ name: "plain", state: () => ({ count: 0 }), operations: {}, queries: {} })`;

it.each([
  ["plain.ts", `import { defineService } from "troupe"; export default ${SERVICE};`],
  ["plain.cjs", `const { defineService } = require("troupe"); module.exports = ${SERVICE};`],
  ["compiled.cjs", `exports.__esModule = true; const { defineService } = require("troupe"); exports.default = ${SERVICE};`],
])("a service is what `up` would take for one: %s", async (name, text) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  const bundled = await build({ ...SERVICE_BUNDLE, entryPoints: [file], bundle: true, write: false, platform: "node" });
  expect(serviceMaker({ text: bundled.outputFiles[0]?.text ?? "", file })().name).toBe("plain");
});

it("what is none is refused in words", () => {
  expect(() => serviceMaker({ text: "module.exports = { a: 1 };", file: "/a.cjs" })()).toThrow(/a\.cjs is no service/);
  expect(() => serviceMaker({ text: "module.exports = undefined;", file: "/a.cjs" })()).toThrow(/a\.cjs is no service/);
});
