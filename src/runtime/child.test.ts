import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordedProcess, spawnChild } from "./child.js";
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
