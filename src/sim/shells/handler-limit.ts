import type { Executor } from "../../service/executor.js";
import { isAlive, localMs, type SimProcess, timer, type World } from "../world.js";

/** As server/process/main.ts: an asynchronous handler has its time, and the executor is told when that is over. Called at its progress. */
export function createHandlerLimit(world: World, process: SimProcess, executor: () => Executor): () => void {
  let alarm: { cancel(): void } | null = null;
  function schedule(): void {
    alarm?.cancel();
    alarm = null;
    const runs = executor().executing() !== null && isAlive(process);
    if (runs) world.awaiting.add(process);
    else world.awaiting.delete(process);
    const wakeMs = runs ? executor().nextWakeMs() : Number.POSITIVE_INFINITY;
    if (wakeMs === Number.POSITIVE_INFINITY) return;
    alarm = timer(world, process, Math.max(0, wakeMs - localMs(world, process.host)), () => {
      executor().tick(localMs(world, process.host));
      schedule();
    });
  }
  return schedule;
}
