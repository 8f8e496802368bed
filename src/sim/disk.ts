// STAND-IN, for the owner of src/sim: your own disk.ts was overwritten by mistake by the storage work (12:47) and could not be brought back.
// If you still have its text, put it back over this file: nothing outside src/sim imports it. This one only keeps your callers compiling:
// its names are yours, its signatures are guesses from your call sites, its semantics are those of storage/simulated-disk.ts.
import { crashDisk, createSimulatedDisk, performOnDisk, type SimulatedDisk } from "../storage/simulated-disk.js";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import type { Chance } from "./chance.js";

export type SimDisk = SimulatedDisk;

export function createSimDisk(): SimDisk {
  return createSimulatedDisk();
}

/** Performs the operation at once; the caller delivers the completion when it likes. */
export function submitToDisk(disk: SimDisk, operation: DiskOperation, faultCode: string | null = null): DiskCompletion {
  return performOnDisk(disk, operation, faultCode);
}

/** Loses any subset of what was not synced, as at a power cut. */
export function killDisk(chance: Chance, disk: SimDisk): void {
  crashDisk(disk, (count) => chance.integer(0, count - 1));
}
