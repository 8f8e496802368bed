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
  // Until it is ready it is this command's: Ctrl-C takes back what was begun. It is in a session of its own, and hears of it from here.
  let signalled: NodeJS.Signals | null = null;
  const pass = (signal: NodeJS.Signals): void => {
    signalled = signal;
    child.kill("SIGTERM");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, pass);
  for (;;) {
    const text = said();
    const ready = signalled === null ? splitAtReady(text) : null;
    if (ready !== null) {
      process.stderr.write(ready.before);
      print(ready.after.trim());
      break;
    }
    if (signalled !== null && exitCode !== null) throw new Failure(EXIT.failed, `Interrupted by ${signalled}: nothing was left running.`);
    if (exitCode !== null)
      throw new Failure(exitCode === 0 ? EXIT.failed : exitCode, text.trim() || `\`up\` ended with exit code ${exitCode}.`);
    await sleep(LOOK_AGAIN_MS);
  }
  child.unref();
}

/** What `up` said before it was ready (on stderr, with one log for both), and from the line `ready` on, which is the first of its stdout. */
export function splitAtReady(text: string): { readonly before: string; readonly after: string } | null {
  const at = text.search(/^ready \S+$/m);
  return at < 0 ? null : { before: text.slice(0, at), after: text.slice(at) };
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
