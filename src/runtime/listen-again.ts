import { readAddress } from "./address-file.js";
import { type Listener, type ListenOptions, listen } from "./listener.js";

/** Listens on the port that the component `name` of the folder `dir` had before, if it is free: peers that knew it need not look it up. */
export async function listenAgain(dir: string, name: string, options: Omit<ListenOptions, "host" | "port">): Promise<Listener> {
  const known = readAddress(dir, name);
  if (known !== null) {
    try {
      return await listen({ ...options, host: "127.0.0.1", port: known.port });
    } catch {
      // Another process has it now: any free one will do.
    }
  }
  return listen({ ...options, host: "127.0.0.1", port: 0 });
}
