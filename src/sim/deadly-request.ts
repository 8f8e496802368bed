/**
 * A request at which processes die (S6i): the first that is executed after the fault has struck. Some executions of it may be spared, so that
 * it is answered before others die at it by chance.
 */
export interface DeadlyRequest {
  key: string | null;
  sparedLeft: number;
  deathsLeft: number;
}

/** A process is about to execute a request: does it die at it? */
export function isDeadly(deadly: DeadlyRequest | null, requestKey: string): boolean {
  if (deadly === null || deadly.deathsLeft === 0) return false;
  deadly.key ??= requestKey;
  if (deadly.key !== requestKey) return false;
  if (deadly.sparedLeft > 0) {
    deadly.sparedLeft -= 1;
    return false;
  }
  deadly.deathsLeft -= 1;
  return true;
}
