import type { SimHost } from "../world.js";

/** Under which a host's LFD writes its address down. */
export function lfdName(host: SimHost): string {
  return `lfd ${host.hostId}`;
}
