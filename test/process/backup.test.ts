import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { httpCaller, troupeCaller } from "./harness/caller.js";
import { troupe } from "./harness/command.js";
import { groupOf, type Installation, startInstallation, untilWhole } from "./harness/installation.js";

let at: Installation;
let folder: string;
let backup: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "troupe-backup-"));
  backup = join(folder, "monday");
  at = await startInstallation({ style: "warm-passive", service: "counter", group: "counter" });
  await untilWhole(at);
});

afterAll(async () => {
  await at.dispose(false);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Written {
  readonly before: number;
  readonly after: number;
}
let written: Written;
const KEYED = { "content-type": "application/json", "idempotency-key": "payment-7" };

async function addByKey(): Promise<unknown> {
  const init = { method: "POST", headers: KEYED, body: "1000" };
  const response = await fetch(`${at.url}/v1/groups/counter/operations/add`, init);
  return ((await response.json()) as { result?: unknown }).result;
}

it("a backup is taken while clients write, and holds what was answered before it began", async () => {
  const keyed = await addByKey();
  expect(keyed).toBe(1000);
  const client = await troupeCaller(at);
  let answered = 1000;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      expect(await client.operate("add", 1)).toMatchObject({ outcome: "ok" });
      answered += 1;
    }
  })();
  const before = answered;
  const said = await troupe(["backup", backup, "--dir", at.dir]);
  const after = answered;
  isOver = true;
  await writing;
  await client.close();
  expect(said).toMatchObject({
    status: 0,
    out: expect.stringMatching(/counter: index \d+ of epoch/),
    err: expect.stringContaining("(100 %)"),
  });
  expect(after).toBeGreaterThan(before);
  written = { before, after };
  const inspected = await troupe(["inspect", backup]);
  expect(inspected).toMatchObject({ status: 0, out: expect.stringMatching(/of group counter.*verified/s) });
  expect((await troupe(["restore", backup, "--dir", at.dir])).err).toMatch(/system runs in .*process \d+/);
  expect(await troupe(["backup", backup, "--dir", at.dir])).toMatchObject({ status: 1, err: expect.stringContaining("not empty") });
});

it("a restored group is a new one that knows what the old one knew: state, keys, another system, incarnations and generation", async () => {
  const old = await untilWhole(at);
  await at.stop();
  rmSync(at.dir, { recursive: true });
  expect(await troupe(["restore", backup, "--dir", at.dir])).toMatchObject({ status: 0, out: expect.stringContaining("generation 2") });
  await at.startAgain();
  await untilWhole(at);
  const client = httpCaller(at);
  const { result } = await client.query("get", null);
  expect(result).toBeGreaterThanOrEqual(written.before);
  expect(result).toBeLessThanOrEqual(written.after);
  expect(await addByKey()).toBe(1000);
  expect(await client.operate("add", 1)).toMatchObject({ outcome: "ok", result: Number(result) + 1 });
  const group = await groupOf(at);
  expect(group?.generation).toBe(old.generation + 1);
  const lives = new Set(old.members.map(({ incarnation }) => incarnation));
  expect(group?.members.filter(({ incarnation }) => lives.has(incarnation))).toEqual([]);
});
