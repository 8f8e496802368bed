import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkSettings } from "../config/schema.js";
import { clusterId } from "../vocabulary/ids.js";
import { planRun } from "./up-plan.js";

let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plan-"));
  mkdirSync(join(dir, "rm"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function plan(state: string, more: object = {}): Promise<unknown> {
  const service = join(dir, "plain.ts");
  writeFileSync(service, `class Account {}\nexport default { name: "plain", state: ${state}, operations: {}, queries: {} };`);
  const checked = checkSettings({ service, port: 0, ...more }, "test");
  if (!checked.ok) throw new Error(checked.errors.join());
  return planRun(checked.settings, dir, clusterId("0".repeat(32)), true);
}

// Each replica would die of it at its start, and `up` would wait for ever.
describe("a service whose first state cannot be made is refused before anything is started", () => {
  it.each([
    ["holds an instance of a class", "() => ({ a: new Account() })", /plain\.ts is no service: .*state\.a: an instance of Account/],
    ["is no container", "() => 5", /first state .*has to be an object/],
    ["is not made: state throws", '() => { throw new Error("no state today"); }', /first state .*no state today/],
  ])("it %s", async (_, state, message) => {
    await expect(plan(state)).rejects.toThrow(message);
    expect(existsSync(join(dir, "rm"))).toBe(true);
  });

  it("any other is taken", async () => {
    await expect(plan("() => ({ a: new Map() })")).resolves.toMatchObject({ groups: [{ group: "plain" }] });
  });
});

it("--fresh with a --load that the service does not take removes nothing", async () => {
  await expect(plan("() => ({})", { load: true })).rejects.toThrow(/no bank/);
  expect(existsSync(join(dir, "rm"))).toBe(true);
});
