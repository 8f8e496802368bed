import type { Installation } from "./installation.js";
import { runRm } from "./shells/rm-shell.js";
import { after, endProcess, mark, startProcess } from "./world.js";

/** A second Replication Manager on the same store: the first finds out when it writes (S1a, S1c). It ends by itself or after a while. */
export function startSecondRm(installation: Installation): boolean {
  const { world, mainHost } = installation;
  if (!mainHost.powered) return false;
  const process = startProcess(world, mainHost, "rm-second", null);
  mark(world, "second-rm");
  runRm(installation, process);
  after(world, world.chance.faults.between(100, 3_000), () => endProcess(world, process, null, "SIGKILL"));
  return true;
}
