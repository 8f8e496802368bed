import { setFlagsFromString } from "node:v8";

/**
 * For a process that does little, and now and then something that all wait for: its code stays as it was first compiled, and is not
 * forgotten. It would be optimised in the very moment of a failover, when it runs more than usual, and that takes milliseconds of a
 * processor which the servers need.
 */
export function keepCompiled(): void {
  setFlagsFromString("--no-opt");
  setFlagsFromString("--no-flush-bytecode");
}
