import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { spawnChild } from "./child.js";
import { boundLogs, lastWords, logPath, logSizeBytes, olderLogPath, turnLog } from "./log-file.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "log-file-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Says `ready`, and whatever signal comes, one line more; `sh` appends, as every process of a system does. */
const SPEAKER = "trap 'echo again' USR1; echo ready; while :; do sleep 0.02; done";

it("a process goes on at the beginning of its log when that is full, and what was in it is in the older one", async () => {
  const spawning = await spawnChild({ dir, name: "gfd", command: "sh", args: ["-c", SPEAKER], lifeline: "inherited", onExit: () => {} });
  if (!spawning.ok) throw new Error(spawning.reason);
  const path = logPath(dir, "gfd");
  const end = boundLogs(dir, (name) => name === "gfd", 4);
  try {
    await vi.waitFor(() => expect(readFileSync(olderLogPath(path), "utf8")).toBe("ready\n"), 10_000);
    expect(readFileSync(path, "utf8")).toBe("");
    end();
    process.kill(spawning.child.pid, "SIGUSR1");
    await vi.waitFor(() => expect(readFileSync(path, "utf8")).toBe("again\n"), 10_000);
  } finally {
    end();
    process.kill(spawning.child.pid, "SIGKILL");
  }
});

it("one older one is kept, and what is not full stays", async () => {
  const path = join(dir, "a.log");
  for (const text of ["first\n", "second\n", "3\n"]) {
    appendFileSync(path, text);
    await turnLog(path, 4);
  }
  expect([readFileSync(olderLogPath(path), "utf8"), readFileSync(path, "utf8")]).toEqual(["second\n", "3\n"]);
});

it("a log that cannot be kept is emptied all the same, and what is not there is no matter", async () => {
  const path = join(dir, "a.log");
  writeFileSync(path, "text");
  mkdirSync(olderLogPath(path));
  await turnLog(path, 3);
  expect(statSync(path).size).toBe(0);
  await turnLog(join(dir, "b.log"), 3);
});

it("where the disk is nearly full nothing is copied: the last of it is for the data", async () => {
  const path = join(dir, "a.log");
  writeFileSync(path, "text");
  await turnLog(path, 3, async () => false);
  expect([statSync(path).size, existsSync(olderLogPath(path))]).toEqual([0, false]);
});

it("last words are those of this life, also where the log was begun anew in it", async () => {
  const path = logPath(dir, "gfd");
  mkdirSync(join(dir, "logs"));
  writeFileSync(path, "of an earlier life\n");
  const fromBytes = logSizeBytes(dir, "gfd");
  appendFileSync(path, "one\n");
  expect(lastWords(dir, "gfd", fromBytes)).toBe("one");
  await turnLog(path, 1);
  appendFileSync(path, "two\n");
  expect(lastWords(dir, "gfd", fromBytes)).toBe("two");
});
