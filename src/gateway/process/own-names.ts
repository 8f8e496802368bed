import { networkInterfaces } from "node:os";
import { isLoopback } from "../../config/schema.js";
import { monotonicMs } from "../../runtime/clock.js";
import type { OwnNames } from "../http/security.js";

type Interfaces = ReturnType<typeof networkInterfaces>;

/** Addresses are looked up at most so often. */
const LOOK_AGAIN_MS = 1_000;

/**
 * On a loopback address the loopback names; otherwise also those of the addresses that this machine has at the moment: they come and go while a
 * gateway runs (a laptop that wakes up elsewhere, another lease, a tunnel).
 */
export function ownNames(host: string, interfaces: () => Interfaces = networkInterfaces, nowMs: () => number = monotonicMs): OwnNames {
  // As a browser writes them, and as they are compared.
  const named = host.toLowerCase();
  const always = ["127.0.0.1", "localhost", "[::1]", named.includes(":") ? `[${named}]` : named];
  let names: ReadonlySet<string> = new Set(always);
  if (isLoopback(host)) return { hosts: () => names };
  let lookAtMs = Number.NEGATIVE_INFINITY;
  return {
    hosts() {
      if (nowMs() >= lookAtMs) {
        names = new Set([...always, ...addressesOf(interfaces())]);
        lookAtMs = nowMs() + LOOK_AGAIN_MS;
      }
      return names;
    },
  };
}

function addressesOf(interfaces: Interfaces): string[] {
  return Object.values(interfaces).flatMap((addresses) =>
    (addresses ?? []).map(({ family, address }) => (family === "IPv6" ? `[${address}]` : address)),
  );
}
