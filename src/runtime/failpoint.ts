import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Where a test has this process die: the file `failpoint` in its folder (a replica's, or the Replication Manager's) names a step of the view change; the process removes the
 * file and kills itself there. Nothing of it is looked at unless TROUPE_FAILPOINTS=1.
 */
export function dieAtFailpoint(folder: string, point: string): void {
  if (process.env.TROUPE_FAILPOINTS !== "1") return;
  const path = join(folder, "failpoint");
  let armed: string;
  try {
    armed = readFileSync(path, "utf8").trim();
  } catch {
    return; // Not armed.
  }
  if (armed !== point) return;
  rmSync(path);
  const die = (): void => void process.kill(process.pid, "SIGKILL");
  // What was sent in this turn is written at its end: here the answer is to be on its way before the process dies.
  if (point === "sealed-answered") setTimeout(die, 1);
  else die();
}
