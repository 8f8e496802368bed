import type { StateMachine } from "../service/state-machine.js";
import type { Requests } from "./services.js";
import type { SimProcess, World } from "./world.js";

/** A service that is not of this folder, and what clients ask of it. */
export interface Guest extends Requests {
  /** For a server that starts. */
  machine(world: World, process: SimProcess): StateMachine;
}
