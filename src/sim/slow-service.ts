import type { OperationContext } from "../service/context.js";
import type { AnyService, OperationHandler } from "../service/define-service.js";
import { serviceMachine } from "../service/service-machine.js";
import type { StateMachine } from "../service/state-machine.js";
import { isPassive, STYLES } from "../vocabulary/style.js";
import { after, mark, type World } from "./world.js";

/** Well above what the usual pauses take together, well below the long one. */
export const SLOW_HANDLER_TIMEOUT_MS = 100;

const LONG_MS = 1_000;
export const SLOW_STYLES = STYLES.filter(isPassive);

/** `service` with handlers that wait before their work and once more when its changes are made: not at all, some milliseconds, or longer than they may. */
export function slowMachine(world: World, service: AnyService): StateMachine {
  const operations = Object.fromEntries(Object.entries(service.operations).map(([name, handler]) => [name, slow(world, handler)]));
  const machine = serviceMachine({ ...service, operations, styles: SLOW_STYLES });
  return {
    ...machine,
    abandon(why) {
      mark(world, why.startsWith("exceeded") ? "handler-timed-out" : "handler-taken-back");
      machine.abandon(why);
    },
  };
}

function slow(world: World, handler: OperationHandler<never>): OperationHandler<never> {
  return async (state: never, input: never, context: OperationContext) => {
    await pause(world);
    const result = handler(state, input, context);
    await pause(world);
    return result;
  };
}

function pause(world: World): Promise<void> | null {
  const { workload } = world.chance;
  if (workload.happens(0.4)) return null;
  const forMs = workload.happens(0.015) ? LONG_MS : workload.between(0.1, 8);
  return new Promise((resolve) => {
    after(world, forMs, resolve);
  });
}
