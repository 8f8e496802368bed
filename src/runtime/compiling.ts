import { setFlagsFromString } from "node:v8";

/** Code that is not run for a while is otherwise forgotten, and compiled again while others wait for it. */
export function keepBytecode(): void {
  setFlagsFromString("--no-flush-bytecode");
}

/**
 * For a process that does little, and now and then something that all wait for: its code stays as it was first compiled, and is not
 * forgotten. It would be optimised in the very moment of a failover, when it runs more than usual, and that takes milliseconds of a
 * processor which the servers need.
 */
export function keepCompiled(): void {
  setFlagsFromString("--no-opt");
  keepBytecode();
}
