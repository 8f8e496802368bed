import type { StatusImage } from "../vocabulary/admin.js";
import { hostId } from "../vocabulary/ids.js";
import { type ControlStore, createControlStore } from "./control-store.js";
import { createNetwork, type Network } from "./network.js";
import type { Observer } from "./observer.js";
import type { Plan } from "./plan.js";
import { type RunningRm, runRm } from "./shells/rm-shell.js";
import { runGfd } from "./shells/gfd-shell.js";
import { runLfd } from "./shells/lfd-shell.js";
import { addHost, after, endProcess, isAlive, localMs, mark, type SimHost, type SimProcess, startProcess, type World } from "./world.js";

/** One Troupe installation in a world: hosts, the components on them, and who keeps these running. */
export interface Installation {
  readonly world: World;
  readonly network: Network;
  readonly plan: Plan;
  readonly observer: Observer;
  readonly store: ControlStore;
  /** What the gateways know. */
  status: StatusImage | null;
  rm: RunningRm | null;
  /** Steps of a view change at which the next server that reaches them dies. */
  readonly failpoints: Set<string>;
  readonly serverHosts: readonly SimHost[];
  readonly mainHost: SimHost;
  readonly supervised: Map<string, SimProcess>;
}

export function createInstallation(world: World, plan: Plan, observer: Observer): Installation {
  const serverHosts: SimHost[] = [];
  for (let i = 1; i <= plan.hostCount; i++) serverHosts.push(addHost(world, hostId(`host-${i}`)));
  // GFD and RM: beside the servers when there is one host, else on a machine of their own.
  const mainHost = plan.hostCount === 1 ? serverHosts[0] : addHost(world, hostId("main"));
  if (mainHost === undefined) throw new RangeError("no hosts");
  const installation: Installation = {
    world,
    network: createNetwork(),
    plan,
    observer,
    store: createControlStore(),
    status: null,
    rm: null,
    failpoints: new Set(),
    serverHosts,
    mainHost,
    supervised: new Map(),
  };
  installation.store.unknownProbability = plan.storeUnknownProbability;
  return installation;
}

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
