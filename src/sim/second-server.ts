import type { RunningServer } from "./running.js";
import type { Installation } from "./installation.js";
import { runServer } from "./shells/server-shell.js";
import { mark, startProcess } from "./world.js";

/** Somebody starts a server by hand on the folder of one that runs: it finds the lock held, or takes the place of one that has died meanwhile (S5a). */
export function startSecondServer(installation: Installation, server: RunningServer): boolean {
  const { world, plan } = installation;
  const { host } = server.process;
  if (plan.spec.durability === "memory" || !host.powered) return false;
  const { replica } = server.replica.config;
  mark(world, "second-server");
  runServer(installation, startProcess(world, host, replica, null), plan.spec, replica);
  return true;
}
