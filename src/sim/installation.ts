import type { StatusImage } from "../vocabulary/admin.js";
import { hostId } from "../vocabulary/ids.js";
import { type ControlStore, createControlStore } from "./control-store.js";
import { createNetwork, type Network } from "./network.js";
import type { Observer } from "./observer.js";
import type { Plan } from "./plan.js";
import type { RunningRm } from "./running.js";
import { addHost, type SimHost, type SimProcess, type World } from "./world.js";

/**
 * A request at which processes die (S6i): the first that is executed after the fault has struck. Some executions of it may be spared, so that
 * it is answered before others die at it by chance.
 */
export interface DeadlyRequest {
  key: string | null;
  sparedLeft: number;
  deathsLeft: number;
}

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
  deadly: DeadlyRequest | null;
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
    deadly: null,
    serverHosts,
    mainHost,
    supervised: new Map(),
  };
  installation.store.unknownProbability = plan.storeUnknownProbability;
  return installation;
}
