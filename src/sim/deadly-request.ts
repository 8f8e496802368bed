import type { Installation } from "./installation.js";
import { endProcess, mark, type SimProcess } from "./world.js";

/** A process is about to execute a request: does it die at it? If so it is dead already, and has left its mark. */
export function isDeadly({ world, deadly }: Installation, process: SimProcess, requestKey: string): boolean {
  if (deadly === null || deadly.deathsLeft === 0) return false;
  deadly.key ??= requestKey;
  if (deadly.key !== requestKey) return false;
  if (deadly.sparedLeft > 0) {
    deadly.sparedLeft -= 1;
    return false;
  }
  deadly.deathsLeft -= 1;
  mark(world, "died-at-request");
  process.executing = requestKey;
  endProcess(world, process, null, "SIGKILL");
  return true;
}
