import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { commandEntry } from "../config/installation.js";
import type { Settings } from "../config/schema.js";
import { makeFolder } from "../runtime/folder.js";
import { makeDataFolder } from "../supervisor/claim.js";
import { EXIT, Failure, print } from "./output.js";
import type { UpFlags } from "./up-plan.js";

const LOOK_AGAIN_MS = 50;

/** Starts the same `up` in a session of its own, with its output in DIR/logs/up.log, and returns once that says `ready`. */
export async function detach(flags: UpFlags, settings: Settings): Promise<void> {
  const dir = resolve(settings.dir);
  makeDataFolder(dir);
  const logs = join(dir, "logs");
  makeFolder(logs);
  const path = join(logs, "up.log");
  // Appended to: a second `up` that is refused must not wipe the log of the one that runs.
  const output = openSync(path, "a", 0o600);
  const fromBytes = statSync(path).size;
  const said = (): string => readFileSync(path).subarray(fromBytes).toString("utf8");
  const child = spawn(process.execPath, ["--enable-source-maps", commandEntry(), "up", ...argumentsOf(flags)], {
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  let exitCode: number | null = null;
  child.once("exit", (code) => {
    exitCode = code ?? EXIT.failed;
  });
  for (;;) {
    const text = said();
    const ready = /^ready (\S+)$/m.exec(text);
    if (ready !== null) break;
    if (exitCode !== null)
      throw new Failure(exitCode === 0 ? EXIT.failed : exitCode, text.trim() || `\`up\` ended with exit code ${exitCode}.`);
    await sleep(LOOK_AGAIN_MS);
  }
  print(said().trim());
  child.unref();
}

/** The flags as they were given, but for --detach. */
function argumentsOf(flags: UpFlags): string[] {
  const { service, detach: _, ...options } = flags;
  const given = Object.entries(options).flatMap(([name, value]) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (value === undefined) return [];
    if (value === true) return [`--${flag}`];
    if (value === false) return [`--no-${flag}`];
    return [`--${flag}`, String(value)];
  });
  return service === undefined ? given : [service, ...given];
}
