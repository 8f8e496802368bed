import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  freePort,
  type Installation,
  PROJECT,
  rolesOf,
  startInstallation,
  TRIAL_SERVICE,
  untilNothingLeft,
  untilWhole,
} from "./harness/installation.js";
import { freeze, type KnownProcess, processesOf, processNamed } from "./harness/process-table.js";
import { untilTrue } from "./harness/wait.js";
import { isAlive } from "../../src/runtime/process-info.js";

type Ending = { readonly how: string; end(at: Installation): void };

const endings: readonly Ending[] = [
  { how: "Ctrl-C", end: ({ up }) => void process.kill(up.pid, "SIGINT") },
  { how: "a closed terminal", end: ({ up }) => void process.kill(up.pid, "SIGHUP") },
  { how: "kill -9", end: ({ up }) => void process.kill(up.pid, "SIGKILL") },
  {
    how: "`troupe down`",
    end: ({ dir }) => {
      const { status, stderr } = spawnSync(process.execPath, [join(PROJECT, "bin/troupe.js"), "down", "--dir", dir], { encoding: "utf8" });
      if (status !== 0) throw new Error(`down ended with ${status}: ${stderr}`);
    },
  },
];

describe.each(endings)("however `up` ends: $how", ({ end }) => {
  it.each([false, true])("no process is left (a server stopped: %s)", async (withStopped) => {
    const at = await startInstallation({ style: "warm-passive" });
    let isOver = false;
    try {
      await untilWhole(at);
      const { followers } = await rolesOf(at);
      const all: readonly KnownProcess[] = processesOf(at.dir);
      if (withStopped) await freeze(at.dir, followers[0]);
      end(at);
      await untilTrue("every process that was recorded is gone", 15_000, () => all.every(({ pid, startTime }) => !isAlive(pid, startTime)));
      await untilNothingLeft(at.dir);
      isOver = true;
    } finally {
      await at.dispose(!isOver);
    }
  });
});

describe("`up --detach` that is interrupted before it says ready", () => {
  it("leaves nothing running", async () => {
    const dir = join(mkdtempSync(join(tmpdir(), "troupe-detach-")), "data");
    const command = [join(PROJECT, "bin/troupe.js"), "up", TRIAL_SERVICE, "--dir", dir, "--port", "0", "--detach"];
    const detach = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [detach.stdout, detach.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
    try {
      await untilTrue("a component runs", 30_000, () => processNamed(dir, "gfd") !== null);
      detach.kill("SIGINT");
      await untilTrue("the command has ended", 15_000, () => detach.exitCode !== null);
      await untilNothingLeft(dir);
      expect({ code: detach.exitCode, said }).toEqual({ code: 1, said: expect.stringContaining("Interrupted by SIGINT") });
    } finally {
      spawnSync(process.execPath, [join(PROJECT, "bin/troupe.js"), "down", "--dir", dir]);
      rmSync(join(dir, ".."), { recursive: true, force: true, maxRetries: 5 });
    }
  });
});

// Only Linux has a device that is always full.
describe.runIf(process.platform === "linux")("where nothing that `up` says can be written, as on a full disk", () => {
  it("the system starts and goes on, and `up` starts again what ends", async () => {
    const dir = join(mkdtempSync(join(tmpdir(), "troupe-full-")), "data");
    const port = await freePort();
    const full = openSync("/dev/full", "w");
    const command = [join(PROJECT, "bin/troupe.js"), "up", TRIAL_SERVICE, "--dir", dir, "--port", String(port)];
    const up = spawn(process.execPath, command, { stdio: ["ignore", full, full] });
    closeSync(full);
    try {
      await untilTrue("the group serves", 60_000, async () => {
        const response = await fetch(`http://127.0.0.1:${port}/v1/status`).catch(() => null);
        const status = response === null ? null : await response.text();
        return status?.includes('"serving":true') === true;
      });
      for (let time = 0; time < 2; time++) {
        const before = processNamed(dir, "rm")?.pid ?? 0;
        process.kill(before, "SIGKILL");
        await untilTrue("another Replication Manager runs", 10_000, () => {
          const now = processNamed(dir, "rm");
          return now !== null && now.pid !== before;
        });
      }
      if (up.exitCode !== null) throw new Error(`up has ended with ${up.exitCode}`);
    } finally {
      up.kill("SIGTERM");
      await untilNothingLeft(dir);
      rmSync(join(dir, ".."), { recursive: true, force: true });
    }
  });
});
