import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lastWords, logPath, logSizeBytes, makeFolder } from "../runtime/child.js";
import { SUPERVISOR_NAME } from "./claim.js";

export interface DetachOptions {
  readonly dir: string;
  /** The command line of an `up` without `--detach`: its first line on stdout is `ready URL`. */
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

const LOOK_AGAIN_MS = 20;

/**
 * `troupe up --detach`: starts an `up` in a session of its own with its output in DIR/logs/up.log, and waits until it says that the group
 * answers. Resolves with what it said; rejects with its last words when it ends before, or is not ready in time (it is left running then).
 */
export async function startDetached(options: DetachOptions): Promise<{ readonly pid: number; readonly ready: string }> {
  const dir = resolve(options.dir);
  makeFolder(join(dir, "logs"));
  const fromBytes = logSizeBytes(dir, SUPERVISOR_NAME);
  const output = openSync(logPath(dir, SUPERVISOR_NAME), "a", 0o600);
  let ended: string | null = null;
  const up = spawn(options.command, [...options.args], { detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  up.once("error", (error) => {
    ended = error.message;
  });
  up.once("exit", (code, signal) => {
    ended = signal === null ? `exit code ${code}` : `killed by ${signal}`;
  });
  for (let waitedMs = 0; waitedMs < options.timeoutMs; waitedMs += LOOK_AGAIN_MS) {
    const ready = readyLine(dir, fromBytes);
    if (ready !== null && up.pid !== undefined) {
      up.unref();
      return { pid: up.pid, ready };
    }
    if (ended !== null) throw new Error(`up ended before it was ready (${ended}): ${lastWords(dir, SUPERVISOR_NAME, fromBytes)}`);
    await sleep(LOOK_AGAIN_MS);
  }
  up.unref();
  throw new Error(
    `up was not ready within ${options.timeoutMs} ms. It goes on trying as process ${up.pid}; see ${logPath(dir, SUPERVISOR_NAME)}, or end it with \`troupe down --dir ${options.dir}\`.`,
  );
}

function readyLine(dir: string, fromBytes: number): string | null {
  const text = readFileSync(logPath(dir, SUPERVISOR_NAME)).subarray(fromBytes).toString("utf8");
  return /^ready \S+$/m.exec(text)?.[0] ?? null;
}
