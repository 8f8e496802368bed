import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { serverCommand } from "../../src/lfd/process/server-command.js";
import { askLoop, type ProcessFigures, probeEnvironment } from "./probes.js";
import { PROJECT } from "./report.js";

/** The floor of stalls: a process with the same Map and some 400 puts a second, with V8 set up as in a server, and nothing else in it. */
export interface BareMap {
  readonly puts: ProcessFigures | null;
  /** While garbage is made for which V8 collects the whole heap. */
  readonly collections: ProcessFigures | null;
}

export async function bareMap(probes: string, entries: number, sizeBytes: number, seconds: number): Promise<BareMap> {
  const { command, args, env } = serverCommand({ ...process, execArgv: [], argv: ["node", join(PROJECT, "bench/lib/bare-map.mjs")] });
  const child = spawn(command, [...args, String(entries), String(sizeBytes)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...env, ...probeEnvironment(probes, "loop-probe") },
  });
  const pid = child.pid ?? 0;
  try {
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    const figures = async (): Promise<ProcessFigures | null> => {
      await askLoop(probes, "bare Map", pid);
      await pause(seconds * 1_000);
      return askLoop(probes, "bare Map", pid);
    };
    const puts = await figures();
    child.stdin.write("collect\n");
    return { puts, collections: await figures() };
  } finally {
    child.kill("SIGKILL");
  }
}
