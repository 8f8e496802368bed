import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLifelines, recordedProcess, spawnChild } from "./child.js";
import { makeFolder } from "./folder.js";
import { processState } from "./process-info.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "child-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Writes its pid down, and stays. */
const start = (onExit = () => {}) =>
  spawnChild({ dir, name: "sleeper", command: "sh", args: ["-c", `echo $$ > ${dir}/pid; exec sleep 60`], lifeline: "inherited", onExit });

test("a process is recorded as soon as it is started", async () => {
  const exited = new Promise<void>((resolve) => {
    void start(resolve).then((spawning) => {
      if (!spawning.ok) throw new Error(spawning.reason);
      const { pid, startTime } = spawning.child;
      expect(recordedProcess(dir, "sleeper")).toEqual({ name: "sleeper", pid, startTime });
      process.kill(pid, "SIGKILL");
    });
  });
  await exited;
});

test("a process that cannot be recorded is no process: it is ended, and the caller hears why", async () => {
  makeFolder(join(dir, "run"));
  writeFileSync(join(dir, "run", "processes"), "no folder");
  expect(await start()).toEqual({ ok: false, reason: expect.stringContaining("ENOTDIR") });
  await new Promise((resolve) => setTimeout(resolve, 300));
  let pid = 0;
  try {
    pid = Number(readFileSync(join(dir, "pid"), "utf8"));
  } catch {
    return; // It came to nothing.
  }
  expect(["absent", "zombie"]).toContain(processState(pid));
});

test("a lifeline is held while anybody has its other end, and let go of then: a component may be started again and again for days", async () => {
  const lifelines = createLifelines();
  const begin = async (name: string, script: string) => {
    const exited = new Promise<void>((resolve) => {
      void spawnChild({ dir, name, command: "sh", args: ["-c", script], lifeline: "own", onExit: () => resolve() }).then((spawning) => {
        if (spawning.ok) lifelines.hold(spawning.child.lifeline);
      });
    });
    await exited;
  };
  // As an LFD does whose server outlives it.
  await begin("parent", `sleep 60 & echo $! > ${dir}/pid`);
  for (let life = 0; life < 5; life += 1) await begin("crashing", "exit 1");
  await vi.waitFor(() => expect(lifelines.count).toBe(1), { timeout: 20_000 });
  process.kill(Number(readFileSync(join(dir, "pid"), "utf8")), "SIGKILL");
  await vi.waitFor(() => expect(lifelines.count).toBe(0), { timeout: 20_000 });
});
