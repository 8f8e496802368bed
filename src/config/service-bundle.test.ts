import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readConfigFile } from "./config-file.js";
import { bundleText } from "./bundle.js";
import { bundleService, checkAgainstData, type ServiceJudge } from "./service-bundle.js";

const judge: ServiceJudge = {
  check: (value) => (typeof value === "object" && value !== null && "name" in value ? null : "it exports no service"),
  describe: () => ({ name: "plain", styles: ["active"], operations: ["add"], queries: [] }),
};
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bundle-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function serviceOf(text: string, name = "plain.ts"): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

it("bundles a file with its imports, and names it by its text", async () => {
  await writeFile(join(folder, "amount.ts"), "export const amount: number = 42;");
  const path = await serviceOf('import { amount } from "./amount.js"; export default { name: "plain", amount };');
  const bundle = await bundleService(path, folder, judge);
  expect(bundle).toMatchObject({ code: { name: "plain", styles: ["active"] }, names: { operations: ["add"], queries: [] } });
  expect(bundle.code.path).toBe(join(folder, "services", `${bundle.code.hash}.mjs`));
  const text = await readFile(bundle.code.path, "utf8");
  expect(text).toContain("42");
  expect(text).not.toContain(folder);
  const again = await bundleService(path, join(folder, "elsewhere"), judge);
  expect(again.code.hash).toBe(bundle.code.hash);
});

it("`troupe` stays outside, and leads to the installation that runs it", async () => {
  const path = await serviceOf('export type { OperationContext } from "troupe"; import "troupe"; export default { name: "plain" };');
  const bundle = await bundleService(path, folder, { ...judge, check: judge.check }).catch((error: Error) => error);
  // Without a build there is nothing to load, which is said as such.
  if (bundle instanceof Error) expect(bundle.message).toMatch(/throws when it is loaded/);
  expect(existsSync(join(folder, "services", "node_modules", "troupe", "package.json"))).toBe(true);
});

it.each([
  ["that does not compile", "export default {", /plain.ts does not compile:[\s\S]*plain.ts:1:/],
  ["that imports what is not there", 'import "./nowhere.js"; export default {};', /does not compile[\s\S]*nowhere/],
  ["that throws when loaded", 'throw new Error("no luck"); export default {};', /plain.ts throws when it is loaded:[\s\S]*no luck/],
  ["without a service", "export default 5;", /plain.ts is no service: it exports no service/],
  ["without a default export", "export const a = 1;", /is no service/],
])("a file %s is refused in words", async (_, text, message) => {
  await expect(bundleService(await serviceOf(text), folder, judge)).rejects.toThrow(message);
});

it("a file that waits while it is loaded is refused where nothing can wait, with what to do", async () => {
  const path = await serviceOf("const name = await Promise.resolve('plain'); export default { name };");
  await expect(bundleText(path)).resolves.toContain("await");
  await expect(bundleText(path, { format: "cjs" })).rejects.toThrow(
    /cannot wait while it loads a service: move what is awaited into a handler/,
  );
});

it("a file that is not there is refused with the names that are", async () => {
  await expect(bundleService("bonk", folder, judge)).rejects.toThrow(/no service bonk: .*bank, counter, kv/);
});

it("changed code on old data is refused, naming both ways on", async () => {
  expect(checkAgainstData(folder, "plain", "aa", "disk")).toBeNull();
  const groups = [{ group: "plain", durability: "disk", service: { hash: "aa" } }];
  await writeFile(join(folder, "config.json"), JSON.stringify({ formatVersion: 1, groups }));
  expect(checkAgainstData(folder, "plain", "bb", "disk")).toBeNull();
  await mkdir(join(folder, "rm"));
  expect(checkAgainstData(folder, "plain", "bb", "disk")).toBeNull();
  await writeFile(join(folder, "rm", "store"), "");
  expect(checkAgainstData(folder, "plain", "aa", "disk")).toBeNull();
  expect(checkAgainstData(folder, "plain", "bb", "disk")).toMatch(/code of before.*--fresh/);
  expect(checkAgainstData(folder, "plain", "aa", "memory")).toMatch(/durability disk, which is fixed/);
  expect(checkAgainstData(folder, "other", "aa", "disk")).toMatch(/holds the group plain/);
});

it("a configuration file is read as TypeScript or JSON, and what is wrong with it is said", async () => {
  expect(await readConfigFile(folder)).toBeNull();
  await writeFile(join(folder, "troupe.config.json"), '{"replicas": 5}');
  expect(await readConfigFile(folder)).toMatchObject({ content: { replicas: 5 } });
  await writeFile(join(folder, "troupe.config.ts"), "const replicas: number = 7; export default { replicas };");
  expect(await readConfigFile(folder)).toMatchObject({ content: { replicas: 7 } });
  await writeFile(join(folder, "bad.json"), "{");
  await expect(readConfigFile(folder, "bad.json")).rejects.toThrow(/bad.json cannot be read/);
  await writeFile(join(folder, "none.ts"), "export const a = 1;");
  await expect(readConfigFile(folder, "none.ts")).rejects.toThrow(/no default export/);
  await expect(readConfigFile(folder, "absent.ts")).rejects.toThrow(/no configuration file absent.ts/);
});
