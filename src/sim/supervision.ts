import type { Installation } from "./installation.js";
import { runGfd } from "./shells/gfd-shell.js";
import { runLfd } from "./shells/lfd-shell.js";
import { runRm } from "./shells/rm-shell.js";
import { after, endProcess, isAlive, localMs, mark, type SimHost, type SimProcess, startProcess } from "./world.js";

export function startInstallation(installation: Installation): void {
  const { mainHost, serverHosts } = installation;
  supervise(installation, mainHost, "gfd", (process) => runGfd(installation, process));
  supervise(installation, mainHost, "rm", (process) => {
    installation.rm = runRm(installation, process);
  });
  for (const host of serverHosts) supervise(installation, host, `lfd-${host.hostId}`, (process) => runLfd(installation, process));
}

const SILENCE_MS = 3_000;

/** As the supervisor: exit or silence, then kill, then restart, with back-off. */
function supervise(installation: Installation, host: SimHost, name: string, run: (process: SimProcess) => void): void {
  const { world } = installation;
  let lifeBeganMs = 0;
  let backoffMs = 100;

  function start(): void {
    if (!host.powered) {
      after(world, 500, start);
      return;
    }
    lifeBeganMs = world.nowMs;
    const process = startProcess(world, host, name, null);
    installation.supervised.set(name, process);
    process.onExit = () => {
      mark(world, `supervisor-restarts-${name.split("-")[0] ?? name}`);
      backoffMs = world.nowMs - lifeBeganMs > 5_000 ? 100 : Math.min(2_000, backoffMs * 2);
      after(world, backoffMs * world.chance.process.between(0.5, 1), start);
    };
    after(world, world.chance.process.between(5, 30), () => {
      if (isAlive(process)) run(process);
    });
    watch(process);
  }

  function watch(process: SimProcess): void {
    let silentSinceMs = localMs(world, host);
    const look = (): void => {
      if (!isAlive(process)) return;
      if (process.state === "running") silentSinceMs = localMs(world, host);
      if (localMs(world, host) - silentSinceMs > SILENCE_MS) endProcess(world, process, null, "SIGKILL");
      else after(world, 500, look);
    };
    look();
  }

  start();
}
