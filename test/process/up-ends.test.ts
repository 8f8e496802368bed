import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "vitest";
import { type Installation, PROJECT, rolesOf, startInstallation, untilNothingLeft, untilWhole } from "./harness/installation.js";
import { freeze, type KnownProcess, processesOf } from "./harness/process-table.js";
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
