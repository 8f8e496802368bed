import fs, { existsSync, fstatSync, mkdtempSync, read, rmSync, statSync, writev } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SPEC } from "../../rm/core/fake-server.test-harness.js";
import { clusterId, hostId, type Incarnation, replicaId } from "../../vocabulary/ids.js";
import { recoverDisk } from "./recovery.js";
import { readSetAside } from "./set-aside.js";

const LAUNCH = {
  spec: { ...SPEC, durability: "disk" as const },
  replica: replicaId("bank-1"),
  hostId: hostId("host-1"),
  clusterId: clusterId("c".repeat(32)),
  lfdAddressFile: "",
  systemDir: "",
};
const SEGMENT = "segment-000000000001";
const calls = { read, writev };
let folder: string;
let first: Incarnation;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  folder = mkdtempSync(join(tmpdir(), "troupe-unreadable-"));
  first = await start();
});

afterEach(() => {
  sound();
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Incarnation> {
  const { recovered } = await recoverDisk(folder, LAUNCH, () => {});
  return recovered.identity.incarnation;
}

/** From now on this call says EIO at this file. */
function breakAt(call: "read" | "writev", name: string): void {
  const { ino } = statSync(join(folder, "data", name));
  const original = calls[call] as (...args: unknown[]) => void;
  const failing = (...args: unknown[]): void => {
    if (fstatSync(args[0] as number).ino !== ino) return original(...args);
    const done = args.at(-1) as (error: Error) => void;
    setImmediate(() => done(Object.assign(new Error("EIO: i/o error"), { code: "EIO" })));
  };
  Object.assign(fs, { [call]: failing });
  syncBuiltinESMExports();
}

function sound(): void {
  Object.assign(fs, calls);
  syncBuiltinESMExports();
}

async function failingStarts(count: number, eachMs: number): Promise<void> {
  for (let time = 1; time <= count; time++) {
    // The code tells the command that starting it again may help.
    await expect(start()).rejects.toMatchObject({ code: "EIO" });
    vi.setSystemTime(Date.now() + eachMs);
  }
}

test("S5c: a file that cannot be read at start after start is damage: it is set aside, and a new incarnation begins", async () => {
  breakAt("read", SEGMENT);
  await failingStarts(5, 7_000);
  expect(await start()).not.toBe(first);
  expect(readSetAside(folder)).toMatchObject([{ where: SEGMENT, what: expect.stringMatching(/6 starts in a row.*EIO/) }]);
  expect(existsSync(join(folder, "damaged-1", SEGMENT))).toBe(true);
});

test("S5c: an error that passes sets nothing aside, and one after it is counted from the beginning", async () => {
  breakAt("read", SEGMENT);
  await failingStarts(4, 10_000);
  sound();
  expect(await start()).toBe(first);
  breakAt("read", SEGMENT);
  await failingStarts(3, 10_000);
  breakAt("read", "promise");
  await failingStarts(3, 10_000);
  sound();
  expect(await start()).toBe(first);
  expect(existsSync(join(folder, "damaged-1"))).toBe(false);
});

test("S5c: many starts in a short time are no reason, for a disk that all share may be away for so long", async () => {
  breakAt("read", SEGMENT);
  await failingStarts(15, 1_000);
  sound();
  expect(await start()).toBe(first);
});

test("S5e: a write that fails ends the process, at each start, and sets nothing aside", async () => {
  breakAt("writev", "promise");
  await failingStarts(8, 10_000);
  sound();
  expect(await start()).toBe(first);
});
