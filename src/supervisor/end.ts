import { setTimeout as sleep } from "node:timers/promises";
import { forgetProcess, type ProcessRecord, recordedProcess, recordedProcesses } from "../runtime/child.js";
import { isAlive, processState, signalProcess } from "../runtime/process-info.js";

/** The name under which `up` itself is recorded among the processes of its folder. */
export const SUPERVISOR_NAME = "up";
/** Who starts others ends first, so that nobody replaces what is being ended. */
const STARTERS = ["rm", "lfd"];
const LOOK_AGAIN_MS = 10;
/** A process that SIGKILL does not end hangs in the kernel: it is named, not waited for. */
const KILL_TIMEOUT_MS = 10_000;
export const END_GRACE_MS = 1_000;

/**
 * Ends every recorded process of the folder but this one: asked first (SIGTERM), killed after `graceMs`; stopped ones, which hear
 * nothing, at once. Each is signalled only if it is still the process that was recorded. Returns those that would not end: normally none.
 */
export async function endProcesses(dir: string, graceMs = END_GRACE_MS): Promise<readonly ProcessRecord[]> {
  await endThese(dir, graceMs, (record) => STARTERS.includes(record.name));
  const left = await endThese(dir, graceMs, () => true);
  for (const record of recordedProcesses(dir)) if (!isAlive(record.pid, record.startTime)) forgetProcess(dir, record.name);
  return left;
}

async function endThese(dir: string, graceMs: number, chosen: (record: ProcessRecord) => boolean): Promise<readonly ProcessRecord[]> {
  const asked = new Set<number>();
  let waitedMs = 0;
  for (;;) {
    // Read anew each time: a server may have been started in the last moment of its LFD.
    const alive = aliveProcesses(dir).filter(chosen);
    if (alive.length === 0 || waitedMs > graceMs + KILL_TIMEOUT_MS) return alive;
    for (const record of alive) {
      if (waitedMs >= graceMs || processState(record.pid) === "stopped") signalProcess(record.pid, record.startTime, "SIGKILL");
      else if (!asked.has(record.pid)) signalProcess(record.pid, record.startTime, "SIGTERM");
      asked.add(record.pid);
    }
    await sleep(LOOK_AGAIN_MS);
    waitedMs += LOOK_AGAIN_MS;
  }
}

function aliveProcesses(dir: string): readonly ProcessRecord[] {
  return recordedProcesses(dir).filter((record) => record.pid !== process.pid && isAlive(record.pid, record.startTime));
}

/**
 * `troupe down`: asks the `up` of this folder to stop, kills it when it does not, and sees to it that nothing of the folder is left
 * running. `not-running`: there was nothing to end.
 */
export async function stopDetached(dir: string, timeoutMs = 15_000): Promise<"stopped" | "not-running"> {
  const up = recordedProcess(dir, SUPERVISOR_NAME);
  const hadProcesses = aliveProcesses(dir).length > 0;
  if (up !== null) {
    signalProcess(up.pid, up.startTime, "SIGTERM");
    // A stopped one hears nothing; it is killed below.
    for (let waitedMs = 0; waitedMs < timeoutMs && isAlive(up.pid, up.startTime); waitedMs += LOOK_AGAIN_MS) {
      if (processState(up.pid) === "stopped") break;
      await sleep(LOOK_AGAIN_MS);
    }
  }
  const left = await endProcesses(dir, 0);
  if (left.length > 0)
    throw new Error(
      `These processes do not end even when killed; they hang in the kernel: ${left.map((one) => `${one.name} (${one.pid})`).join(", ")}.`,
    );
  return hadProcesses ? "stopped" : "not-running";
}
