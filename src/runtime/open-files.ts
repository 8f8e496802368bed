import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { LIMITS } from "../vocabulary/limit.js";

/** How many connections a process takes: half of the files that it may have open, which are sockets as well as its own. */
export const CONNECTIONS_MAX = connectionsMax(readOpenFilesMax());

/**
 * A crowd that takes all descriptors would end a replica at the next file of its log (S5e), and all replicas, since clients connect to each of
 * them: what is refused here comes back later, and harms nobody.
 */
export function connectionsMax(openFilesMax: number): number {
  return Math.min(LIMITS.connectionsMax, Math.floor(openFilesMax / 2));
}

/** Of this process, as the kernel or the shell says; Infinity where neither does. Node has raised it as far as it may. */
function readOpenFilesMax(): number {
  try {
    return parseOpenFiles(readFileSync("/proc/self/limits", "latin1"));
  } catch {
    // There is no /proc.
    const { stdout } = spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" });
    return Number.parseInt(stdout ?? "", 10) || Number.POSITIVE_INFINITY;
  }
}

/** The soft limit in /proc/self/limits. */
export function parseOpenFiles(text: string): number {
  return Number(/^Max open files +(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
}
