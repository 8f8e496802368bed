import { pathToFileURL } from "node:url";
import { type AnyService, checkService, exportedService } from "../../service/define-service.js";
import { createExecutor, type Executor, type ExecutorOptions } from "../../service/executor.js";
import { serviceMachine } from "../../service/service-machine.js";
import type { StateMachine } from "../../service/state-machine.js";
import type { ServiceCode } from "../../vocabulary/spec.js";

/** Loads the bundled service and makes the executor of it. Throws in words when the bundle cannot be loaded. */
export async function hostService(code: ServiceCode, options: ExecutorOptions): Promise<{ executor: Executor; machine: StateMachine }> {
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(code.path).href)) as { default?: unknown };
  } catch (error) {
    throw new Error(`The service ${code.name} threw while it was loaded from ${code.path}: ${(error as Error).stack ?? String(error)}`);
  }
  const service = exportedService(loaded.default);
  const problem = checkService(service);
  if (problem !== null) throw new Error(`${code.path} is no service: ${problem}.`);
  const machine = serviceMachine(service as AnyService);
  return { executor: createExecutor(machine, options), machine };
}
