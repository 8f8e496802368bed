import type { HostId } from "../vocabulary/ids.js";
import type { Chance } from "./chance.js";
import type { Ledger } from "./checkers/ledger.js";
import type { Installation } from "./installation.js";
import type { RunningServer } from "./running.js";
import { isAlive, type SimProcess } from "./world.js";

/** What a fault may touch. */
export interface Scene {
  readonly installation: Installation;
  readonly ledger: Ledger;
  clients(): readonly SimProcess[];
  /** The storm is over: what heals by itself does so, nothing new strikes. */
  over: boolean;
}

/** Strikes once; false when there was nothing to strike. What it does heals by itself after a while, or at the end of the storm. */
export type Fault = (scene: Scene, chance: Chance) => boolean;

export function runningServers(scene: Scene): RunningServer[] {
  return [...scene.ledger.running.values()].filter((server) => isAlive(server.process));
}

export function hostIds(scene: Scene): HostId[] {
  return [...scene.installation.world.hosts.keys()];
}
