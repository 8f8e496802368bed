import { serviceMachine } from "../service/service-machine.js";
import { createChance } from "../sim/chance.js";
import type { Guest } from "../sim/guest.js";
import { localMs, type SimProcess, violate, wallMs, type World } from "../sim/world.js";
import { type Chronicle, createChronicle, find, findOutside } from "./chronicle.js";
import type { HostSource } from "./host-globals.js";
import { nextCall, type Source } from "./requests.js";
import type { Subject } from "./subject.js";
import { watchedMachine } from "./watched-machine.js";

/** The rule under which the simulator's run ends when something was found out about the service. */
export const SERVICE_RULE = "service";

/** A service in the simulated world, and what comes of it there. */
export function guestOf(subject: Subject, sources: readonly Source[]): { readonly guest: Guest; readonly chronicle: Chronicle } {
  let ending: World | null = null;
  const chronicle = createChronicle((finding) => {
    if (ending !== null) violate(ending, SERVICE_RULE, finding.text);
  });
  const guest: Guest = {
    opening: [],
    closing: [],
    next(chance) {
      try {
        return nextCall(sources, chance);
      } catch (error) {
        // The service's own function: said once, and the run ends.
        find(chronicle, "examples", null, error instanceof Error ? error.message : String(error));
        return { kind: "query", name: "none", input: undefined };
      }
    },
    machine(world, process) {
      ending = world;
      if (chronicle.finding !== null) violate(world, SERVICE_RULE, chronicle.finding.text);
      return watchedMachine({
        chronicle,
        place: process.name,
        host: hostOf(world, process, chronicle),
        newService: subject.newService,
        makeMachine: subject.makeMachine ?? serviceMachine,
      });
    },
  };
  return { guest, chronicle };
}

/** Clocks and chance of its own for each process, so that what takes them from its machine shows. */
function hostOf(world: World, process: SimProcess, chronicle: Chronicle): HostSource {
  return {
    wallMs: () => wallMs(world, process.host) + process.pid,
    monotonicMs: () => localMs(world, process.host),
    chance: createChance(world.seed, `service-${process.pid}`),
    pid: process.pid,
    hostName: process.host.hostId,
    reach: (what) => findOutside(chronicle, what),
  };
}
