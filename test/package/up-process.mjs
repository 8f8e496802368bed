import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const pollMs = 50;

/** Processes whose command line names the folder: all that run from a package installed in it. */
export async function processesOf(folder) {
  const { stdout } = await promisify(execFile)("ps", ["-axww", "-o", "pid=,stat=,command="], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, state, command] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return command?.includes(folder) === true && !state.startsWith("Z") ? [{ pid: Number(pid), command }] : [];
  });
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Runs `npx troupe up` in the folder until its first line says where it is ready. Its output is in up.out and up.err there. */
export async function startUp(folder, args) {
  const outPath = join(folder, "up.out");
  const out = openSync(outPath, "w");
  const err = openSync(join(folder, "up.err"), "w");
  // A group of its own, as a shell gives it: Ctrl-C goes to npx and all that it runs.
  const child = spawn("npx", ["--no-install", "troupe", "up", ...args], { cwd: folder, stdio: ["ignore", out, err], detached: true });
  closeSync(out);
  closeSync(err);
  const ended = once(child, "exit");
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended already.
    }
  };
  const output = () => `${readFileSync(outPath, "utf8")}\n${readFileSync(join(folder, "up.err"), "utf8")}`;
  const url = await waitForUrl(child, outPath).catch((error) => {
    signal("SIGKILL");
    throw new Error(`${error.message}\n${output()}`);
  });
  return {
    url,
    kill: () => signal("SIGKILL"),
    stop: async () => {
      signal("SIGINT");
      await Promise.race([
        ended,
        pause(stopTimeoutMs, undefined, { ref: false }).then(() => {
          throw new Error(`up did not end within ${stopTimeoutMs} ms of Ctrl-C\n${output()}`);
        }),
      ]);
      await waitForNone(folder);
    },
  };
}

async function waitForUrl(child, outPath) {
  for (let waitedMs = 0; waitedMs < readyTimeoutMs; waitedMs += pollMs) {
    const [line, rest] = readFileSync(outPath, "utf8").split("\n");
    if (rest !== undefined) {
      const url = /^ready (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
      if (url === undefined) throw new Error(`the first line is not \`ready URL\` but: ${line}`);
      return url;
    }
    if (child.exitCode !== null) throw new Error(`up ended with ${child.exitCode} before it was ready`);
    await pause(pollMs);
  }
  throw new Error(`up was not ready within ${readyTimeoutMs} ms`);
}

/** Children end with `up`, but not in the same instant: what is left after a second was forgotten. */
async function waitForNone(folder) {
  for (let waitedMs = 0; waitedMs < 1_000 && (await processesOf(folder)).length > 0; waitedMs += pollMs) await pause(pollMs);
}
