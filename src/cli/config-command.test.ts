import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createProgram } from "./program.js";

let folder = "";
let said = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "config-"));
  said = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(folder, { recursive: true });
});

async function check(content: unknown): Promise<unknown> {
  const path = join(folder, "troupe.config.json");
  writeFileSync(path, JSON.stringify(content));
  await createProgram().parseAsync(["node", "troupe", "config", "check", path, "--json"]);
  return JSON.parse(said);
}

it.each(["bank", "./orders.ts"])("finds the service %s, from where the file is", async (service) => {
  writeFileSync(join(folder, "orders.ts"), "");
  expect(await check({ service })).toMatchObject({ ok: true });
  expect(process.exitCode).toBeUndefined();
});

it.each(["./orders.ts", "banks", "./folder"])("says that the service %s is not there", async (service) => {
  mkdirSync(join(folder, "folder"));
  const place = join(folder, service);
  expect(await check({ service })).toMatchObject({ ok: false, errors: [expect.stringContaining(`service: there is no file ${place},`)] });
  expect(process.exitCode).toBe(2);
});
