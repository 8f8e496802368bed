import fs, { existsSync, fsyncSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyContent } from "../rm/core/content.js";
import { GROUP, SPEC } from "../rm/core/fake-server.test-harness.js";
import type { Recovery, RecoveryInput } from "../rm/core/recovery-plan.js";
import { openEmbeddedStore } from "../rm/process/embedded-store.js";
import { createDisk } from "../runtime/disk.js";
import { bootId, clusterId, hostId } from "../vocabulary/ids.js";
import { applyRecovery } from "./recover-applying.js";

const SYSTEM = clusterId("c".repeat(32));
const OWNER = bootId("b".repeat(32));
const detectors = { lfd: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 }, gfd: { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 } };
const INPUT: RecoveryInput = {
  clusterId: SYSTEM,
  owner: OWNER,
  host: hostId("host-1"),
  hosts: new Map(),
  detectors,
  spec: SPEC,
  store: { kind: "damaged", reason: "a place of it cannot be read" },
  replicas: [],
  expected: [],
  knownTerm: 0,
};
const PLAN: Recovery = {
  kind: "rebuild",
  content: { ...emptyContent(SYSTEM, OWNER, detectors), term: 5 },
  lines: ["The control store is made anew."],
  event: { kind: "store-rebuilt", group: GROUP, text: "rebuilt" },
};

const calls = { readFileSync, fsyncSync };
let dir: string;
let segment: string;
let control: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "troupe-recover-"));
  control = join(dir, "rm", "control");
  segment = join(dir, "replicas", "bank-1", "data", "segment-000000000001");
  mkdirSync(join(dir, "rm"));
  mkdirSync(join(dir, "replicas", "bank-1", "data"), { recursive: true });
  writeFileSync(control, "of before");
  writeFileSync(segment, "log");
});

afterEach(() => {
  Object.assign(fs, calls);
  syncBuiltinESMExports();
  rmSync(dir, { recursive: true, force: true });
});

const broken = (): never => {
  throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
};

async function storedTerm(): Promise<number | undefined> {
  const { content } = await (await openEmbeddedStore(createDisk(join(dir, "rm")))).read();
  return content?.term;
}

test("recover: a control store of which a place cannot be read is kept as the file that it is, and replaced", async () => {
  const { ino } = statSync(control);
  Object.assign(fs, { readFileSync: (path: string) => (path === control ? broken() : calls.readFileSync(path)) });
  syncBuiltinESMExports();
  const record = await applyRecovery(dir, INPUT, PLAN);
  expect(existsSync(record)).toBe(true);
  expect(statSync(join(dir, "recovered", "1.control")).ino).toBe(ino);
  expect(await storedTerm()).toBe(5);
  expect(calls.readFileSync(join(dir, "recovered", "1.control"), "utf8")).toBe("of before");
});

test("recover: what cannot be kept at all is said in words, with what to do, and nothing is changed", async () => {
  rmSync(control);
  mkdirSync(control);
  await expect(applyRecovery(dir, INPUT, PLAN)).rejects.toThrow(/Nothing was changed: .*rm\/control cannot be read.*troupe recover.*again/);
  expect(existsSync(join(dir, "rm", "control.copy"))).toBe(false);
});

test("recover: data that cannot be synced are named, with what to do, and nothing is changed", async () => {
  const { ino } = statSync(segment);
  Object.assign(fs, { fsyncSync: (handle: number) => (fs.fstatSync(handle).ino === ino ? broken() : calls.fsyncSync(handle)) });
  syncBuiltinESMExports();
  await expect(applyRecovery(dir, INPUT, PLAN)).rejects.toThrow(
    new RegExp(`Nothing was changed: ${segment} cannot be synced \\(EIO.*move ${join(dir, "replicas", "bank-1")} to another`),
  );
  expect(readFileSync(control, "utf8")).toBe("of before");
  expect(existsSync(join(dir, "recovered"))).toBe(false);
});
