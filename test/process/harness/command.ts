import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PROJECT } from "./installation.js";

export interface Said {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

const TIMEOUT_MS = 20_000;

/** Runs `troupe` with arguments until it ends by itself. One that does not is killed, and has said so: its status is null. */
export async function troupe(args: readonly string[], folder: string = PROJECT): Promise<Said> {
  const child = spawn(process.execPath, [join(PROJECT, "bin/troupe.js"), ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on("data", (bytes: Buffer) => {
    err += bytes.toString();
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const [status] = await once(child, "close");
  clearTimeout(timer);
  return { status: typeof status === "number" ? status : null, out, err };
}
