import { setFlagsFromString } from "node:v8";

/**
 * A pause for garbage ends when the last of the threads that share its work is through, and on a machine that is busy those have to stand in
 * line for a processor first, one after the other. Young objects are few enough for the thread that needs the room: it does it alone.
 */
export function collectAlone(): void {
  setFlagsFromString("--no-parallel-scavenge");
}
