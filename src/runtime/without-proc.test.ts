import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

/** As on macOS: no /proc, and no abstract sockets. */
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return { ...fs, existsSync: (path: string) => !path.startsWith("/proc/") && fs.existsSync(path) };
});

const { platform } = process;
let folder = "";
let child: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-without-proc-"));
  Object.defineProperty(process, "platform", { value: "darwin" });
});

afterEach(() => {
  Object.defineProperty(process, "platform", { value: platform });
  child?.kill("SIGKILL");
  child = null;
  rmSync(folder, { recursive: true, force: true });
});

async function startSomebody(): Promise<{ readonly pid: number; readonly exited: Promise<unknown> }> {
  child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const exited = once(child, "exit");
  await once(child, "spawn");
  return { pid: child.pid ?? 0, exited };
}

test("a pid alone names no process: what was recorded long ago is not killed in the one that has its pid now", async () => {
  const { hasKernelView, isAlive, signalProcess, startTimeOf } = await import("./process-info.js");
  expect(hasKernelView()).toBe(false);
  const { pid, exited } = await startSomebody();
  const startTime = startTimeOf(pid) ?? 0;
  expect(startTime).toBeGreaterThan(Date.UTC(2020, 0, 1) / 1_000);
  for (const other of [0, startTime - 60]) {
    expect(isAlive(pid, other)).toBe(false);
    expect(signalProcess(pid, other, "SIGKILL")).toBe(false);
  }
  expect(isAlive(pid, startTime)).toBe(true);
  expect(signalProcess(pid, startTime, "SIGKILL")).toBe(true);
  await exited;
  expect(isAlive(pid, startTime)).toBe(false);
});

test("the lock that a crash has left is free, also where another process has the pid by now", async () => {
  const { lockFolder } = await import("./folder-lock.js");
  const { pid } = await startSomebody();
  const file = join(folder, "lock.pid");
  await lockFolder(folder);
  // As a process of this one's kind would have left it a minute ago, had it had that pid.
  const [, startTime] = readFileSync(file, "utf8").split(" ").map(Number);
  writeFileSync(file, `${pid} ${Number(startTime) - 60}`);
  const lock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toThrow(new RegExp(`in use by process ${process.pid}`));
  await lock.release();
  await (await lockFolder(folder)).release();
});

test("a lock file that is just being written is somebody's", async () => {
  const { lockFolder } = await import("./folder-lock.js");
  writeFileSync(join(folder, "lock.pid"), "");
  await expect(lockFolder(folder)).rejects.toThrow("in use by another process that does not answer");
});
